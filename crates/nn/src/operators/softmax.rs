//! Softmax and LogSoftmax. Up to operator set 12 they run over all axes from `axis` on, later over `axis` alone.

use super::{Attributes, Operator};
use crate::Result;
use crate::shape::axis;
use crate::tensor::DeviceTensor;

pub(super) fn build(
    attributes: &mut Attributes,
    function: fn(&DeviceTensor, usize) -> DeviceTensor,
) -> Result<Operator> {
    let old = attributes.opset() < 13;
    let along = attributes.int_or("axis", if old { 1 } else { -1 })?;
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        let along = axis(along, dims.len())?;
        if !old {
            return Ok(vec![function(&x, along).into()]);
        }
        let flat = x.reshape(&[dims[..along].iter().product(), dims[along..].iter().product()])?;
        Ok(vec![function(&flat, 1).reshape(&dims)?.into()])
    }))
}
