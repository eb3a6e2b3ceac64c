//! NumPy's `.npz`: a ZIP archive of `.npy` members.

use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use super::npy;
use super::raw::{Bytes, Contents};
use super::source::{Candidate, Role, choose};
use crate::file_at::FileAt;
use crate::{Error, Result};

/// Reads the member that `wanted` or `role` says.
pub(super) fn read(path: &Path, wanted: Option<&str>, role: Role) -> Result<Contents> {
    let broken =
        |source: zip::result::ZipError| Error::malformed("is not an .npz archive, or a damaged one").caused_by(source);
    let file = FileAt::open(path)?;
    let mut archive = ZipArchive::new(file.reader(0)).map_err(broken)?;
    let mut candidates = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(broken)?;
        let Some(name) = member.name().map_err(broken)?.strip_suffix(".npy").map(str::to_owned) else {
            continue;
        };
        let head = head(&mut member).map_err(|error| error.at(format!("array {name:?}")))?;
        candidates.push(Candidate {
            rank: rank(&head),
            name,
            index,
        });
    }
    let chosen = choose(&candidates, wanted, role)?;
    let mut member = archive.by_index(chosen.index).map_err(broken)?;
    let head = head(&mut member).map_err(|error| error.at(format!("array {:?}", chosen.name)))?;
    // Read, not reserved: the archive's own word for the size may be a lie.
    let mut bytes = Vec::new();
    let limit = member.size().saturating_sub(head.len() as u64);
    member.take(limit).read_to_end(&mut bytes).map_err(|source| {
        Error::malformed("cannot be decompressed")
            .at(format!("array {:?}", chosen.name))
            .caused_by(source)
    })?;
    npy::contents(&chosen.name, &head, Bytes::Memory(bytes))
}

/// Everything before the first element.
fn head(member: &mut impl Read) -> Result<Vec<u8>> {
    let read = |member: &mut dyn Read, length: usize, into: &mut Vec<u8>| {
        member
            .take(length as u64)
            .read_to_end(into)
            .map_err(|source| Error::malformed("cannot be decompressed").caused_by(source))
    };
    let mut head = Vec::new();
    read(member, npy::PREFIX, &mut head)?;
    let length = npy::data_offset(&head)?;
    if length > head.len() {
        let missing = length - head.len();
        if read(member, missing, &mut head)? < missing {
            return Err(Error::malformed("the header is truncated"));
        }
    }
    Ok(head)
}

/// Dimensions, as far as the header tells; reading it in full comes with reading the array.
fn rank(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head);
    let after = text.split_once("'shape'").and_then(|(_, after)| after.split_once('('));
    let shape = after.and_then(|(_, after)| after.split_once(')'));
    shape.map_or(0, |(shape, _)| {
        shape.split(',').filter(|size| !size.trim().is_empty()).count()
    })
}
