//! `Resize` of a constant: a table of positions, brought to the size of the model's images.

use super::Constants;
use crate::Tensor;
use crate::axes::normalize_axis;
use crate::resampling::{Axis, Coordinates, Filter, Rounding};

#[derive(Clone, Copy)]
enum Kind {
    Nearest(Rounding),
    Filter(Filter),
}

/// `None` where it is not evaluated: by operator set 10, which has other inputs, with a region, or a policy on aspect ratios.
pub(super) fn evaluate(op: &Constants) -> Option<Tensor> {
    let (node, input) = (op.node, op.input(0)?);
    if op.inputs.len() < 3
        || node
            .string("keep_aspect_ratio_policy")
            .is_some_and(|policy| policy != "stretch")
    {
        return None;
    }
    let coordinates = Coordinates::named(node.string("coordinate_transformation_mode").unwrap_or("half_pixel"))?;
    let kind = match node.string("mode").unwrap_or("nearest") {
        "nearest" => Kind::Nearest(Rounding::named(
            node.string("nearest_mode").unwrap_or("round_prefer_floor"),
        )?),
        "linear" => Kind::Filter(Filter::Linear),
        "cubic" => Kind::Filter(Filter::Cubic {
            a: node.float("cubic_coeff_a").unwrap_or(-0.75),
        }),
        _ => return None,
    };
    let flag = |name: &str| node.int(name).unwrap_or(0) != 0;
    let rank = input.dims.len();
    let axes: Vec<usize> = match node.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|&axis| normalize_axis(axis, rank))
            .collect::<Option<_>>()?,
        None => (0..rank).collect(),
    };
    let sizes = op.ints(3).filter(|sizes| !sizes.is_empty());
    let scales = op.input(2).and_then(Tensor::to_f32_vec);
    let (mut dims, mut values) = (input.dims.clone(), input.to_f32_vec()?);
    for (position, &along) in axes.iter().enumerate() {
        let from = dims[along];
        let (to, scale) = match (&sizes, &scales) {
            (Some(sizes), _) => {
                let to = usize::try_from(*sizes.get(position)?).ok()?;
                (to, to as f32 / from as f32)
            }
            (None, Some(scales)) => {
                let scale = *scales.get(position)?;
                let to = (from as f32 * scale).floor();
                ((1.0..1e9).contains(&to).then_some(to as usize)?, scale)
            }
            _ => return None,
        };
        if (to, scale) == (from, 1.0) {
            continue;
        }
        if from == 0 || to == 0 {
            return None;
        }
        let axis = Axis {
            from,
            to,
            scale,
            coordinates,
        };
        op.allowed(&[from, to])?;
        dims[along] = to;
        op.allowed(&dims)?;
        let inner: usize = dims[along + 1..].iter().product();
        values = match kind {
            Kind::Nearest(rounding) => selected(&values, inner, from, &axis.nearest(rounding)),
            Kind::Filter(filter) => multiplied(
                &values,
                inner,
                from,
                &axis.weights(filter, flag("antialias"), flag("exclude_outside")),
            ),
        };
    }
    Tensor::from_f32(&dims, &values).ok()
}

/// The elements at `positions` along an axis of `from` elements, each of `inner` numbers.
fn selected(values: &[f32], inner: usize, from: usize, positions: &[usize]) -> Vec<f32> {
    let blocks = values.chunks(from * inner);
    let rows = blocks.flat_map(|block| positions.iter().map(move |at| &block[at * inner..(at + 1) * inner]));
    rows.flatten().copied().collect()
}

/// `y = W x` along an axis of `from` elements, each of `inner` numbers.
fn multiplied(values: &[f32], inner: usize, from: usize, weights: &[f32]) -> Vec<f32> {
    let mut result = Vec::with_capacity(values.len() / from * (weights.len() / from));
    let mut sums = vec![0.0f64; inner];
    for block in values.chunks(from * inner) {
        for row in weights.chunks(from) {
            sums.fill(0.0);
            for (&weight, elements) in row
                .iter()
                .zip(block.chunks(inner))
                .filter(|(weight, _)| **weight != 0.0)
            {
                let products = elements.iter().map(|&element| f64::from(weight) * f64::from(element));
                sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            }
            result.extend(sums.iter().map(|&sum| sum as f32));
        }
    }
    result
}
