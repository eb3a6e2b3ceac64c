//! A cast to bool, of which rten keeps the number: `Not(x = 0)`. Whatever the type of `x`, its zeros are those of f32.

use ranktune_onnx::{Attribute, DataType, Node};

use super::rewriter::{Names, Rewriter};

/// The nodes that take the place of `cast`, whose type is bool.
pub(super) fn compared(cast: &Node, names: &mut Names) -> Option<Vec<Node>> {
    let (input, output) = (cast.input(0)?, cast.output(0)?);
    let mut new = Rewriter::new(cast, names);
    let number = new.add(
        "Cast",
        &[input],
        &[("to", Attribute::Int(i64::from(DataType::F32.code())))],
    );
    let zero = new.float(0.0);
    let is_zero = new.add("Equal", &[&number, &zero], &[]);
    new.add_as("Not", &[&is_zero], &[], output);
    Some(new.finish())
}
