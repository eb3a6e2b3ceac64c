//! Files of arrays (`.npy`, `.npz`, `.safetensors`), recognized by their first bytes, and the choice of an array in them.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use zip::{CompressionMethod, ZipArchive};

use super::array::{Array, Inflated, Member, Source};
use super::element::{DType, Element};
use super::header::{self, Header, Order};
use crate::error::listed;
use crate::file_at::FileAt;
use crate::{Error, Result};
use ranktune_core::names::did_you_mean;

/// The use of an array. It decides which array of a file is read.
pub(crate) struct Role {
    /// Its name in errors.
    pub(crate) what: &'static str,
    /// Usual names of such an array, the most usual first.
    pub(crate) names: &'static [&'static str],
    /// Accepted numbers of dimensions.
    pub(crate) dimensions: &'static [usize],
}

pub(crate) const FEATURES: Role = Role {
    what: "features",
    names: &["features", "embeddings", "X", "x"],
    dimensions: &[2],
};
pub(crate) const PROBABILITIES: Role = Role {
    what: "probabilities",
    names: &["probabilities", "probs", "source_probabilities"],
    dimensions: &[2],
};
pub(crate) const TARGETS: Role = Role {
    what: "targets",
    names: &["labels", "targets", "label", "target", "Y", "y"],
    dimensions: &[1],
};

/// A file, and the array or column in it if the user named one: `file.npz:name`.
pub(crate) struct ArrayPath {
    pub(crate) file: PathBuf,
    pub(crate) member: Option<String>,
}

impl ArrayPath {
    /// An existing path is a file, even if it has a colon. Else the text after the last colon is the name of an array.
    pub(crate) fn parse(path: &Path) -> Self {
        let whole = Self {
            file: path.to_owned(),
            member: None,
        };
        if path.exists() {
            return whole;
        }
        match path.to_str().and_then(|text| text.rsplit_once(':')) {
            Some((file, member)) if !member.is_empty() && Path::new(file).is_file() => Self {
                file: PathBuf::from(file),
                member: Some(member.to_owned()),
            },
            _ => whole,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Npy,
    Npz,
    Safetensors,
    Parquet,
}

impl Format {
    pub(crate) fn of(file: &FileAt) -> Result<Self> {
        let length = file.len().min(9);
        let start = file
            .bytes_at(0, length)
            .map_err(|source| Error::io("cannot be read", file.path(), source))?;
        let found = if start.starts_with(header::MAGIC) {
            Self::Npy
        } else if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            Self::Npz
        } else if start.starts_with(b"PAR1") {
            Self::Parquet
        } else if start.get(8) == Some(&b'{') {
            Self::Safetensors
        } else {
            let what = match start.first() {
                None => "the file is empty",
                Some(0x80) => "is a Python pickle, which is not read because reading it runs code",
                Some(_) => "is not an array file",
            };
            let message = format!("{what}; expected .npy, .npz, .safetensors or .parquet");
            return Err(Error::unsupported(message).in_file(file.path()));
        };
        Ok(found)
    }
}

pub(crate) fn open(file: &FileAt, format: Format, member: Option<&str>, role: &Role) -> Result<Array> {
    let array = match format {
        Format::Npz => open_npz(file, member, role),
        Format::Safetensors => open_safetensors(file, member, role),
        Format::Npy | Format::Parquet => match member {
            None => open_npy(file),
            Some(member) => Err(Error::not_found(format!(
                "holds one array without a name, but {member:?} was requested"
            ))),
        },
    };
    array.map_err(|error| error.in_file(file.path()))
}

fn open_npy(file: &FileAt) -> Result<Array> {
    let header = header::read(&mut BufReader::new(file.reader(0)), file.len())?;
    let offset = header.offset;
    Ok(array(file, None, header, Source::Plain(offset)))
}

fn array(file: &FileAt, name: Option<String>, header: Header, source: Source) -> Array {
    Array {
        name,
        file: file.clone(),
        dtype: header.dtype,
        order: header.order,
        shape: header.shape,
        source,
    }
}

fn open_npz(file: &FileAt, member: Option<&str>, role: &Role) -> Result<Array> {
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
    let load = |index: usize| -> Result<Array> {
        let (method, member) = members[index];
        let at = |error: Error| error.at(format!("array {:?}", names[index]));
        let inside = member
            .start
            .checked_add(member.compressed)
            .is_some_and(|end| end <= file.len());
        if !inside {
            return Err(at(Error::malformed("extends beyond the end of the file")));
        }
        let name = Some(names[index].clone());
        match method {
            Some(CompressionMethod::Stored) => {
                let header =
                    header::read(&mut BufReader::new(file.reader(member.start)), member.compressed).map_err(at)?;
                let offset = member.start + header.offset;
                Ok(array(file, name, header, Source::Plain(offset)))
            }
            Some(CompressionMethod::Deflated) => {
                let mut start = Inflated::new(file.clone(), member, 0);
                let header = header::read(&mut start, member.size).map_err(at)?;
                let inflated = Inflated::new(file.clone(), member, header.offset);
                Ok(array(file, name, header, Source::Inflated(Box::new(inflated))))
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
    load(choose(&names, shapes, member, role)?)
}

fn open_safetensors(file: &FileAt, member: Option<&str>, role: &Role) -> Result<Array> {
    let (metadata, start) = safetensors_header(file)?;
    let names = metadata.offset_keys();
    let shapes = |index: usize| metadata.info(&names[index]).map(|info| info.shape.clone());
    let name = &names[choose(&names, shapes, member, role)?];
    let at = |error: Error| error.at(format!("array {name:?}"));
    let info = metadata
        .info(name)
        .ok_or_else(|| at(Error::malformed("is missing from the header")))?;
    let element = match info.dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::I16 => Element::I16,
        Dtype::U16 => Element::U16,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I32 => Element::I32,
        Dtype::U32 => Element::U32,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        Dtype::I64 => Element::I64,
        Dtype::U64 => Element::U64,
        other => {
            return Err(at(Error::unsupported(format!(
                "type {other} is not supported; save the array as F32"
            ))));
        }
    };
    let dtype = DType::little(element);
    let available = info.data_offsets.1.saturating_sub(info.data_offsets.0);
    header::check_size(&info.shape, dtype, available as u64).map_err(at)?;
    let header = Header {
        dtype,
        order: Order::RowMajor,
        shape: info.shape.clone(),
        offset: start + info.data_offsets.0 as u64,
    };
    let offset = header.offset;
    Ok(array(file, Some(name.clone()), header, Source::Plain(offset)))
}

/// The header of a safetensors file and the offset of its data, whose length is checked.
pub(crate) fn safetensors_header(file: &FileAt) -> Result<(Metadata, u64)> {
    let bad = |message: String| Error::malformed(message).in_file(file.path());
    let mut length = [0; 8];
    let mut reader = file.reader(0);
    let truncated = |source| bad("the safetensors header is truncated".to_owned()).caused_by(source);
    reader.read_exact(&mut length).map_err(truncated)?;
    let length = u64::from_le_bytes(length);
    if length > file.len().saturating_sub(8) {
        return Err(bad(format!(
            "the safetensors header claims {length} bytes, but the file has {}",
            file.len()
        )));
    }
    let header = file.bytes_at(8, length).map_err(truncated)?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|source| bad("the safetensors header is malformed".to_owned()).caused_by(source))?;
    let start = 8 + length;
    let (expected, found) = (metadata.data_len() as u64, file.len() - start);
    if expected != found {
        return Err(bad(format!(
            "expected {expected} bytes of tensors, found {found}; the file is truncated or its header is wrong"
        )));
    }
    Ok((metadata, start))
}

fn choose(
    names: &[String],
    shape: impl Fn(usize) -> Option<Vec<usize>>,
    asked: Option<&str>,
    role: &Role,
) -> Result<usize> {
    if let Some(asked) = asked {
        let asked = asked.strip_suffix(".npy").unwrap_or(asked);
        return names.iter().position(|name| name == asked).ok_or_else(|| {
            let message = format!("no array {asked:?}; there are {}", listed(names));
            Error::not_found(message + &did_you_mean(asked, names.iter().map(String::as_str)))
        });
    }
    for name in role.names {
        if let Some(index) = names.iter().position(|found| found == name) {
            return Ok(index);
        }
    }
    let mut fitting: Vec<usize> = (0..names.len())
        .filter(|&index| shape(index).is_some_and(|shape| role.dimensions.contains(&shape.len())))
        .collect();
    if fitting.is_empty() && names.len() == 1 {
        // The reader reports what is wrong with the only array.
        fitting.push(0);
    }
    match fitting.as_slice() {
        [index] => Ok(*index),
        [] => {
            let message = format!(
                "no array for {}: expected {:?} or one of {} dimensions; there are {}",
                role.what,
                role.names[0],
                role.dimensions[0],
                listed(names)
            );
            Err(Error::not_found(message))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|&index| names[index].as_str()).collect();
            let message = format!(
                "{} could all be the {}; name one of them, as in FILE:{}",
                listed(&names),
                role.what,
                names[0]
            );
            Err(Error::not_found(message))
        }
    }
}
