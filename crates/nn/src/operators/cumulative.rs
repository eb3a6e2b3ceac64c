//! CumSum, and Trilu, which keeps the upper or the lower triangle of matrices.

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::shape::{Walk, axis, strides};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let exclusive = attributes.flag("exclusive", false)?;
    let reverse = attributes.flag("reverse", false)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let along = inputs.ints(1)?;
        let along = axis(
            *along.first().ok_or_else(|| Error::invalid("the axis is missing"))?,
            dims.len(),
        )?;
        let size = dims[along];
        Ok(vec![match value {
            Value::Device(x) => {
                let backwards: Vec<usize> = (0..size).rev().collect();
                let turned = if reverse {
                    x.select(along, &backwards)
                } else {
                    x.clone()
                };
                let mut sum = turned.cumulative_sum(along);
                if exclusive {
                    sum = sum.sub(&turned)?;
                }
                if reverse { sum.select(along, &backwards) } else { sum }.into()
            }
            _ => on_host(&value.to_host()?, along, exclusive, reverse)?.into(),
        }])
    }))
}

fn on_host(x: &HostTensor, along: usize, exclusive: bool, reverse: bool) -> Result<HostTensor> {
    let dims = x.dims();
    let plain = strides(dims);
    let (size, step) = (dims[along], plain[along]);
    let mut others = dims.to_vec();
    others[along] = 1;
    let lines: Vec<usize> = Walk::new(&others, &plain).collect();
    fn run<T: Copy>(
        values: &mut [T],
        lines: &[usize],
        order: &[usize],
        zero: T,
        exclusive: bool,
        add: impl Fn(T, T) -> T,
    ) {
        for &line in lines {
            let mut sum = zero;
            for &offset in order {
                let before = sum;
                sum = add(sum, values[line + offset]);
                values[line + offset] = if exclusive { before } else { sum };
            }
        }
    }
    let mut order: Vec<usize> = (0..size).map(|index| index * step).collect();
    if reverse {
        order.reverse();
    }
    match x.data() {
        HostData::I64(values) => {
            let mut values = values.clone();
            run(&mut values, &lines, &order, 0, exclusive, i64::wrapping_add);
            HostTensor::ints(dims, values)
        }
        HostData::F32(values) => {
            let mut values = values.clone();
            run(&mut values, &lines, &order, 0.0, exclusive, |a, b| a + b);
            HostTensor::floats(dims, values)
        }
        HostData::Bool(_) => Err(Error::shape("expected numbers, found bool")),
    }
}

pub(super) fn trilu(attributes: &mut Attributes) -> Result<Operator> {
    let upper = attributes.flag("upper", true)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let diagonal = inputs
            .optional_ints(1)?
            .and_then(|list| list.first().copied())
            .unwrap_or(0);
        let Some(&[rows, columns]) = dims.last_chunk::<2>() else {
            return Err(Error::shape(format!("expected matrices, found shape {dims:?}")));
        };
        let keep = |row: usize, column: usize| {
            let offset = (column as i64 - row as i64).saturating_sub(diagonal);
            if upper { offset >= 0 } else { offset <= 0 }
        };
        let dropped: Vec<bool> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| !keep(row, column))
            .collect();
        let dropped = HostTensor::bools(&[rows, columns], dropped)?;
        match value {
            Value::Device(x) => Ok(vec![x.replace_where(&dropped, &x.number_beside(0.0))?.into()]),
            _ => {
                let host = value.to_host()?;
                let dropped = dropped.expand(&dims)?.to_bools();
                fn cut<T: Copy>(values: &[T], dropped: &[bool], zero: T) -> Vec<T> {
                    values
                        .iter()
                        .zip(dropped)
                        .map(|(&value, &dropped)| if dropped { zero } else { value })
                        .collect()
                }
                let data = match host.data() {
                    HostData::F32(values) => HostData::F32(cut(values, &dropped, 0.0)),
                    HostData::I64(values) => HostData::I64(cut(values, &dropped, 0)),
                    HostData::Bool(values) => HostData::Bool(cut(values, &dropped, false)),
                };
                Ok(vec![HostTensor::new(&dims, data)?.into()])
            }
        }
    }))
}
