//! MatMul and Gemm.

use super::{Attributes, Operator};
use crate::tensor::DeviceTensor;
use crate::{Error, Result, kernels};

/// NumPy's rules: a vector is a row on the left and a column on the right, and its axis of size 1 is dropped again.
pub(super) fn build(_: &mut Attributes) -> Result<Operator> {
    Ok(Box::new(|inputs, _| {
        Ok(vec![product(&inputs.tensor(0)?, &inputs.tensor(1)?)?.into()])
    }))
}

fn product(a: &DeviceTensor, b: &DeviceTensor) -> Result<DeviceTensor> {
    let (left, right) = (a.dims(), b.dims());
    if left.is_empty() || right.is_empty() {
        return Err(Error::shape("a matrix product takes no scalars"));
    }
    let a = if left.len() == 1 {
        a.reshape(&[1, left[0]])?
    } else {
        a.clone()
    };
    let b = if right.len() == 1 {
        b.reshape(&[right[0], 1])?
    } else {
        b.clone()
    };
    let y = a.matmul(&b)?;
    let mut dims = y.dims();
    if right.len() == 1 {
        dims.pop();
    }
    if left.len() == 1 {
        dims.remove(dims.len() - if right.len() == 1 { 1 } else { 2 });
    }
    y.reshape(&dims)
}

/// `alpha · A·B + beta · C`, with A and B transposed where asked.
pub(super) fn gemm(attributes: &mut Attributes) -> Result<Operator> {
    let alpha = attributes.float_or("alpha", 1.0)?;
    let beta = attributes.float_or("beta", 1.0)?;
    let (left, right) = (attributes.flag("transA", false)?, attributes.flag("transB", false)?);
    Ok(Box::new(move |inputs, _| {
        let matrix = |position, transposed| -> Result<DeviceTensor> {
            let tensor = inputs.tensor(position)?;
            if tensor.rank() != 2 {
                let found = tensor.dims();
                return Err(Error::shape(format!("expected a matrix, found shape {found:?}")));
            }
            Ok(if transposed { tensor.permute(&[1, 0]) } else { tensor })
        };
        let mut y = matrix(0, left)?.matmul(&matrix(1, right)?)?;
        if alpha != 1.0 {
            y = y.mul_scalar(alpha);
        }
        if let Some(bias) = inputs.optional_tensor(2)? {
            let dims = y.dims();
            if crate::shape::broadcast(&dims, &bias.dims())? != dims {
                return Err(Error::shape(format!(
                    "a bias of shape {:?} does not fit {dims:?}",
                    bias.dims()
                )));
            }
            let bias = if beta == 1.0 { bias } else { bias.mul_scalar(beta) };
            y = match kernels::add(&y, &bias) {
                Some(sum) => sum,
                None => y.add(&bias)?,
            };
        }
        Ok(vec![y.into()])
    }))
}
