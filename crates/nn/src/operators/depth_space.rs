//! DepthToSpace and SpaceToDepth: reshape, transpose, reshape.

use super::{Attributes, Operator};
use crate::{Error, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let to_space = attributes.op_type() == "DepthToSpace";
    let block = attributes.int_or("blocksize", 0).and_then(crate::shape::size)?;
    let columns_first = match attributes.string_or("mode", "DCR")? {
        "DCR" => false,
        "CRD" => true,
        other => return Err(Error::unsupported(format!("mode = {other:?} is not supported"))),
    };
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        let wrong = || Error::shape(format!("blocks of {block} do not fit an input of shape {dims:?}"));
        let &[n, c, h, w] = dims.as_slice() else {
            return Err(wrong());
        };
        if block == 0 {
            return Err(wrong());
        }
        let y = match (to_space, columns_first) {
            (true, _) if c % (block * block) != 0 => return Err(wrong()),
            (true, false) => x
                .reshape(&[n, block, block, c / block / block, h, w])?
                .permute(&[0, 3, 4, 1, 5, 2]),
            (true, true) => x
                .reshape(&[n, c / block / block, block, block, h, w])?
                .permute(&[0, 1, 4, 2, 5, 3]),
            (false, _) if h % block != 0 || w % block != 0 => return Err(wrong()),
            (false, false) => x
                .reshape(&[n, c, h / block, block, w / block, block])?
                .permute(&[0, 3, 5, 1, 2, 4]),
            (false, true) => x
                .reshape(&[n, c, h / block, block, w / block, block])?
                .permute(&[0, 1, 3, 5, 2, 4]),
        };
        let to = match to_space {
            true => [n, c / block / block, h * block, w * block],
            false => [n, c * block * block, h / block, w / block],
        };
        Ok(vec![y.reshape(&to)?.into()])
    }))
}
