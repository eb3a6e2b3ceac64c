//! `Resize` and its predecessor `Upsample`: `out = ⌊in · scale⌋`, or the sizes that are asked for.

use super::op::{Op, Outputs};
use super::value::InferredValue;
use crate::Dim;

pub fn resize(op: &Op) -> Outputs {
    let Some(input) = op.shape(0) else {
        return Ok(vec![InferredValue::new(op.data_type(0), None)]);
    };
    // Version 11 put the region of interest before the scales.
    let scales_at = if op.node.is("Resize") && op.opset >= 11 { 2 } else { 1 };
    let scales = op
        .node
        .floats("scales")
        .map(<[f32]>::to_vec)
        .or_else(|| op.floats(scales_at));
    let scales = scales.filter(|scales| !scales.is_empty());
    let sizes = op
        .input(3)
        .and_then(InferredValue::elements)
        .filter(|sizes| !sizes.is_empty());
    let axes: Vec<usize> = match op.node.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|&axis| op.axis(axis, input.len()))
            .collect::<Result<_, _>>()?,
        None => (0..input.len()).collect(),
    };
    let mut shape = input.to_vec();
    axes.iter().for_each(|&axis| shape[axis] = Dim::Unknown);
    let stretches = op
        .node
        .string("keep_aspect_ratio_policy")
        .is_none_or(|policy| policy == "stretch");
    let wrong = |found: usize| {
        op.error(format!(
            "expected sizes or scales for {} axes, found {found}",
            axes.len()
        ))
    };
    if let Some(sizes) = sizes.filter(|_| stretches) {
        if sizes.len() != axes.len() {
            return Err(wrong(sizes.len()));
        }
        for (&axis, size) in axes.iter().zip(&sizes) {
            shape[axis] = size.to_dim().ok_or_else(|| op.error("a size is negative"))?;
        }
    } else if let Some(scales) = scales {
        if scales.len() != axes.len() {
            return Err(wrong(scales.len()));
        }
        for (&axis, &scale) in axes.iter().zip(&scales) {
            if !(scale > 0.0 && scale.is_finite()) {
                return Err(op.error(format!("expected a finite scale above 0, found {scale}")));
            }
            if scale == 1.0 {
                shape[axis] = input[axis].clone();
                continue;
            }
            shape[axis] = match input[axis].fixed() {
                Some(size) => scaled(size, scale),
                None => Dim::Unknown,
            };
        }
    }
    Ok(vec![InferredValue::new(op.data_type(0), Some(shape))])
}

fn scaled(size: usize, scale: f32) -> Dim {
    // Sizes up to 2²⁴ are exact in f32, in which engines compute this.
    const EXACT: usize = 1 << 24;
    let scaled = size as f32 * scale;
    if size > EXACT || scaled > EXACT as f32 {
        Dim::Unknown
    } else {
        Dim::Fixed(scaled as usize)
    }
}
