//! Attention (operator set 23): `softmax(scale · Q Kᵀ + mask) V`, by head.
//!
//! # Shapes
//! `Q [n, h, q, d]`, `K [n, g, k, d]`, `V [n, g, k, v]`, or with heads side by side `[n, q, h·d]`; h a multiple of g, whose
//! heads are then shared. The mask broadcasts to `[n, h, q, k]`: numbers are added, booleans are true where a key is visible.

use super::{Attributes, Inputs, Operator};
use crate::shape::size;
use crate::tensor::DeviceTensor;
use crate::value::Value;
use crate::{Error, HostTensor, Result};

/// The step whose result is the output of scores.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scores {
    Product,
    Masked,
    Capped,
    Softmax,
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let causal = attributes.flag("is_causal", false)?;
    let heads = attributes.int_or("q_num_heads", 0).and_then(size)?;
    let shared = attributes.int_or("kv_num_heads", 0).and_then(size)?;
    let scale = attributes.float_or("scale", f32::NAN)?;
    let cap = attributes.float_or("softcap", 0.0)?;
    let scores = match attributes.int_or("qk_matmul_output_mode", 0)? {
        0 => Scores::Product,
        1 => Scores::Masked,
        2 => Scores::Capped,
        _ => Scores::Softmax,
    };
    attributes.ignore("softmax_precision");
    let wanted = attributes.outputs();
    Ok(Box::new(move |inputs, _| {
        let flat = inputs.get(0)?.dims().len() == 3;
        let q = apart(&inputs.tensor(0)?, heads)?;
        let mut k = apart(&inputs.tensor(1)?, shared)?;
        let mut v = apart(&inputs.tensor(2)?, shared)?;
        let mut past = 0;
        if let (Some(before), Some(values)) = (inputs.optional_tensor(4)?, inputs.optional_tensor(5)?) {
            past = before.dims().get(2).copied().unwrap_or(0);
            k = DeviceTensor::concat(&[before, k], 2);
            v = DeviceTensor::concat(&[values, v], 2);
        }
        let (present_k, present_v) = (k.clone(), v.clone());
        let dims = q.dims();
        let (k, v) = (repeated(&k, dims[1])?, repeated(&v, dims[1])?);
        let factor = if scale.is_nan() {
            1.0 / (dims[3] as f32).sqrt()
        } else {
            scale
        };
        let product = q.matmul(&k.permute(&[0, 1, 3, 2]))?.mul_scalar(factor);
        let mut masked = product.clone();
        if let Some(mask) = mask(inputs)? {
            masked = masked.add(&mask)?;
        }
        if causal {
            let (rows, columns) = (dims[2], k.dims()[2]);
            let seen = (0..rows).flat_map(|row| (0..columns).map(move |column| column > row + past));
            let values = seen.map(|hidden| if hidden { f32::MIN } else { 0.0 }).collect();
            masked = masked.add(&DeviceTensor::from_values(
                &[rows, columns],
                values,
                inputs.device_of_graph(),
            )?)?;
        }
        let capped = match cap {
            0.0 => masked.clone(),
            _ => masked.mul_scalar(1.0 / cap).tanh().mul_scalar(cap),
        };
        let weights = capped.softmax(3);
        let mut y = weights.matmul(&v)?;
        if flat {
            let [n, h, rows, width] = four(&y)?;
            y = y.permute(&[0, 2, 1, 3]).reshape(&[n, rows, h * width])?;
        }
        let asked = match scores {
            Scores::Product => product,
            Scores::Masked => masked,
            Scores::Capped => capped,
            Scores::Softmax => weights,
        };
        let mut outputs: Vec<Value> = vec![y.into(), present_k.into(), present_v.into(), asked.into()];
        outputs.truncate(wanted.max(1));
        Ok(outputs)
    }))
}

fn four(tensor: &DeviceTensor) -> Result<[usize; 4]> {
    let dims = tensor.dims();
    dims.as_slice()
        .try_into()
        .map_err(|_| Error::shape(format!("expected four axes, found shape {dims:?}")))
}

/// `[n, s, h·d]` as `[n, h, s, d]`; unchanged if it has four axes.
pub(super) fn apart(tensor: &DeviceTensor, heads: usize) -> Result<DeviceTensor> {
    let dims = tensor.dims();
    match dims.as_slice() {
        [_, _, _, _] => Ok(tensor.clone()),
        &[n, rows, width] if heads > 0 && width % heads == 0 => {
            Ok(tensor.reshape(&[n, rows, heads, width / heads])?.permute(&[0, 2, 1, 3]))
        }
        _ => Err(Error::shape(format!(
            "an input of shape {dims:?} does not fit {heads} heads"
        ))),
    }
}

/// Every key or value head, repeated for the query heads that share it.
fn repeated(tensor: &DeviceTensor, heads: usize) -> Result<DeviceTensor> {
    let [n, groups, rows, width] = four(tensor)?;
    if groups == heads {
        return Ok(tensor.clone());
    }
    if groups == 0 || !heads.is_multiple_of(groups) {
        return Err(Error::shape(format!(
            "{heads} query heads cannot share {groups} key and value heads"
        )));
    }
    let each = heads / groups;
    tensor
        .reshape(&[n, groups, 1, rows, width])?
        .expand(&[n, groups, each, rows, width])?
        .reshape(&[n, heads, rows, width])
}

/// The mask that is added to the scores.
fn mask(inputs: &Inputs) -> Result<Option<DeviceTensor>> {
    let Some(value) = inputs.optional(3) else {
        return Ok(None);
    };
    if let Some(host) = value.host().filter(|host| host.type_name() == "bool") {
        let values = host
            .to_bools()
            .iter()
            .map(|seen| if *seen { 0.0 } else { f32::MIN })
            .collect();
        let added = Value::from(HostTensor::floats(host.dims(), values)?);
        return added.on(inputs.device_of_graph()).map(Some);
    }
    value.on(inputs.device_of_graph()).map(Some)
}
