//! MaxPool, AveragePool and LpPool over one or two spatial axes.
//!
//! The input is padded first (`ceil_mode` adds to the end), with the lowest number for a maximum and zeros for a mean, and
//! the pool runs without padding. A mean is then corrected by the number of elements that each window covers:
//! `sum / covered = mean · kernel / covered`.

use super::conv::Sliding;
use super::{Attributes, Inputs, Operator};
use crate::tensor::DeviceTensor;
use crate::windows::Windows;
use crate::{Error, HostTensor, Result, kernels};

struct Pool {
    sliding: Sliding,
    kernel: Vec<usize>,
    ceil: bool,
}

impl Pool {
    fn read(attributes: &mut Attributes) -> Result<Self> {
        let sliding = Sliding::read(attributes)?;
        let kernel = sliding
            .kernel
            .clone()
            .ok_or_else(|| Error::invalid("attribute \"kernel_shape\" is missing"))?;
        if !(1..=2).contains(&kernel.len()) || kernel.contains(&0) {
            return Err(Error::unsupported(format!(
                "a kernel of shape {kernel:?} is not supported; expected one or two axes"
            )));
        }
        Ok(Self {
            sliding,
            kernel,
            ceil: attributes.flag("ceil_mode", false)?,
        })
    }

    /// The input as `[n, c, h, w]`, the windows over it, their number by axis, and the input's own dims.
    fn prepare(&self, inputs: &Inputs) -> Result<Prepared> {
        let x = inputs.tensor(0)?;
        let dims = x.dims();
        if dims.len() != self.kernel.len() + 2 {
            return Err(Error::shape(format!(
                "a kernel of shape {:?} does not fit an input of shape {dims:?}",
                self.kernel
            )));
        }
        let mut windows = self.sliding.windows(&dims[2..], &self.kernel)?;
        let mut kernel = self.kernel.clone();
        let mut spatial = dims[2..].to_vec();
        if kernel.len() == 1 {
            kernel.insert(0, 1);
            spatial.insert(0, 1);
            windows.stride.insert(0, 1);
            windows.dilation.insert(0, 1);
            windows.pads.insert(0, (0, 0));
        }
        let real = windows.pads.clone();
        let mut positions = Vec::new();
        for axis in 0..2 {
            let mut count = windows.positions(axis, spatial[axis], kernel[axis])?;
            let padded = spatial[axis] + real[axis].0 + real[axis].1;
            let span = (kernel[axis] - 1) * windows.dilation[axis] + 1;
            let reached = (count - 1) * windows.stride[axis] + span;
            // One more window, unless it would start after the input and the padding before it.
            if self.ceil && reached < padded && count * windows.stride[axis] < spatial[axis] + real[axis].0 {
                count += 1;
                let missing = ((count - 1) * windows.stride[axis] + span).saturating_sub(padded);
                windows.pads[axis].1 += missing;
            }
            positions.push(count);
        }
        Ok(Prepared {
            x: x.reshape(&[dims[0], dims[1], spatial[0], spatial[1]])?,
            kernel: [kernel[0], kernel[1]],
            spatial,
            windows,
            real,
            positions,
            rank: dims.len(),
        })
    }
}

struct Prepared {
    x: DeviceTensor,
    kernel: [usize; 2],
    spatial: Vec<usize>,
    windows: Windows,
    /// The padding that the node asks for, without what `ceil_mode` adds.
    real: Vec<(usize, usize)>,
    positions: Vec<usize>,
    rank: usize,
}

impl Prepared {
    fn stride(&self) -> [usize; 2] {
        [self.windows.stride[0], self.windows.stride[1]]
    }

    fn padded(&self, value: f32) -> Result<DeviceTensor> {
        self.x
            .pad(&[(0, 0), (0, 0), self.windows.pads[0], self.windows.pads[1]], value)
    }

    /// Removes the axis that was added for a pool over one axis.
    fn finish(&self, y: DeviceTensor) -> Result<DeviceTensor> {
        let dims = y.dims();
        match self.rank {
            3 => y.reshape(&[dims[0], dims[1], dims[3]]),
            _ => Ok(y),
        }
    }
}

pub(super) fn max(attributes: &mut Attributes) -> Result<Operator> {
    let pool = Pool::read(attributes)?;
    attributes.only_int("storage_order", 0)?;
    if attributes.outputs() > 1 {
        return Err(Error::unsupported(
            "the indices of MaxPool are not supported as an output",
        ));
    }
    Ok(Box::new(move |inputs, _| {
        let ready = pool.prepare(inputs)?;
        let dilation = [ready.windows.dilation[0], ready.windows.dilation[1]];
        let slide = kernels::Slide {
            kernel: ready.kernel,
            stride: ready.stride(),
            dilation,
            pad: [ready.windows.pads[0].0, ready.windows.pads[1].0],
            out: [ready.positions[0], ready.positions[1]],
        };
        if let Some(y) = kernels::max_pool(&ready.x, slide) {
            return Ok(vec![ready.finish(y)?.into()]);
        }
        let y = ready.padded(f32::MIN)?.max_pool(ready.kernel, ready.stride(), dilation);
        Ok(vec![ready.finish(y)?.into()])
    }))
}

pub(super) fn average(attributes: &mut Attributes) -> Result<Operator> {
    let pool = Pool::read(attributes)?;
    let count_padding = attributes.flag("count_include_pad", false)?;
    Ok(Box::new(move |inputs, _| {
        let ready = pool.prepare(inputs)?;
        if ready.windows.dilation != [1, 1] {
            return Err(Error::unsupported("AveragePool with dilations is not supported"));
        }
        let mut y = ready.padded(0.0)?.average_pool(ready.kernel, ready.stride());
        if ready.windows.pads.iter().any(|&pad| pad != (0, 0)) {
            let share = |axis| shares(&ready, axis, count_padding);
            let (rows, columns) = (share(0), share(1));
            let factors = rows
                .iter()
                .flat_map(|row| columns.iter().map(move |column| row * column))
                .collect();
            let factors = HostTensor::floats(&[1, 1, rows.len(), columns.len()], factors)?;
            y = y.mul(&crate::value::Value::from(factors).on(inputs.device_of_graph())?)?;
        }
        Ok(vec![ready.finish(y)?.into()])
    }))
}

/// `(Σ |x|ᵖ)^(1/p)` over each window.
pub(super) fn power(attributes: &mut Attributes) -> Result<Operator> {
    let pool = Pool::read(attributes)?;
    let p = attributes.int_or("p", 2)? as f32;
    Ok(Box::new(move |inputs, _| {
        let mut ready = pool.prepare(inputs)?;
        ready.x = ready.x.abs().pow_scalar(p);
        let count = (ready.kernel[0] * ready.kernel[1]) as f32;
        let mean = ready.padded(0.0)?.average_pool(ready.kernel, ready.stride());
        Ok(vec![ready.finish(mean.mul_scalar(count).pow_scalar(1.0 / p))?.into()])
    }))
}

/// `kernel / covered` along an axis, for every window.
fn shares(ready: &Prepared, axis: usize, count_padding: bool) -> Vec<f32> {
    let (before, after) = ready.real[axis];
    let size = ready.spatial[axis];
    let counted = if count_padding {
        (0, before + size + after)
    } else {
        (before, before + size)
    };
    (0..ready.positions[axis])
        .map(|position| {
            let start = position * ready.windows.stride[axis];
            let end = start + ready.kernel[axis];
            let covered = end.min(counted.1).saturating_sub(start.max(counted.0));
            ready.kernel[axis] as f32 / covered.max(1) as f32
        })
        .collect()
}
