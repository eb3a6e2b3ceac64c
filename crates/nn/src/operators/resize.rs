//! Resize and Upsample: nearest, linear and cubic, with or without antialiasing, along any axes.
//!
//! Resizing is separable and linear: along each axis the output is `y = W x`, with one row of weights per output position.
//! Nearest is a selection, the others are a product with W, so gradients need no code of their own. The positions follow
//! `coordinate_transformation_mode`.

use super::slice::selected;
use super::{Attributes, Inputs, Operator};
use crate::shape::{axis, elements, size};
use crate::tensor::DeviceTensor;
use crate::{Error, HostTensor, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    PreferFloor,
    PreferCeil,
    Floor,
    Ceil,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nearest(Rounding),
    Linear,
    Cubic { a: f32 },
}

#[derive(Clone, Debug)]
struct Resize {
    kind: Kind,
    coordinates: Coordinates,
    antialias: bool,
    exclude_outside: bool,
    axes: Option<Vec<i64>>,
    /// From the attribute of old versions of Upsample.
    scales: Option<Vec<f32>>,
    /// Positions of the inputs `scales` and `sizes`.
    positions: (usize, usize),
}

pub(super) fn resize(attributes: &mut Attributes) -> Result<Operator> {
    let old = attributes.opset() < 11;
    build(attributes, old)
}

pub(super) fn upsample(attributes: &mut Attributes) -> Result<Operator> {
    build(attributes, true)
}

/// `old`: with the inputs and defaults of Upsample and of Resize before operator set 11.
fn build(attributes: &mut Attributes, old: bool) -> Result<Operator> {
    let default = if old { "asymmetric" } else { "half_pixel" };
    let coordinates = match attributes.string_or("coordinate_transformation_mode", default)? {
        "half_pixel" => Coordinates::HalfPixel,
        "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        other => {
            return Err(Error::unsupported(format!(
                "coordinate_transformation_mode = {other:?} is not supported"
            )));
        }
    };
    let rounding = match attributes.string_or("nearest_mode", if old { "floor" } else { "round_prefer_floor" })? {
        "round_prefer_floor" => Rounding::PreferFloor,
        "round_prefer_ceil" => Rounding::PreferCeil,
        "floor" => Rounding::Floor,
        "ceil" => Rounding::Ceil,
        other => {
            return Err(Error::unsupported(format!("nearest_mode = {other:?} is not supported")));
        }
    };
    let exclude_outside = attributes.flag("exclude_outside", false)?;
    let a = attributes.float_or("cubic_coeff_a", -0.75)?;
    let kind = match attributes.string_or("mode", "nearest")? {
        "nearest" => Kind::Nearest(rounding),
        "linear" | "bilinear" => Kind::Linear,
        "cubic" => Kind::Cubic { a },
        other => {
            return Err(Error::unsupported(format!("mode = {other:?} is not supported")));
        }
    };
    if attributes.string_or("keep_aspect_ratio_policy", "stretch")? != "stretch" {
        return Err(Error::unsupported(
            "only keep_aspect_ratio_policy = \"stretch\" is supported",
        ));
    }
    attributes.ignore("extrapolation_value");
    let resize = Resize {
        kind,
        coordinates,
        antialias: attributes.flag("antialias", false)?,
        exclude_outside,
        axes: attributes.ints("axes")?,
        scales: attributes.floats("scales")?,
        positions: if old { (1, usize::MAX) } else { (2, 3) },
    };
    Ok(Box::new(move |inputs, _| resize.run(inputs)))
}

impl Resize {
    fn run(&self, inputs: &Inputs) -> Result<Vec<crate::value::Value>> {
        let mut x = inputs.tensor(0)?;
        let dims = x.dims();
        let chosen = match &self.axes {
            Some(list) => list
                .iter()
                .map(|&one| axis(one, dims.len()))
                .collect::<Result<Vec<_>>>()?,
            None => (0..dims.len()).collect(),
        };
        let sizes = inputs.optional_ints(self.positions.1)?.filter(|list| !list.is_empty());
        let scales = match &self.scales {
            Some(scales) => Some(scales.clone()),
            None => inputs
                .optional(self.positions.0)
                .map(|_| inputs.host(self.positions.0))
                .transpose()?
                .map(HostTensor::to_floats),
        };
        for (position, &along) in chosen.iter().enumerate() {
            let from = dims[along];
            let (to, scale) = match (&sizes, &scales) {
                (Some(sizes), _) => {
                    let to = size(*sizes.get(position).ok_or_else(|| Error::shape("too few sizes"))?)?;
                    (to, to as f32 / from as f32)
                }
                (None, Some(scales)) => {
                    let scale = *scales.get(position).ok_or_else(|| Error::shape("too few scales"))?;
                    let to = (from as f32 * scale).floor();
                    if !(to >= 1.0 && to.is_finite()) {
                        return Err(Error::shape(format!("a scale of {scale} leaves no elements of {from}")));
                    }
                    (to as usize, scale)
                }
                _ => return Err(Error::invalid("neither sizes nor scales are given")),
            };
            if to == 0 || from == 0 {
                return Err(Error::shape(format!(
                    "cannot resize an axis of {from} elements to {to}"
                )));
            }
            if (to, scale) == (from, 1.0) {
                continue;
            }
            elements(&[to, from])?;
            x = match self.kind {
                Kind::Nearest(rounding) => {
                    let indices: Vec<usize> = (0..to)
                        .map(|out| nearest(self.source(out, from, to, scale), rounding, from))
                        .collect();
                    let value = selected(&x.into(), along, &indices)?;
                    value.on(inputs.device_of_graph())?
                }
                _ => multiply(&x, along, &self.weights(from, to, scale), to, inputs)?,
            };
        }
        Ok(vec![x.into()])
    }

    /// The input coordinate of output position `out`.
    fn source(&self, out: usize, from: usize, to: usize, scale: f32) -> f32 {
        let x = out as f32;
        match self.coordinates {
            Coordinates::HalfPixel => (x + 0.5) / scale - 0.5,
            Coordinates::HalfPixelSymmetric => {
                let adjustment = to as f32 / (scale * from as f32);
                let centre = from as f32 / 2.0;
                centre * (1.0 - adjustment) + (x + 0.5) / scale - 0.5
            }
            Coordinates::PytorchHalfPixel if to > 1 => (x + 0.5) / scale - 0.5,
            Coordinates::PytorchHalfPixel => 0.0,
            Coordinates::AlignCorners if to > 1 => x * (from - 1) as f32 / (to - 1) as f32,
            Coordinates::AlignCorners => 0.0,
            Coordinates::Asymmetric => x / scale,
        }
    }

    /// Weights `[to, from]`, each row with sum 1. Positions beyond the ends count as the elements at
    /// the ends, unless they are excluded.
    fn weights(&self, from: usize, to: usize, scale: f32) -> Vec<f32> {
        // Antialiasing stretches the filter when the axis shrinks.
        let stretch = if self.antialias { (1.0 / scale).max(1.0) } else { 1.0 };
        let support = if matches!(self.kind, Kind::Cubic { .. }) {
            2.0 * stretch
        } else {
            stretch
        };
        let mut weights = vec![0.0; to * from];
        for out in 0..to {
            let centre = self.source(out, from, to, scale);
            let row = &mut weights[out * from..(out + 1) * from];
            let first = (centre - support).floor() as i64;
            let last = (centre + support).ceil() as i64;
            for position in first..=last {
                let weight = self.filter((position as f32 - centre) / stretch);
                let inside = position.clamp(0, from as i64 - 1);
                if weight != 0.0 && (inside == position || !self.exclude_outside) {
                    row[inside as usize] += weight;
                }
            }
            let sum: f32 = row.iter().sum();
            if sum != 0.0 {
                row.iter_mut().for_each(|weight| *weight /= sum);
            }
        }
        weights
    }

    fn filter(&self, x: f32) -> f32 {
        let x = x.abs();
        match self.kind {
            Kind::Cubic { a } if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            Kind::Cubic { a } if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            Kind::Linear if x < 1.0 => 1.0 - x,
            _ => 0.0,
        }
    }
}

fn nearest(x: f32, rounding: Rounding, size: usize) -> usize {
    let rounded = match rounding {
        Rounding::PreferFloor => (x - 0.5).ceil(),
        Rounding::PreferCeil => (x + 0.5).floor(),
        Rounding::Floor => x.floor(),
        Rounding::Ceil => x.ceil(),
    };
    (rounded.max(0.0) as usize).min(size - 1)
}

/// `x · Wᵀ` along an axis.
fn multiply(x: &DeviceTensor, along: usize, weights: &[f32], to: usize, inputs: &Inputs) -> Result<DeviceTensor> {
    let rank = x.rank();
    let from = x.dims()[along];
    let weights = DeviceTensor::from_values(&[to, from], weights.to_vec(), inputs.device_of_graph())?;
    let mut order: Vec<usize> = (0..rank).filter(|&axis| axis != along).collect();
    order.push(along);
    let mut back: Vec<usize> = (0..rank - 1).collect();
    back.insert(along, rank - 1);
    Ok(x.permute(&order).matmul(&weights.permute(&[1, 0]))?.permute(&back))
}
