//! DepthToSpace and SpaceToDepth: reshape, transpose, reshape.

use super::{Attributes, Operator};
use crate::shape::size;
use crate::{Error, Result};

/// The order in which the pixels of a block lie in the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Pixel, then channel.
    DepthColumnRow,
    /// Channel, then pixel.
    ColumnRowDepth,
}

/// The size of a block, and the order of its pixels.
fn settings(attributes: &mut Attributes) -> Result<(usize, Order)> {
    let block = attributes.int_or("blocksize", 0).and_then(size)?;
    if block == 0 {
        return Err(Error::invalid("attribute \"blocksize\" must be positive"));
    }
    let order = match attributes.string_or("mode", "DCR")? {
        "DCR" => Order::DepthColumnRow,
        "CRD" => Order::ColumnRowDepth,
        other => {
            return Err(Error::unsupported(format!("mode = {other:?} is not supported")));
        }
    };
    Ok((block, order))
}

fn four(dims: &[usize]) -> Result<[usize; 4]> {
    dims.try_into()
        .map_err(|_| Error::shape(format!("expected an input of four axes, found shape {dims:?}")))
}

fn does_not_fit(block: usize, dims: &[usize]) -> Error {
    Error::shape(format!("blocks of {block} do not fit an input of shape {dims:?}"))
}

pub(super) fn depth_to_space(attributes: &mut Attributes) -> Result<Operator> {
    let (block, order) = settings(attributes)?;
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let [n, c, h, w] = four(&x.dims())?;
        if c % (block * block) != 0 {
            return Err(does_not_fit(block, &x.dims()));
        }
        let depth = c / block / block;
        let y = match order {
            Order::DepthColumnRow => x.reshape(&[n, block, block, depth, h, w])?.permute(&[0, 3, 4, 1, 5, 2]),
            Order::ColumnRowDepth => x.reshape(&[n, depth, block, block, h, w])?.permute(&[0, 1, 4, 2, 5, 3]),
        };
        Ok(vec![y.reshape(&[n, depth, h * block, w * block])?.into()])
    }))
}

pub(super) fn space_to_depth(attributes: &mut Attributes) -> Result<Operator> {
    let (block, order) = settings(attributes)?;
    Ok(Box::new(move |inputs, _| {
        let x = inputs.tensor(0)?;
        let [n, c, h, w] = four(&x.dims())?;
        if h % block != 0 || w % block != 0 {
            return Err(does_not_fit(block, &x.dims()));
        }
        let blocks = x.reshape(&[n, c, h / block, block, w / block, block])?;
        let y = match order {
            Order::DepthColumnRow => blocks.permute(&[0, 3, 5, 1, 2, 4]),
            Order::ColumnRowDepth => blocks.permute(&[0, 1, 3, 5, 2, 4]),
        };
        Ok(vec![y.reshape(&[n, c * block * block, h / block, w / block])?.into()])
    }))
}
