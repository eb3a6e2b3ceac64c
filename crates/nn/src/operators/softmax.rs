//! Softmax and LogSoftmax. Up to operator set 12 they run over all axes from `axis` on, since over `axis` alone.

use super::{Attributes, Operator};
use crate::Result;
use crate::shape::axis;

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let old = attributes.opset() < 13;
    let logarithm = attributes.op_type() == "LogSoftmax";
    let along = attributes.int_or("axis", if old { 1 } else { -1 })?;
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        let along = axis(along, dims.len())?;
        let (shaped, along) = match old {
            true => (
                x.reshape(&[dims[..along].iter().product(), dims[along..].iter().product()])?,
                1,
            ),
            false => (x, along),
        };
        let y = if logarithm {
            shaped.log_softmax(along)
        } else {
            shaped.softmax(along)
        };
        Ok(vec![y.reshape(&dims)?.into()])
    }))
}
