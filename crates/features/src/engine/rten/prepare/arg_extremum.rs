//! `ArgMax` and `ArgMin` of tied elements: rten takes the last, ONNX the first unless `select_last_index` says otherwise.
//!
//! ```text
//! first(x) = n − 1 − last(x backwards)
//! ```

use ranktune_onnx::{Attribute, Node};

use super::rewriter::{Names, Rewriter};

/// The nodes that take the place of `node`.
pub(super) fn rewritten(node: &Node, names: &mut Names) -> Option<Vec<Node>> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let mut last = node.clone();
    if last.attributes.remove("select_last_index") == Some(Attribute::Int(1)) {
        return Some(vec![last]);
    }
    let axis = node.int("axis").unwrap_or(0);
    let mut new = Rewriter::new(node, names);
    let (start, end, axes, step) = (
        new.ints(&[-1]),
        new.ints(&[i64::MIN]),
        new.ints(&[axis]),
        new.ints(&[-1]),
    );
    let backwards = new.add("Slice", &[input, &start, &end, &axes, &step], &[]);
    let found = new.add_changed(&last, &backwards);
    let shape = new.add("Shape", &[input], &[]);
    let axis = new.int(axis);
    let length = new.add("Gather", &[&shape, &axis], &[]);
    let one = new.int(1);
    let end = new.add("Sub", &[&length, &one], &[]);
    new.add_as("Sub", &[&end, &found], &[], output);
    Some(new.finish())
}
