//! A constant of the graph: element type, shape and little-endian bytes, shared with the file they were read from.

use bytes::Bytes;

/// Element types of ONNX tensors, with the numbers of `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name is the type")]
pub enum DataType {
    F32 = 1,
    U8 = 2,
    I8 = 3,
    U16 = 4,
    I16 = 5,
    I32 = 6,
    I64 = 7,
    String = 8,
    Bool = 9,
    F16 = 10,
    F64 = 11,
    U32 = 12,
    U64 = 13,
    BF16 = 16,
}

impl DataType {
    /// Bytes an element takes; `None` for strings.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 | Self::F16 | Self::BF16 => Some(2),
            Self::F32 | Self::I32 | Self::U32 => Some(4),
            Self::I64 | Self::F64 | Self::U64 => Some(8),
            Self::String => None,
        }
    }

    /// Whether the type is a floating-point one.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::F16 | Self::BF16)
    }
}

/// A constant tensor. `data` holds `product(dims)` little-endian elements, row-major; it is a view of the file's bytes
/// wherever the file stores them so, which keeps the memory a model takes bounded by its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Element type.
    pub data_type: DataType,
    /// Shape; empty for a scalar.
    pub dims: Vec<usize>,
    /// Little-endian elements, row-major.
    pub data: Bytes,
}
