//! Constants beyond 32 bits, which rten's loader clamps. As limits they say the same; anywhere else the result would be another.

use std::collections::HashSet;

use ranktune_onnx::{DataType, Graph, Node, Tensor};

/// The integer constants of `graph` that do not fit into 32 bits.
pub(super) fn constants(graph: &Graph) -> HashSet<String> {
    let is_wide = |tensor: &Tensor| {
        tensor.data_type == DataType::I64
            && tensor
                .to_i64_vec()
                .is_some_and(|values| values.iter().any(|&value| i32::try_from(value).is_err()))
    };
    let initializers = graph.initializers.iter().filter(|(_, tensor)| is_wide(tensor));
    let nodes = graph.nodes.iter().filter(|node| node.is("Constant"));
    let nodes = nodes.filter(|node| {
        let in_list = node
            .ints("value_ints")
            .is_some_and(|values| values.iter().any(|&value| i32::try_from(value).is_err()));
        let alone = node.int("value_int").is_some_and(|value| i32::try_from(value).is_err());
        in_list || alone || node.tensor("value").is_some_and(is_wide)
    });
    initializers
        .map(|(name, _)| name.clone())
        .chain(nodes.flat_map(|node| node.outputs.clone()))
        .collect()
}

/// Whether input `position` of `node` is only compared with numbers of 32 bits, so that a clamped one does as well.
pub(super) fn is_limit(node: &Node, position: usize) -> bool {
    match node.op_type.as_str() {
        "Slice" | "Clip" => position > 0,
        "Min" | "Max" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "Equal" => true,
        _ => false,
    }
}

/// Whether `node` passes the numbers of its inputs on as they are, so that a clamped one is clamped in its output too.
pub(super) fn is_passed_on(node: &Node, position: usize) -> bool {
    match node.op_type.as_str() {
        "Cast" => node.int("to") == Some(i64::from(DataType::I64.code())),
        "Reshape" | "Unsqueeze" | "Squeeze" | "Flatten" => position == 0,
        "Concat" | "Identity" => true,
        _ => false,
    }
}
