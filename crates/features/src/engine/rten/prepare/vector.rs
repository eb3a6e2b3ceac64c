//! `MatMul` with a vector on the right, whose axis rten keeps with the size 1: the vector becomes a column, and the axis is removed.

use ranktune_onnx::{Attribute, Node};

use super::rewriter::{Names, Rewriter};

/// The nodes that take the place of `product`, whose second input is a vector.
pub(super) fn as_column(product: &Node, opset: i64, names: &mut Names) -> Option<Vec<Node>> {
    let (left, right, output) = (product.input(0)?, product.input(1)?, product.output(0)?);
    let mut new = Rewriter::new(product, names);
    let (column_axis, last) = (("axes", Attribute::Ints(vec![1])), ("axes", Attribute::Ints(vec![-1])));
    if opset < 13 {
        let column = new.add("Unsqueeze", &[right], &[column_axis]);
        let kept = new.add("MatMul", &[left, &column], &[]);
        new.add_as("Squeeze", &[&kept], &[last], output);
    } else {
        let axis = new.ints(&[1]);
        let column = new.add("Unsqueeze", &[right, &axis], &[]);
        let kept = new.add("MatMul", &[left, &column], &[]);
        let axis = new.ints(&[-1]);
        new.add_as("Squeeze", &[&kept, &axis], &[], output);
    }
    Some(new.finish())
}
