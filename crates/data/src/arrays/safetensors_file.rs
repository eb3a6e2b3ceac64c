//! safetensors: a JSON header of names, types, shapes and places, and the elements.

use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::element::Element;
use super::raw::{Bytes, Contents, Endian, Layout, Order, RawArray};
use super::source::{Candidate, Role, choose};
use crate::file_at::FileAt;
use crate::{Error, Result};

/// The format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// Reads the tensor that `wanted` or `role` says.
pub(super) fn read(path: &Path, wanted: Option<&str>, role: Role) -> Result<Contents> {
    let file = FileAt::open(path)?;
    let truncated = |source| Error::malformed("is not a safetensors file, or a truncated one").caused_by(source);
    let length = file.bytes_at(0, 8).map_err(truncated)?;
    let length = u64::from_le_bytes(length.try_into().unwrap_or([u8::MAX; 8]));
    if length > LONGEST_HEADER || length + 8 > file.len() {
        let message = format!(
            "a header of {length} bytes does not fit the file of {}; expected a safetensors file",
            file.len()
        );
        return Err(Error::malformed(message));
    }
    let head = file.bytes_at(0, length + 8).map_err(truncated)?;
    // `SafeTensors::read_metadata` wants the whole file in memory; the header alone says the same.
    let metadata: Metadata = serde_json::from_slice(&head[8..])
        .map_err(|source| Error::malformed("the header is not that of a safetensors file").caused_by(source))?;
    let names = metadata.offset_keys();
    let candidates: Vec<Candidate> = names
        .iter()
        .enumerate()
        .map(|(index, name)| Candidate {
            name: name.clone(),
            rank: metadata.info(name).map_or(0, |info| info.shape.len()),
            index,
        })
        .collect();
    let chosen = choose(&candidates, wanted, role)?;
    let Some(info) = metadata.info(&chosen.name) else {
        return Err(Error::not_found(format!("no tensor {:?}", chosen.name)));
    };
    let element = match info.dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::I8 => Element::I8,
        Dtype::I16 => Element::I16,
        Dtype::I32 => Element::I32,
        Dtype::I64 => Element::I64,
        Dtype::U8 => Element::U8,
        Dtype::U16 => Element::U16,
        Dtype::U32 => Element::U32,
        Dtype::U64 => Element::U64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        other => {
            let message = format!("elements of type {other:?} are not supported; save them as F32");
            return Err(Error::unsupported(message).at(format!("array {:?}", chosen.name)));
        }
    };
    let (start, end) = info.data_offsets;
    let needed = info
        .shape
        .iter()
        .try_fold(element.size(), |bytes, &size| bytes.checked_mul(size));
    if needed.is_none() || end.checked_sub(start) != needed {
        let message = format!(
            "shape {:?} of {:?} does not fit its place from byte {start} to {end}",
            info.shape, info.dtype
        );
        return Err(Error::malformed(message).at(format!("array {:?}", chosen.name)));
    }
    let offset = u64::try_from(start)
        .ok()
        .and_then(|start| start.checked_add(length + 8));
    let offset = offset.ok_or_else(|| Error::malformed("an offset is larger than any file"))?;
    let layout = Layout {
        element,
        shape: info.shape.clone(),
        order: Order::RowMajor,
        endian: Endian::Little,
    };
    RawArray::new(&chosen.name, layout, Bytes::File { file, offset }).map(Contents::Numbers)
}
