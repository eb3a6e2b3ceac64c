//! Formats of array files, recognized by their first bytes. Another format is a file beside this one and an entry in `FORMATS`.

use std::io::BufReader;

use super::array::{Array, Source};
use super::role::Role;
use super::{header, npz, safetensors};
use crate::file_at::FileAt;
use crate::{Error, Result};

/// Bytes that are enough to recognize a format.
const START: u64 = 9;

/// What a file holds.
pub(crate) enum Contents<'a> {
    /// An array that was chosen by its name and role.
    Array(Box<Array<'a>>),
    /// A Parquet file, which is read as a table of columns.
    Parquet,
}

/// Whether these are the first bytes of a file of the format.
type IsStart = fn(&[u8]) -> bool;

type Open = fn(&FileAt, Option<&str>, &Role) -> Result<Contents<'static>>;

/// The formats: how a file begins, and how it is opened.
const FORMATS: [(IsStart, Open); 4] = [
    (
        |start| start.starts_with(header::MAGIC),
        |file, member, _| array(open_npy(file, member)),
    ),
    (
        |start| start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06"),
        |file, member, role| array(npz::open(file, member, role)),
    ),
    (|start| start.starts_with(b"PAR1"), |_, _, _| Ok(Contents::Parquet)),
    (
        |start| start.get(8) == Some(&b'{'),
        |file, member, role| array(safetensors::open(file, member, role)),
    ),
];

/// Opens a file and the array in it that `member` names or `role` decides.
pub(crate) fn open(file: &FileAt, member: Option<&str>, role: &Role) -> Result<Contents<'static>> {
    let start = file
        .bytes_at(0, file.len().min(START))
        .map_err(|source| Error::io("cannot be read", file.path(), source))?;
    let Some((_, open)) = FORMATS.iter().find(|(begins, _)| begins(&start)) else {
        let what = match start.first() {
            None => "the file is empty",
            Some(0x80) => "is a Python pickle, which is not read because reading it runs code",
            Some(_) => "is not an array file",
        };
        let message = format!("{what}; expected .npy, .npz, .safetensors or .parquet");
        return Err(Error::unsupported(message).in_file(file.path()));
    };
    open(file, member, role).map_err(|error| error.in_file(file.path()))
}

fn array(array: Result<Array<'_>>) -> Result<Contents<'_>> {
    array.map(|array| Contents::Array(Box::new(array)))
}

fn open_npy(file: &FileAt, member: Option<&str>) -> Result<Array<'static>> {
    if let Some(member) = member {
        let message = format!("holds one array without a name, but {member:?} was requested");
        return Err(Error::not_found(message));
    }
    let header = header::read(&mut BufReader::new(file.reader(0)), file.len())?;
    let offset = header.offset;
    Ok(Array::new(
        file.path(),
        None,
        header,
        Source::Plain(file.clone(), offset),
    ))
}
