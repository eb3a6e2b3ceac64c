//! Pad: constant, reflect, edge, wrap; negative padding cuts off. Pads are an attribute up to operator set 10 and an
//! input since.

use super::slice::selected;
use super::{Attributes, Operator};
use crate::shape::{axis, elements};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Constant,
    Reflect,
    Edge,
    Wrap,
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let kind = match attributes.string_or("mode", "constant")? {
        "constant" => Kind::Constant,
        "reflect" => Kind::Reflect,
        "edge" => Kind::Edge,
        "wrap" => Kind::Wrap,
        other => {
            return Err(Error::unsupported(format!("mode = {other:?} is not supported")));
        }
    };
    let attribute = attributes.ints("pads")?;
    let fill = attributes.float_or("value", 0.0)?;
    Ok(Box::new(move |inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let pads = match &attribute {
            Some(pads) => pads.clone(),
            None => inputs.ints(1)?,
        };
        let fill = inputs.optional_number(2)?.unwrap_or(fill);
        let chosen = match inputs.optional_ints(3)? {
            Some(list) => list
                .into_iter()
                .map(|one| axis(one, dims.len()))
                .collect::<Result<Vec<_>>>()?,
            None => (0..dims.len()).collect(),
        };
        if pads.len() != 2 * chosen.len() {
            return Err(Error::shape(format!(
                "{} pads do not fit {} axes",
                pads.len(),
                chosen.len()
            )));
        }
        let (before, after) = pads.split_at(chosen.len());
        let mut around = vec![(0usize, 0usize); dims.len()];
        let mut result = value.clone();
        for ((&along, &before), &after) in chosen.iter().zip(before).zip(after) {
            let grown = i64::try_from(dims[along])
                .ok()
                .and_then(|size| size.checked_add(before)?.checked_add(after));
            let grown = grown.filter(|&grown| grown >= 0).ok_or_else(|| {
                Error::shape(format!(
                    "pads ({before}, {after}) do not fit an axis of size {}",
                    dims[along]
                ))
            })?;
            elements(&[crate::shape::size(grown)?])?;
            if kind == Kind::Constant && before >= 0 && after >= 0 {
                around[along] = (crate::shape::size(before)?, crate::shape::size(after)?);
            } else {
                let indices = sources(kind, dims[along], before, after)?;
                result = selected(&result, along, &indices)?;
                if kind == Kind::Constant {
                    around[along] = (before.max(0) as usize, after.max(0) as usize);
                }
            }
        }
        Ok(vec![surrounded(&result, &around, fill)?])
    }))
}

/// Where each element of the padded axis comes from; for a constant, the part of the axis that stays.
fn sources(kind: Kind, size: usize, before: i64, after: i64) -> Result<Vec<usize>> {
    let last = size as i64 - 1;
    let range = match kind {
        Kind::Constant => (-before).max(0)..(size as i64 + after.min(0)),
        _ => -before..size as i64 + after,
    };
    if kind == Kind::Reflect && (before > last || after > last) {
        return Err(Error::shape(format!(
            "reflecting ({before}, {after}) elements needs an axis larger than {size}"
        )));
    }
    if size == 0 {
        return Err(Error::shape("an empty axis cannot be padded"));
    }
    Ok(range
        .map(|position| match kind {
            Kind::Constant | Kind::Edge => position.clamp(0, last),
            Kind::Wrap => position.rem_euclid(size as i64),
            Kind::Reflect if position < 0 => -position,
            Kind::Reflect if position > last => 2 * last - position,
            Kind::Reflect => position,
        } as usize)
        .collect())
}

fn surrounded(value: &Value, around: &[(usize, usize)], fill: f32) -> Result<Value> {
    if around.iter().all(|&pad| pad == (0, 0)) {
        return Ok(value.clone());
    }
    if let Value::Device(tensor) = value {
        return Ok(tensor.pad(around, fill)?.into());
    }
    let host = value.to_host()?;
    // On the host: the fill value is appended to the elements, and an index map selects it.
    let dims = host.dims();
    let padded: Vec<usize> = dims.iter().zip(around).map(|(dim, pad)| dim + pad.0 + pad.1).collect();
    let total = host.len();
    let mut map = vec![total; elements(&padded)?];
    let steps = crate::shape::strides(&padded);
    let base: usize = around.iter().zip(&steps).map(|(pad, step)| pad.0 * step).sum();
    for (source, target) in crate::shape::Walk::new(dims, &steps).enumerate() {
        map[base + target] = source;
    }
    let extended = match host.data() {
        crate::HostData::F32(values) => HostTensor::floats(&[total + 1], [values.as_slice(), &[fill]].concat())?,
        crate::HostData::I64(values) => HostTensor::ints(&[total + 1], [values.as_slice(), &[fill as i64]].concat())?,
        crate::HostData::Bool(values) => HostTensor::bools(&[total + 1], [values.as_slice(), &[fill != 0.0]].concat())?,
    };
    Ok(extended.take(&padded, map.into_iter())?.into())
}
