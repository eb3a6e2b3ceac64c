//! Conv over one to three spatial axes.
//!
//! # Shapes
//! `x [n, c, s…]`, `weight [m, c/group, k…]`, `bias [m]` → `[n, m, t…]`.

use super::{Attributes, Operator};
use crate::windows::Windows;
use crate::{Error, Result};

/// How the padding is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    Explicit(Vec<(usize, usize)>),
    /// Padding for `⌈size / stride⌉` positions; the odd element goes after.
    SameUpper,
    /// The same, the odd element goes before.
    SameLower,
}

/// The attributes that convolutions and pools share; absent ones stand for ones and zeros of the right length.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    pub kernel: Option<Vec<usize>>,
    stride: Option<Vec<usize>>,
    dilation: Option<Vec<usize>>,
    padding: Padding,
}

impl Sliding {
    pub(super) fn read(attributes: &mut Attributes) -> Result<Self> {
        let pads = attributes.ints("pads")?;
        let padding = match attributes.string_or("auto_pad", "NOTSET")? {
            "NOTSET" | "" => Padding::Explicit(pairs(&pads.unwrap_or_default())?),
            "VALID" => Padding::Explicit(Vec::new()),
            "SAME_UPPER" => Padding::SameUpper,
            "SAME_LOWER" => Padding::SameLower,
            other => {
                return Err(Error::unsupported(format!("auto_pad = {other:?} is not supported")));
            }
        };
        Ok(Self {
            kernel: attributes.sizes("kernel_shape")?,
            stride: attributes.sizes("strides")?,
            dilation: attributes.sizes("dilations")?,
            padding,
        })
    }

    /// The windows over spatial sizes `sizes` with a kernel of size `kernel`.
    ///
    /// # Errors
    /// `Shape` when the lengths do not fit, or a stride is 0.
    pub(super) fn windows(&self, sizes: &[usize], kernel: &[usize]) -> Result<Windows> {
        let rank = sizes.len();
        if let Some(stated) = &self.kernel
            && stated != kernel
        {
            return Err(Error::shape(format!(
                "kernel_shape is {stated:?}, the weight's is {kernel:?}"
            )));
        }
        let list = |values: &Option<Vec<usize>>, name: &str| match values {
            None => Ok(vec![1; rank]),
            Some(list) if list.len() == rank && !list.contains(&0) => Ok(list.clone()),
            Some(list) => Err(Error::shape(format!("{name} {list:?} do not fit {rank} spatial axes"))),
        };
        let (stride, dilation) = (list(&self.stride, "strides")?, list(&self.dilation, "dilations")?);
        let pads = match &self.padding {
            Padding::Explicit(pads) if pads.is_empty() => vec![(0, 0); rank],
            Padding::Explicit(pads) if pads.len() == rank => pads.clone(),
            Padding::Explicit(pads) => {
                return Err(Error::shape(format!("pads {pads:?} do not fit {rank} spatial axes")));
            }
            same => (0..rank)
                .map(|axis| {
                    let span = kernel[axis].saturating_sub(1).saturating_mul(dilation[axis]) + 1;
                    let positions = sizes[axis].div_ceil(stride[axis]);
                    let needed = (positions.saturating_sub(1) * stride[axis] + span).saturating_sub(sizes[axis]);
                    let (less, more) = (needed / 2, needed - needed / 2);
                    if *same == Padding::SameUpper {
                        (less, more)
                    } else {
                        (more, less)
                    }
                })
                .collect(),
        };
        Ok(Windows { stride, pads, dilation })
    }
}

/// `[before…, after…]` as pairs.
///
/// # Errors
/// `Unsupported` for negative padding.
fn pairs(pads: &[i64]) -> Result<Vec<(usize, usize)>> {
    let (before, after) = pads.split_at(pads.len() / 2);
    if before.len() != after.len() {
        return Err(Error::invalid(format!("pads {pads:?} must be pairs")));
    }
    let size = |&pad: &i64| {
        usize::try_from(pad).map_err(|_| Error::unsupported(format!("negative padding {pads:?} is not supported here")))
    };
    before
        .iter()
        .zip(after)
        .map(|(before, after)| Ok((size(before)?, size(after)?)))
        .collect()
}

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let sliding = Sliding::read(attributes)?;
    let groups = attributes.int_or("group", 1).and_then(crate::shape::size)?;
    Ok(Box::new(move |inputs, _| {
        let (x, weight) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let bias = inputs.optional_tensor(2)?;
        let (dims, kernel) = (x.dims(), weight.dims());
        let rank = dims.len();
        if !(3..=5).contains(&rank) || kernel.len() != rank {
            return Err(Error::unsupported(format!(
                "expected one to three spatial axes, found input {dims:?} and weight {kernel:?}"
            )));
        }
        let fits = groups > 0 && dims[1] == kernel[1] * groups && kernel[0] % groups == 0;
        if !fits {
            return Err(Error::shape(format!(
                "weight {kernel:?} in {groups} groups does not fit an input of {} channels",
                dims[1]
            )));
        }
        if let Some(bias) = &bias
            && bias.dims() != [kernel[0]]
        {
            return Err(Error::shape(format!(
                "expected a bias of shape [{}], found {:?}",
                kernel[0],
                bias.dims()
            )));
        }
        let windows = sliding.windows(&dims[2..], &kernel[2..])?;
        for axis in 0..rank - 2 {
            windows.positions(axis, dims[axis + 2], kernel[axis + 2])?;
        }
        Ok(vec![x.convolve(&weight, bias.as_ref(), &windows, groups).into()])
    }))
}
