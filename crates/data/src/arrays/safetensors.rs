//! `.safetensors`: a JSON header, then the tensors.

use std::io::Read;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::array::{Array, Source};
use super::described::Described;
use super::element::{DType, Element};
use super::header::{self, Header, Order};
use super::role::{self, Role};
use crate::file_at::FileAt;
use crate::{Error, Result};

pub(crate) fn open(file: &FileAt, member: Option<&str>, role: &Role) -> Result<Array<'static>> {
    let (metadata, start) = read_header(file)?;
    let names = metadata.offset_keys();
    let shapes = |index: usize| metadata.info(&names[index]).map(|info| info.shape.clone());
    let name = &names[role::choose(&names, shapes, member, role)?];
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
    Ok(Array {
        described: Described::of(&metadata),
        ..Array::new(
            file.path(),
            Some(name.clone()),
            header,
            Source::Plain(file.clone(), offset),
        )
    })
}

/// The header of a safetensors file and the offset of its data, whose length is checked.
fn read_header(file: &FileAt) -> Result<(Metadata, u64)> {
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
