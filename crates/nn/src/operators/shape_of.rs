//! Shape and Size.

use super::reshape::as_ints;
use super::{Attributes, Operator};
use crate::shape::elements;
use crate::{HostTensor, Result};

pub(super) fn size() -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        let total = elements(&inputs.get(0)?.dims())? as i64;
        Ok(vec![HostTensor::ints(&[], vec![total])?.into()])
    }))
}

pub(super) fn shape(attributes: &mut Attributes) -> Result<Operator> {
    let start = attributes.int_or("start", 0)?;
    let end = attributes.int("end")?;
    Ok(Box::new(move |inputs, _| {
        let dims = inputs.get(0)?.dims();
        let rank = dims.len() as i64;
        // Positions beyond either end are moved there.
        let place = |position: i64| {
            let from_start = if position < 0 {
                position.saturating_add(rank)
            } else {
                position
            };
            from_start.clamp(0, rank) as usize
        };
        let (first, last) = (place(start), place(end.unwrap_or(rank)));
        Ok(vec![as_ints(&dims[first..last.max(first)]).into()])
    }))
}
