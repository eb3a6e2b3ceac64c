//! `Softplus` beyond 88, which is infinite in rten: `ln(1 + eˣ) = max(x, 0) + ln(1 + e^{−|x|})` overflows nowhere.

use ranktune_onnx::Node;

use super::rewriter::{Names, Rewriter};

/// The nodes that take the place of `softplus`.
pub(super) fn without_overflow(softplus: &Node, names: &mut Names) -> Option<Vec<Node>> {
    let (input, output) = (softplus.input(0)?, softplus.output(0)?);
    let mut new = Rewriter::new(softplus, names);
    let positive = new.add("Relu", &[input], &[]);
    let size = new.add("Abs", &[input], &[]);
    let negative = new.add("Neg", &[&size], &[]);
    let rest = new.add("Softplus", &[&negative], &[]);
    new.add_as("Add", &[&positive, &rest], &[], output);
    Some(new.finish())
}
