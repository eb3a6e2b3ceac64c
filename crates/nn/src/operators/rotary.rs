//! RotaryEmbedding (operator set 23): pairs of features of a token are rotated by angles that depend on its position.
//!
//! # Shapes
//! `x [n, h, s, d]`, or `[n, s, h·d]` with `num_heads`; cosines and sines `[positions, d/2]` with `position_ids [n, s]`, or
//! `[n, s, d/2]` without.

use super::attention::apart;
use super::{Attributes, Inputs, Operator};
use crate::shape::size;
use crate::tensor::DeviceTensor;
use crate::{Error, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let interleaved = attributes.flag("interleaved", false)?;
    let heads = attributes.int_or("num_heads", 0).and_then(size)?;
    let turned = attributes.int_or("rotary_embedding_dim", 0).and_then(size)?;
    Ok(Box::new(move |inputs, _| {
        let given = inputs.tensor(0)?;
        let dims = given.dims();
        let x = apart(&given, heads)?;
        let shape = x.dims();
        let (n, rows, width) = (shape[0], shape[2], shape[3]);
        let turned = if turned == 0 { width } else { turned };
        if turned > width || turned % 2 != 0 {
            return Err(Error::shape(format!(
                "cannot rotate {turned} of {width} features; expected an even number of at most {width}"
            )));
        }
        let half = turned / 2;
        let angles = |position| -> Result<DeviceTensor> {
            let table = table(inputs, position, [n, rows])?;
            let dims = table.dims();
            if dims[2] != half {
                return Err(Error::shape(format!("expected {half} angles, found shape {dims:?}")));
            }
            table.reshape(&[n, 1, rows, half])
        };
        let (cos, sin) = (angles(1)?, angles(2)?);
        let part = x.narrow(3, 0, turned);
        let (first, second) = if interleaved {
            let pairs = part.reshape(&[n, shape[1], rows, half, 2])?;
            let one = |at: usize| pairs.narrow(4, at, at + 1).reshape(&[n, shape[1], rows, half]);
            (one(0)?, one(1)?)
        } else {
            (part.narrow(3, 0, half), part.narrow(3, half, turned))
        };
        let real = first.mul(&cos)?.sub(&second.mul(&sin)?)?;
        let imaginary = first.mul(&sin)?.add(&second.mul(&cos)?)?;
        let mut y = if interleaved {
            let pair = |tensor: &DeviceTensor| tensor.reshape(&[n, shape[1], rows, half, 1]);
            DeviceTensor::concat(&[pair(&real)?, pair(&imaginary)?], 4).reshape(&[n, shape[1], rows, turned])?
        } else {
            DeviceTensor::concat(&[real, imaginary], 3)
        };
        if turned < width {
            y = DeviceTensor::concat(&[y, x.narrow(3, turned, width)], 3);
        }
        if dims.len() == 3 {
            y = y.permute(&[0, 2, 1, 3]).reshape(&dims)?;
        }
        Ok(vec![y.into()])
    }))
}

/// The cosines or sines of every token, `[n, s, d/2]`.
fn table(inputs: &Inputs, position: usize, [n, rows]: [usize; 2]) -> Result<DeviceTensor> {
    let table = inputs.tensor(position)?;
    let Some(ids) = inputs.optional_ints(3)? else {
        return match table.rank() {
            3 => Ok(table),
            _ => Err(Error::shape(format!(
                "without positions, angles are [n, s, d/2]; found {:?}",
                table.dims()
            ))),
        };
    };
    let dims = table.dims();
    let known = |&id: &i64| usize::try_from(id).ok().filter(|id| *id < dims[0]);
    let chosen: Option<Vec<usize>> = ids.iter().map(known).collect();
    match (chosen, dims.as_slice()) {
        (Some(chosen), &[_, half]) if chosen.len() == n * rows => table.select(0, &chosen).reshape(&[n, rows, half]),
        _ => Err(Error::shape(format!(
            "the positions do not fit angles of shape {dims:?}"
        ))),
    }
}
