//! A constant of the graph: element type, shape and little-endian bytes, shared with the file they were read from.

use bytes::Bytes;
use half::{bf16, f16};

use crate::{Error, ErrorKind};

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
    /// The type with the number `code` of `TensorProto.DataType`, where it is one of ours.
    pub fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            1 => Self::F32,
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            7 => Self::I64,
            8 => Self::String,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            12 => Self::U32,
            13 => Self::U64,
            16 => Self::BF16,
            _ => return None,
        })
    }

    /// The number of `TensorProto.DataType`.
    pub fn code(self) -> i32 {
        self as i32
    }

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

    /// Whether the type is an integer one (booleans are not).
    pub fn is_integer(self) -> bool {
        !self.is_float() && !matches!(self, Self::Bool | Self::String)
    }
}

impl std::fmt::Display for DataType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::String => "string",
            Self::Bool => "bool",
            Self::F16 => "f16",
            Self::F64 => "f64",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::BF16 => "bf16",
        })
    }
}

/// A constant tensor. `data` holds `product(dims)` little-endian elements, row-major; it is a view of the file's bytes
/// wherever the file stores them so, which keeps the memory a model takes bounded by its file.
///
/// A string element is its length as four little-endian bytes, then its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Element type.
    pub data_type: DataType,
    /// Shape; empty for a scalar.
    pub dims: Vec<usize>,
    /// Little-endian elements, row-major.
    pub data: Bytes,
}

/// Elements of a shape, or `None` where their number, or their bytes at eight an element, overflow.
pub fn checked_elements(dims: &[usize]) -> Option<usize> {
    // An empty tensor has no elements whatever its other sizes are, so a zero is looked for first.
    if dims.contains(&0) {
        return Some(0);
    }
    let elements = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))?;
    isize::try_from(elements.checked_mul(8)?).ok().map(|_| elements)
}

impl Tensor {
    /// A tensor of `data_type` over `data`.
    ///
    /// # Errors
    /// `Invalid` when `data` is not `product(dims)` elements long, or the product overflows.
    pub fn new(data_type: DataType, dims: &[usize], data: Bytes) -> Result<Self, Error> {
        let elements = checked_elements(dims)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("the size of shape {dims:?} overflows")))?;
        if let Some(size) = data_type.size() {
            // `checked_elements` leaves room for eight bytes an element.
            let expected = elements * size;
            if data.len() != expected {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "{data_type} tensor of shape {dims:?} takes {expected} bytes, found {}",
                        data.len()
                    ),
                ));
            }
        }
        Ok(Self {
            data_type,
            dims: dims.to_vec(),
            data,
        })
    }

    /// A tensor of f32 values.
    ///
    /// # Errors
    /// `Invalid` when `values` does not hold `product(dims)` elements.
    pub fn from_f32(dims: &[usize], values: &[f32]) -> Result<Self, Error> {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::new(DataType::F32, dims, data.into())
    }

    /// A tensor of i64 values.
    ///
    /// # Errors
    /// `Invalid` when `values` does not hold `product(dims)` elements.
    pub fn from_i64(dims: &[usize], values: &[i64]) -> Result<Self, Error> {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::new(DataType::I64, dims, data.into())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        checked_elements(&self.dims).unwrap_or(0)
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.dims.contains(&0)
    }

    /// The values as f32: floating-point types are converted (f64 is rounded), others give `None`.
    pub fn to_f32_vec(&self) -> Option<Vec<f32>> {
        Some(match self.data_type {
            DataType::F32 => self.elements(f32::from_le_bytes),
            DataType::F16 => self.elements(|bytes| f16::from_le_bytes(bytes).to_f32()),
            DataType::BF16 => self.elements(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            DataType::F64 => self.elements(|bytes| f64::from_le_bytes(bytes) as f32),
            _ => return None,
        })
    }

    /// The values as f64: floating-point types are converted, others give `None`.
    pub fn to_f64_vec(&self) -> Option<Vec<f64>> {
        match self.data_type {
            DataType::F64 => Some(self.elements(f64::from_le_bytes)),
            _ => Some(self.to_f32_vec()?.into_iter().map(f64::from).collect()),
        }
    }

    /// The values as i64: integers and booleans are converted, others (and u64 beyond i64) give `None`.
    pub fn to_i64_vec(&self) -> Option<Vec<i64>> {
        Some(match self.data_type {
            DataType::I64 => self.elements(i64::from_le_bytes),
            DataType::I32 => self.elements(|bytes| i64::from(i32::from_le_bytes(bytes))),
            DataType::I16 => self.elements(|bytes| i64::from(i16::from_le_bytes(bytes))),
            DataType::I8 => self.elements(|bytes| i64::from(i8::from_le_bytes(bytes))),
            DataType::U32 => self.elements(|bytes| i64::from(u32::from_le_bytes(bytes))),
            DataType::U16 => self.elements(|bytes| i64::from(u16::from_le_bytes(bytes))),
            DataType::U8 => self.elements(|bytes| i64::from(u8::from_le_bytes(bytes))),
            DataType::Bool => self.elements(|[byte]: [u8; 1]| i64::from(byte != 0)),
            DataType::U64 => {
                let values = self.elements(u64::from_le_bytes);
                values.into_iter().map(i64::try_from).collect::<Result<_, _>>().ok()?
            }
            _ => return None,
        })
    }

    /// The strings of a string tensor; `None` for other types.
    pub fn to_strings(&self) -> Option<Vec<Bytes>> {
        if self.data_type != DataType::String {
            return None;
        }
        let mut rest = self.data.clone();
        let mut strings = Vec::new();
        while let Some(length) = rest.first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let end = length.checked_add(4).filter(|&end| end <= rest.len())?;
            strings.push(rest.split_to(end).slice(4..));
        }
        Some(strings)
    }

    /// A tensor of strings.
    ///
    /// # Errors
    /// `Invalid` when `strings` does not hold `product(dims)` elements.
    pub fn from_strings(dims: &[usize], strings: &[Bytes]) -> Result<Self, Error> {
        let wrong = |expected: &dyn std::fmt::Display| {
            let found = strings.len();
            Error::new(
                ErrorKind::Invalid,
                format!("string tensor of shape {dims:?} takes {expected} strings, found {found}"),
            )
        };
        match checked_elements(dims) {
            Some(elements) if elements == strings.len() => {}
            Some(elements) => return Err(wrong(&elements)),
            None => return Err(wrong(&"an overflowing number of")),
        }
        let mut data = Vec::with_capacity(strings.iter().map(|string| string.len() + 4).sum());
        for string in strings {
            let length = u32::try_from(string.len())
                .map_err(|_| Error::new(ErrorKind::Unsupported, "a string is longer than 4 GiB"))?;
            data.extend_from_slice(&length.to_le_bytes());
            data.extend_from_slice(string);
        }
        Self::new(DataType::String, dims, data.into())
    }

    fn elements<const N: usize, T>(&self, convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        self.data
            .as_chunks::<N>()
            .0
            .iter()
            .map(|chunk| convert(*chunk))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_values_are_widened() {
        let data: Vec<u8> = [1.5f32, -0.25]
            .iter()
            .flat_map(|v| f16::from_f32(*v).to_le_bytes())
            .collect();
        let tensor = Tensor::new(DataType::F16, &[2], data.into()).unwrap();
        assert_eq!(tensor.to_f32_vec().unwrap(), [1.5, -0.25]);
        let data: Vec<u8> = [1.5f32, -0.25]
            .iter()
            .flat_map(|v| bf16::from_f32(*v).to_le_bytes())
            .collect();
        let tensor = Tensor::new(DataType::BF16, &[2], data.into()).unwrap();
        assert_eq!(tensor.to_f32_vec().unwrap(), [1.5, -0.25]);
    }

    #[test]
    fn data_of_the_wrong_length_is_refused() {
        let error = Tensor::from_f32(&[2, 3], &[0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "f32 tensor of shape [2, 3] takes 24 bytes, found 20");
    }

    #[test]
    fn a_shape_whose_size_overflows_is_refused() {
        assert!(Tensor::new(DataType::U8, &[usize::MAX, 2], Bytes::new()).is_err());
        assert!(Tensor::new(DataType::U8, &[usize::MAX, 2, 0], Bytes::new()).is_ok());
    }

    #[test]
    fn strings_come_back_as_they_went_in() {
        let strings = [Bytes::from_static(b"a"), Bytes::new(), Bytes::from_static(b"xyz")];
        let tensor = Tensor::from_strings(&[3], &strings).unwrap();
        assert_eq!(tensor.to_strings().unwrap(), strings);
        assert!(Tensor::from_strings(&[2], &strings).is_err());
    }
}
