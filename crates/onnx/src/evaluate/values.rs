//! The numbers of a tensor, in the one type that computes with them: i64 for integers and booleans, f64 for floats.

use half::{bf16, f16};

use crate::{DataType, Tensor};

/// Numbers of a tensor, row-major.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Integers, and booleans as 0 and 1.
    Int(Vec<i64>),
    /// Floating-point numbers.
    Float(Vec<f64>),
}

impl Values {
    /// The numbers of `tensor`; `None` for strings and integers beyond i64.
    pub fn of(tensor: &Tensor) -> Option<Self> {
        if tensor.data_type.is_float() {
            tensor.to_f64_vec().map(Self::Float)
        } else {
            tensor.to_i64_vec().map(Self::Int)
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
        }
    }

    /// Whether number `position` is zero.
    pub fn is_zero(&self, position: usize) -> bool {
        match self {
            Self::Int(values) => values[position] == 0,
            Self::Float(values) => values[position] == 0.0,
        }
    }

    /// A tensor of these numbers; `None` when one does not fit `data_type`, or is of the other kind.
    pub fn into_tensor(self, data_type: DataType, dims: &[usize]) -> Option<Tensor> {
        let data: Vec<u8> = match (self, data_type) {
            (Self::Int(values), DataType::I64) => bytes(&values, |&v| Some(v.to_le_bytes()))?,
            (Self::Int(values), DataType::I32) => bytes(&values, |&v| Some(i32::try_from(v).ok()?.to_le_bytes()))?,
            (Self::Int(values), DataType::I16) => bytes(&values, |&v| Some(i16::try_from(v).ok()?.to_le_bytes()))?,
            (Self::Int(values), DataType::I8) => bytes(&values, |&v| Some(i8::try_from(v).ok()?.to_le_bytes()))?,
            (Self::Int(values), DataType::U64) => bytes(&values, |&v| Some(u64::try_from(v).ok()?.to_le_bytes()))?,
            (Self::Int(values), DataType::U32) => bytes(&values, |&v| Some(u32::try_from(v).ok()?.to_le_bytes()))?,
            (Self::Int(values), DataType::U16) => bytes(&values, |&v| Some(u16::try_from(v).ok()?.to_le_bytes()))?,
            (Self::Int(values), DataType::U8) => bytes(&values, |&v| Some(u8::try_from(v).ok()?.to_le_bytes()))?,
            (Self::Int(values), DataType::Bool) => bytes(&values, |&v| Some([u8::from(v != 0)]))?,
            (Self::Float(values), DataType::F32) => bytes(&values, |&v| Some((v as f32).to_le_bytes()))?,
            (Self::Float(values), DataType::F64) => bytes(&values, |&v| Some(v.to_le_bytes()))?,
            (Self::Float(values), DataType::F16) => bytes(&values, |&v| Some(f16::from_f64(v).to_le_bytes()))?,
            (Self::Float(values), DataType::BF16) => bytes(&values, |&v| Some(bf16::from_f64(v).to_le_bytes()))?,
            _ => return None,
        };
        Tensor::new(data_type, dims, data.into()).ok()
    }
}

fn bytes<T, const N: usize>(values: &[T], convert: impl Fn(&T) -> Option<[u8; N]>) -> Option<Vec<u8>> {
    let mut data = Vec::with_capacity(values.len() * N);
    for value in values {
        data.extend_from_slice(&convert(value)?);
    }
    Some(data)
}

/// `tensor` in another element type, as `Cast` does; `None` for strings and values that do not fit (of which the
/// standard leaves the result open).
pub(crate) fn cast(tensor: &Tensor, to: DataType) -> Option<Tensor> {
    if tensor.data_type == to {
        return Some(tensor.clone());
    }
    /// Up to here every integer is an f64.
    const EXACT: i64 = 1 << 53;
    let values = match (Values::of(tensor)?, to) {
        (Values::Float(values), DataType::Bool) => {
            Values::Int(values.into_iter().map(|value| i64::from(value != 0.0)).collect())
        }
        (Values::Float(values), _) if to.is_integer() => {
            let whole = |value: f64| (value.abs() < EXACT as f64).then_some(value.trunc() as i64);
            Values::Int(values.into_iter().map(whole).collect::<Option<_>>()?)
        }
        (Values::Int(values), _) if to.is_float() => {
            let exact = |value: i64| (value.unsigned_abs() <= EXACT.unsigned_abs()).then_some(value as f64);
            Values::Float(values.into_iter().map(exact).collect::<Option<_>>()?)
        }
        (values, _) => values,
    };
    values.into_tensor(to, &tensor.dims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_truncate_and_decline_what_does_not_fit() {
        let floats = Tensor::from_f32(&[3], &[1.9, -1.9, 0.0]).unwrap();
        assert_eq!(cast(&floats, DataType::I64).unwrap().to_i64_vec().unwrap(), [1, -1, 0]);
        assert_eq!(cast(&floats, DataType::Bool).unwrap().to_i64_vec().unwrap(), [1, 1, 0]);
        let large = Tensor::from_i64(&[1], &[300]).unwrap();
        assert!(cast(&large, DataType::U8).is_none());
        assert!(cast(&Tensor::from_f32(&[1], &[f32::NAN]).unwrap(), DataType::I64).is_none());
        assert_eq!(cast(&large, DataType::F32).unwrap().to_f32_vec().unwrap(), [300.0]);
    }
}
