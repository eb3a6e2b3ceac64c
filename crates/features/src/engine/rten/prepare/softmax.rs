//! `Softmax` before operator set 13 is over all axes from `axis` on: `Flatten(axis)`, `Softmax(1)`, `Reshape` to what it was.

use ranktune_onnx::{Attribute, Node};

use super::rewriter::{Names, Rewriter};

/// The nodes that take the place of `softmax`.
pub(super) fn flattened(softmax: &Node, names: &mut Names) -> Option<Vec<Node>> {
    let (input, output) = (softmax.input(0)?, softmax.output(0)?);
    let axis = softmax.int("axis").unwrap_or(1);
    let mut new = Rewriter::new(softmax, names);
    let shape = new.add("Shape", &[input], &[]);
    let flat = new.add("Flatten", &[input], &[("axis", Attribute::Int(axis))]);
    let result = new.add(&softmax.op_type, &[&flat], &[("axis", Attribute::Int(1))]);
    new.add_as("Reshape", &[&result, &shape], &[], output);
    Some(new.finish())
}
