//! `.npz`: a zip file of `.npy` members, stored or deflated.

use std::io::BufReader;

use zip::{CompressionMethod, ZipArchive};

use super::array::{Array, Inflated, Member, Source};
use super::header;
use super::role::{self, Role};
use crate::file_at::FileAt;
use crate::{Error, Result};

/// Deflate makes at most so many bytes of one.
const MOST_INFLATED: u64 = 1032;

pub(crate) fn open(file: &FileAt, member: Option<&str>, role: &Role) -> Result<Array<'static>> {
    let damaged = |source| Error::malformed("is not an .npz file, or is truncated").caused_by(source);
    let mut archive = ZipArchive::new(BufReader::new(file.reader(0))).map_err(damaged)?;
    let mut names = Vec::new();
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let Some(name) = name.strip_suffix(".npy") else {
            continue;
        };
        let method = if entry.encrypted() {
            None
        } else {
            Some(entry.compression())
        };
        let start = entry
            .data_start()
            .ok_or_else(|| Error::malformed(format!("array {name:?} has no position in the file")))?;
        members.push((
            method,
            Member {
                start,
                compressed: entry.compressed_size(),
                size: entry.size(),
                crc32: entry.crc32(),
            },
        ));
        names.push(name.to_owned());
    }
    let load = |index: usize| -> Result<Array<'static>> {
        let (method, member) = members[index];
        let at = |error: Error| error.at(format!("array {:?}", names[index]));
        let inside = member
            .start
            .checked_add(member.compressed)
            .is_some_and(|end| end <= file.len());
        if !inside {
            return Err(at(Error::malformed("extends beyond the end of the file")));
        }
        // The directory may claim any size, and an element may be as long as its array: what cannot be true is refused before
        // memory is reserved for it.
        if member.size / MOST_INFLATED > member.compressed {
            let message = format!(
                "claims {} bytes, which {} compressed ones cannot hold",
                member.size, member.compressed
            );
            return Err(at(Error::malformed(message)));
        }
        let name = Some(names[index].clone());
        match method {
            Some(CompressionMethod::Stored) => {
                let header =
                    header::read(&mut BufReader::new(file.reader(member.start)), member.compressed).map_err(at)?;
                let offset = member.start + header.offset;
                Ok(Array::new(
                    file.path(),
                    name,
                    header,
                    Source::Plain(file.clone(), offset),
                ))
            }
            Some(CompressionMethod::Deflated) => {
                let mut start = Inflated::new(file.clone(), member, 0);
                let header = header::read(&mut start, member.size).map_err(at)?;
                let inflated = Inflated::new(file.clone(), member, header.offset);
                Ok(Array::new(
                    file.path(),
                    name,
                    header,
                    Source::Inflated(Box::new(inflated)),
                ))
            }
            other => {
                let found = other.map_or_else(|| "encrypted".to_owned(), |method| method.to_string());
                Err(at(Error::unsupported(format!(
                    "expected a stored or deflated member, found {found}"
                ))))
            }
        }
    };
    let shapes = |index: usize| load(index).ok().map(|array| array.shape);
    load(role::choose(&names, shapes, member, role)?)
}
