//! Operators that make tensors: Constant, ConstantOfShape, Range, EyeLike, OneHot, NonZero. All on the host.

use ranktune_onnx::Tensor;

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::{axis, made_elements, size};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

/// A constant of the file as a host tensor.
///
/// # Errors
/// `Unsupported` for strings and for u64 values beyond i64.
pub(crate) fn from_onnx(tensor: &Tensor) -> Result<HostTensor> {
    let data = match tensor.data_type {
        ranktune_onnx::DataType::Bool => tensor
            .to_i64_vec()
            .map(|list| HostData::Bool(list.into_iter().map(|one| one != 0).collect())),
        kind if kind.is_float() => tensor.to_f32_vec().map(HostData::F32),
        _ => tensor.to_i64_vec().map(HostData::I64),
    };
    let data =
        data.ok_or_else(|| Error::unsupported(format!("constants of type {} are not supported", tensor.data_type)))?;
    HostTensor::new(&tensor.dims, data)
}

pub(super) fn constant(attributes: &mut Attributes) -> Result<Operator> {
    let host = if let Some(tensor) = attributes.tensor("value")? {
        from_onnx(tensor)?
    } else if let Some(list) = attributes.ints("value_ints")? {
        HostTensor::list(list)
    } else if let Some(list) = attributes.floats("value_floats")? {
        HostTensor::floats(&[list.len()], list)?
    } else if let Some(one) = attributes.int("value_int")? {
        HostTensor::ints(&[], vec![one])?
    } else {
        match attributes.float_or("value_float", f32::NAN)? {
            one if one.is_nan() => {
                return Err(Error::unsupported("a constant without numbers is not supported"));
            }
            one => HostTensor::floats(&[], vec![one])?,
        }
    };
    let value = Value::from(host);
    Ok(Box::new(move |_, _| Ok(vec![value.clone()])))
}

pub(super) fn constant_of_shape(attributes: &mut Attributes) -> Result<Operator> {
    let value = match attributes.tensor("value")? {
        Some(tensor) => from_onnx(tensor)?,
        None => HostTensor::floats(&[1], vec![0.0])?,
    };
    if value.len() != 1 {
        return Err(Error::invalid("attribute \"value\" must hold one element"));
    }
    Ok(Box::new(move |inputs, _| {
        let dims = inputs.ints(0)?.into_iter().map(size).collect::<Result<Vec<_>>>()?;
        let total = made_elements(&dims)?;
        Ok(vec![value.take(&dims, std::iter::repeat_n(0, total))?.into()])
    }))
}

/// `start, start + step, …` below `limit`.
pub(super) fn range(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let hosts = [inputs.host(0)?, inputs.host(1)?, inputs.host(2)?];
        if hosts.iter().any(|host| host.len() != 1) {
            return Err(Error::shape("start, limit and step must be single numbers"));
        }
        if hosts.iter().all(|host| host.type_name() == "i64") {
            let [start, limit, step] = hosts.map(|host| host.to_ints()[0]);
            if step == 0 {
                return Err(Error::shape("a range with step 0"));
            }
            let distance = i128::from(limit) - i128::from(start);
            let count = distance.unsigned_abs().div_ceil(u128::from(step.unsigned_abs()));
            let count = if (distance > 0) == (step > 0) { count } else { 0 };
            let count = usize::try_from(count).map_err(|_| Error::shape("the range is too long"))?;
            made_elements(&[count])?;
            return Ok(vec![
                HostTensor::list((0..count as i64).map(|index| start + index * step).collect()).into(),
            ]);
        }
        let [start, limit, step] = hosts.map(|host| host.to_floats()[0]);
        let count = ((limit - start) / step).ceil().max(0.0);
        if !count.is_finite() {
            return Err(Error::shape("the range never ends"));
        }
        let count = made_elements(&[count as usize])?;
        Ok(vec![
            HostTensor::floats(&[count], (0..count).map(|index| start + index as f32 * step).collect())?.into(),
        ])
    }))
}

pub(super) fn eye_like(attributes: &mut Attributes) -> Result<Operator> {
    let diagonal = attributes.int_or("k", 0)?;
    let float = matches!(attributes.int_or("dtype", 1)?, 1 | 10 | 11 | 16);
    Ok(Box::new(move |inputs, _| {
        let dims = inputs.get(0)?.dims();
        let &[rows, columns] = dims.as_slice() else {
            return Err(Error::shape(format!("expected a matrix, found shape {dims:?}")));
        };
        let values: Vec<i64> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| i64::from(column as i64 - row as i64 == diagonal)))
            .collect();
        let eye = HostTensor::ints(&dims, values)?;
        Ok(vec![
            if float {
                HostTensor::floats(&dims, eye.to_floats())?
            } else {
                eye
            }
            .into(),
        ])
    }))
}

pub(super) fn one_hot(attributes: &mut Attributes) -> Result<Operator> {
    let along = attributes.int_or("axis", -1)?;
    Ok(Box::new(move |inputs, _| {
        let indices = inputs.host(0)?;
        let depth = inputs.ints(1)?;
        let depth = size(*depth.first().ok_or_else(|| Error::invalid("the depth is missing"))?)?;
        let values = inputs.host(2)?;
        if values.len() != 2 {
            return Err(Error::shape("expected two values, for off and on"));
        }
        let along = axis(along, indices.dims().len() + 1)?;
        let mut dims = indices.dims().to_vec();
        dims.insert(along, depth);
        made_elements(&dims)?;
        let inner: usize = indices.dims()[along..].iter().product();
        let list = indices.to_ints();
        let outer = list.len() / inner.max(1);
        let mut map = Vec::with_capacity(list.len() * depth);
        for row in 0..outer {
            for class in 0..depth as i64 {
                for column in 0..inner {
                    let index = list[row * inner + column];
                    let from_start = if index < 0 {
                        index.saturating_add(depth as i64)
                    } else {
                        index
                    };
                    map.push(usize::from(from_start == class));
                }
            }
        }
        Ok(vec![values.take(&dims, map.into_iter())?.into()])
    }))
}

pub(super) fn non_zero(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let host = inputs.get(0)?.to_host()?;
        let plain = crate::shape::strides(host.dims());
        let found: Vec<usize> = host
            .to_bools()
            .iter()
            .enumerate()
            .filter(|(_, on)| **on)
            .map(|(position, _)| position)
            .collect();
        let rank = host.dims().len();
        let coordinates = (0..rank).flat_map(|axis| {
            let (step, size) = (plain[axis], host.dims()[axis]);
            found.iter().map(move |position| (position / step % size) as i64)
        });
        Ok(vec![
            HostTensor::ints(&[rank, found.len()], coordinates.collect())?.into(),
        ])
    }))
}
