//! `Sign` of 0, which is 1 in rten: 0 stays 0.

use ranktune_onnx::Node;

use super::rewriter::{Names, Rewriter};

/// The nodes that take the place of `sign`.
pub(super) fn with_zero(sign: &Node, names: &mut Names) -> Option<Vec<Node>> {
    let (input, output) = (sign.input(0)?, sign.output(0)?);
    let mut new = Rewriter::new(sign, names);
    let number = new.float(0.0);
    let zero = new.add("CastLike", &[&number, input], &[]);
    let is_zero = new.add("Equal", &[input, &zero], &[]);
    let sign = new.add("Sign", &[input], &[]);
    new.add_as("Where", &[&is_zero, &zero, &sign], &[], output);
    Some(new.finish())
}
