//! `TensorProto` → [`Tensor`]: raw, typed and external data.

use bytes::Bytes;

use super::external::ExternalFiles;
use crate::proto::TensorProto;
use crate::tensor::checked_elements;
use crate::{DataType, Error, ErrorKind, Tensor};

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

/// Converts one tensor; `what` names it in errors.
pub fn tensor(proto: TensorProto, files: &mut ExternalFiles, what: &str) -> Result<Tensor, Error> {
    convert(proto, files).map_err(|error| error.about(what))
}

fn convert(mut proto: TensorProto, files: &mut ExternalFiles) -> Result<Tensor, Error> {
    let code = proto.data_type.unwrap_or(0);
    let data_type = DataType::from_code(code.into()).ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("element type {code}{} is not supported", element_type_name(code)),
        )
    })?;
    let dims: Vec<usize> = proto
        .dims
        .iter()
        .map(|&dim| usize::try_from(dim))
        .collect::<Result<_, _>>()
        .map_err(|_| {
            Error::new(
                ErrorKind::Invalid,
                format!("sizes of a tensor cannot be negative, found {:?}", proto.dims),
            )
        })?;
    let elements = checked_elements(&dims)
        .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("the size of shape {dims:?} overflows")))?;
    let Some(size) = data_type.size() else {
        return Tensor::from_strings(&dims, &proto.string_data);
    };
    // `checked_elements` leaves room for eight bytes an element.
    let expected = elements * size;
    if proto.data_location == Some(EXTERNAL) {
        return Tensor::new(data_type, &dims, files.data(&proto, expected)?);
    }
    if let Some(raw) = proto.raw_data.take()
        && (!raw.is_empty() || elements == 0)
    {
        return Tensor::new(data_type, &dims, raw);
    }
    let (found, data) = typed_data(&proto, data_type);
    if found != elements {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{data_type} tensor of shape {dims:?} takes {elements} elements, found {found}"),
        ));
    }
    let data = data.ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!("the values do not fit the element type {data_type}"),
        )
    })?;
    Tensor::new(data_type, &dims, data)
}

/// The number of elements in the typed fields, and their bytes (`None` when one does not fit its type).
fn typed_data(proto: &TensorProto, data_type: DataType) -> (usize, Option<Bytes>) {
    let ints = &proto.int32_data;
    let found = match data_type {
        DataType::F32 => proto.float_data.len(),
        DataType::F64 => proto.double_data.len(),
        DataType::I64 => proto.int64_data.len(),
        DataType::U32 | DataType::U64 => proto.uint64_data.len(),
        _ => ints.len(),
    };
    let data = match data_type {
        DataType::F32 => bytes(proto.float_data.iter().map(|value| Some(value.to_le_bytes()))),
        DataType::F64 => bytes(proto.double_data.iter().map(|value| Some(value.to_le_bytes()))),
        DataType::I64 => bytes(proto.int64_data.iter().map(|value| Some(value.to_le_bytes()))),
        DataType::U64 => bytes(proto.uint64_data.iter().map(|value| Some(value.to_le_bytes()))),
        DataType::U32 => bytes(
            proto
                .uint64_data
                .iter()
                .map(|&value| Some(u32::try_from(value).ok()?.to_le_bytes())),
        ),
        DataType::I32 => bytes(ints.iter().map(|value| Some(value.to_le_bytes()))),
        DataType::I16 => bytes(ints.iter().map(|&value| Some(i16::try_from(value).ok()?.to_le_bytes()))),
        DataType::I8 => bytes(ints.iter().map(|&value| Some(i8::try_from(value).ok()?.to_le_bytes()))),
        DataType::U8 => bytes(ints.iter().map(|&value| Some(u8::try_from(value).ok()?.to_le_bytes()))),
        DataType::Bool => bytes(ints.iter().map(|&value| Some([u8::from(value != 0)]))),
        // Half-precision numbers are stored by their bits.
        DataType::U16 | DataType::F16 | DataType::BF16 => {
            bytes(ints.iter().map(|&value| Some(u16::try_from(value).ok()?.to_le_bytes())))
        }
        DataType::String => None,
    };
    (found, data)
}

fn bytes<const N: usize>(values: impl ExactSizeIterator<Item = Option<[u8; N]>>) -> Option<Bytes> {
    let mut data = Vec::with_capacity(values.len() * N);
    for value in values {
        data.extend_from_slice(&value?);
    }
    Some(data.into())
}

/// The name of an element type that is not one of ours, for errors.
pub fn element_type_name(code: i32) -> &'static str {
    match code {
        0 => " (undefined)",
        14 | 15 => " (complex)",
        17..=20 => " (float8)",
        21 | 22 => " (int4)",
        23 => " (float4)",
        25 | 26 => " (int2)",
        _ => "",
    }
}
