//! Resize and Upsample: nearest, linear and cubic, with or without antialiasing, along any axes.
//!
//! Resizing is separable and linear: along each axis the output is `y = W x`, with one row of weights per output position.
//! Nearest is a selection, the others are a product with W, so gradients need no code of their own.

use ranktune_onnx::resampling::{Axis, Coordinates, Filter, Rounding};

use super::slice::selected;
use super::{Attributes, Inputs, Operator};
use crate::shape::{axis, elements, size};
use crate::tensor::DeviceTensor;
use crate::{Error, HostTensor, Result};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nearest(Rounding),
    Filter(Filter),
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
    let coordinates = attributes.string_or("coordinate_transformation_mode", default)?;
    let coordinates = Coordinates::named(coordinates).ok_or_else(|| {
        Error::unsupported(format!(
            "coordinate_transformation_mode = {coordinates:?} is not supported"
        ))
    })?;
    let rounding = attributes.string_or("nearest_mode", if old { "floor" } else { "round_prefer_floor" })?;
    let rounding = Rounding::named(rounding)
        .ok_or_else(|| Error::unsupported(format!("nearest_mode = {rounding:?} is not supported")))?;
    let exclude_outside = attributes.flag("exclude_outside", false)?;
    let a = attributes.float_or("cubic_coeff_a", -0.75)?;
    let kind = match attributes.string_or("mode", "nearest")? {
        "nearest" => Kind::Nearest(rounding),
        "linear" | "bilinear" => Kind::Filter(Filter::Linear),
        "cubic" => Kind::Filter(Filter::Cubic { a }),
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
            let resampled = Axis {
                from,
                to,
                scale,
                coordinates: self.coordinates,
            };
            x = match self.kind {
                Kind::Nearest(rounding) => {
                    let value = selected(&x.into(), along, &resampled.nearest(rounding))?;
                    value.on(inputs.device_of_graph())?
                }
                Kind::Filter(filter) => {
                    let weights = resampled.weights(filter, self.antialias, self.exclude_outside);
                    multiply(&x, along, &weights, to, inputs)?
                }
            };
        }
        Ok(vec![x.into()])
    }
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
