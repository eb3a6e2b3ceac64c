//! Operators that change the shape and leave the elements: Reshape, Flatten, Squeeze, Unsqueeze; Identity and Dropout;
//! and those that repeat them: Expand, Tile.

use super::{Attributes, Inputs, Operator};
use crate::shape::{axes, axis, broadcast, elements, size};
use crate::value::Value;
use crate::{Error, HostTensor, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let keep_zero = attributes.flag("allowzero", false)?;
    Ok(Box::new(move |inputs, _| {
        let dims = target(&inputs.get(0)?.dims(), &inputs.ints(1)?, keep_zero)?;
        Ok(vec![inputs.get(0)?.reshape(&dims)?])
    }))
}

/// The shape that Reshape asks for: a −1 is inferred, a 0 copies the input's size unless zeros are kept.
fn target(found: &[usize], wanted: &[i64], keep_zero: bool) -> Result<Vec<usize>> {
    let wrong = || Error::shape(format!("a tensor of shape {found:?} cannot be reshaped to {wanted:?}"));
    let mut dims = Vec::with_capacity(wanted.len());
    let mut rest = None;
    for (position, &one) in wanted.iter().enumerate() {
        dims.push(match one {
            -1 if rest.is_none() => {
                rest = Some(position);
                1
            }
            0 if !keep_zero => *found.get(position).ok_or_else(wrong)?,
            _ => usize::try_from(one).map_err(|_| wrong())?,
        });
    }
    if let Some(position) = rest {
        let known = elements(&dims)?;
        let total = elements(found)?;
        if known == 0 || total % known != 0 {
            return Err(wrong());
        }
        dims[position] = total / known;
    }
    if elements(&dims)? != elements(found)? {
        return Err(wrong());
    }
    Ok(dims)
}

pub(super) fn flatten(attributes: &mut Attributes) -> Result<Operator> {
    let first = attributes.int_or("axis", 1)?;
    Ok(Box::new(move |inputs, _| {
        let dims = inputs.get(0)?.dims();
        let rank = dims.len();
        let split = if usize::try_from(first) == Ok(rank) {
            rank
        } else {
            axis(first, rank)?
        };
        let flat = [elements(&dims[..split])?, elements(&dims[split..])?];
        Ok(vec![inputs.get(0)?.reshape(&flat)?])
    }))
}

/// Axes are an attribute up to operator set 12 and an input since.
fn axes_of(attribute: Option<&Vec<i64>>, inputs: &Inputs) -> Result<Option<Vec<i64>>> {
    match attribute {
        Some(axes) => Ok(Some(axes.clone())),
        None => inputs.optional_ints(1),
    }
}

pub(super) fn squeeze(attributes: &mut Attributes) -> Result<Operator> {
    let attribute = attributes.ints("axes")?;
    Ok(Box::new(move |inputs, _| {
        let dims = inputs.get(0)?.dims();
        let chosen = match axes_of(attribute.as_ref(), inputs)? {
            Some(list) => axes(&list, dims.len())?,
            None => (0..dims.len()).filter(|&one| dims[one] == 1).collect(),
        };
        if let Some(&wrong) = chosen.iter().find(|&&one| dims[one] != 1) {
            return Err(Error::shape(format!(
                "axis {wrong} of shape {dims:?} cannot be squeezed: its size is not 1"
            )));
        }
        let left: Vec<usize> = (0..dims.len())
            .filter(|one| !chosen.contains(one))
            .map(|one| dims[one])
            .collect();
        Ok(vec![inputs.get(0)?.reshape(&left)?])
    }))
}

pub(super) fn unsqueeze(attributes: &mut Attributes) -> Result<Operator> {
    let attribute = attributes.ints("axes")?;
    Ok(Box::new(move |inputs, _| {
        let dims = inputs.get(0)?.dims();
        let list = axes_of(attribute.as_ref(), inputs)?.ok_or_else(|| Error::invalid("axes are missing"))?;
        let rank = dims.len() + list.len();
        let chosen = axes(&list, rank)?;
        let mut old = dims.iter().copied();
        let full: Vec<usize> = (0..rank)
            .map(|one| {
                if chosen.contains(&one) {
                    1
                } else {
                    old.next().unwrap_or(1)
                }
            })
            .collect();
        Ok(vec![inputs.get(0)?.reshape(&full)?])
    }))
}

/// Identity, and Dropout, which is the identity in evaluation mode, in which models are exported.
pub(super) fn identity(attributes: &mut Attributes) -> Result<Operator> {
    for name in ["ratio", "seed", "is_test"] {
        attributes.ignore(name);
    }
    if attributes.outputs() > 1 {
        return Err(Error::unsupported("the mask of Dropout is not supported as an output"));
    }
    Ok(Box::new(|inputs, _| {
        if inputs
            .optional(2)
            .and_then(|value| value.host())
            .is_some_and(|host| host.to_bools().contains(&true))
        {
            return Err(Error::unsupported(
                "Dropout in training mode is not supported; export in evaluation mode",
            ));
        }
        Ok(vec![inputs.get(0)?.clone()])
    }))
}

fn expanded(value: &Value, dims: &[usize]) -> Result<Value> {
    Ok(match value {
        Value::Device(tensor) => tensor.expand(dims)?.into(),
        _ => value.to_host()?.expand(dims)?.into(),
    })
}

pub(super) fn expand(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let wanted = inputs.ints(1)?.into_iter().map(size).collect::<Result<Vec<_>>>()?;
        let dims = broadcast(&inputs.get(0)?.dims(), &wanted)?;
        Ok(vec![expanded(inputs.get(0)?, &dims)?])
    }))
}

/// Repeats along new axes: `[a, b] → [1, a, 1, b] → [r, a, s, b] → [r·a, s·b]`.
pub(super) fn tile(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let value = inputs.get(0)?;
        let dims = value.dims();
        let repeats = inputs.ints(1)?.into_iter().map(size).collect::<Result<Vec<_>>>()?;
        if repeats.len() != dims.len() {
            return Err(Error::shape(format!(
                "{} repeats do not fit a tensor of shape {dims:?}",
                repeats.len()
            )));
        }
        let apart: Vec<usize> = dims.iter().flat_map(|&dim| [1, dim]).collect();
        let repeated: Vec<usize> = dims
            .iter()
            .zip(&repeats)
            .flat_map(|(&dim, &times)| [times, dim])
            .collect();
        elements(&repeated)?;
        let joined: Vec<usize> = dims.iter().zip(&repeats).map(|(dim, times)| dim * times).collect();
        Ok(vec![expanded(&value.reshape(&apart)?, &repeated)?.reshape(&joined)?])
    }))
}

/// A host tensor of integers from sizes.
pub(super) fn as_ints(dims: &[usize]) -> HostTensor {
    HostTensor::list(dims.iter().map(|&dim| dim as i64).collect())
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn reshape_infers_one_size() {
        assert_eq!(target(&[2, 3, 4], &[0, -1], false).unwrap(), [2, 12]);
        assert_eq!(target(&[0, 3], &[3, 0], true).unwrap(), [3, 0]);
        assert!(target(&[2, 3], &[4, -1], false).is_err());
        assert!(target(&[2, 3], &[-1, -1], false).is_err());
        assert!(target(&[2, 3], &[5], false).is_err());
    }
}
