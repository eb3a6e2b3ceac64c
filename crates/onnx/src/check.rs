//! Checks that a model can be right, before anything is computed with it.
//!
//! The first thing wrong is reported with the node it was found at, what was expected and what was found. Reading
//! checks names and tensor lengths already; this looks at operators, versions and shapes as well, and it is the way to
//! check a graph that was built or edited.

use crate::order::{check_names, sorted};
use crate::shapes::operators::{self, operator};
use crate::{Error, ErrorKind, Graph, Model, Tensor, shapes};

/// The versions of the standard operator set that this crate reads.
pub const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

/// Domains of operators that engines know.
const DOMAINS: [&str; 3] = ["", "com.microsoft", "ai.onnx.ml"];

/// Checks `model`.
///
/// # Errors
/// - `Invalid`: cycles, names that lead nowhere or are defined twice, operators that do not exist or have the wrong
///   number of inputs, tensors that are not as long as their shape says, shapes that contradict each other, sizes that
///   overflow, no outputs.
/// - `Unsupported`: an operator set outside [`OPSETS`], or operators of an unknown domain.
pub fn check(model: &Model) -> Result<(), Error> {
    run(model).map_err(|error| model.in_file(error))
}

fn run(model: &Model) -> Result<(), Error> {
    if model.graph.outputs.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "the graph has no outputs"));
    }
    check_names(&model.graph)?;
    check_opset(model)?;
    check_graph(model, &model.graph)?;
    shapes::infer(model)?;
    Ok(())
}

fn check_opset(model: &Model) -> Result<(), Error> {
    let uses_standard = model.graph.nodes.iter().any(|node| node.domain.is_empty());
    let opset = model.opset();
    if uses_standard && !OPSETS.contains(&opset) {
        let (first, last) = (OPSETS.start(), OPSETS.end());
        let found = if opset == 0 {
            "none".to_owned()
        } else {
            opset.to_string()
        };
        let message = format!(
            "expected version {first} to {last} of the standard operator set, found {found}; convert the model with \
             onnx.version_converter or export it again"
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Ok(())
}

fn check_graph(model: &Model, graph: &Graph) -> Result<(), Error> {
    sorted(graph)?;
    for (name, tensor) in &graph.initializers {
        check_tensor(tensor).map_err(|error| error.about(&format!("initializer {name:?}")))?;
    }
    for node in &graph.nodes {
        if !DOMAINS.contains(&node.domain.as_str()) {
            let message = format!(
                "operators of the domain {:?} are not known to any engine here",
                node.domain
            );
            return Err(node.error(ErrorKind::Unsupported, message));
        }
        if !model.opsets.contains_key(&node.domain) {
            let message = format!(
                "the file does not import the operator set of the domain {:?}",
                node.domain
            );
            return Err(node.error(ErrorKind::Invalid, message));
        }
        if node.domain.is_empty() {
            check_operator(node, model.opset())?;
        }
        if let Some(tensor) = node.tensor("value") {
            check_tensor(tensor).map_err(|error| error.at_node(&node.label(), &node.op_type))?;
        }
        for body in node.subgraphs() {
            check_graph(model, body).map_err(|error| error.at_node(&node.label(), &node.op_type))?;
        }
    }
    Ok(())
}

/// Operators that ONNX Runtime's optimiser writes into the standard domain, of any version.
const OF_ONNX_RUNTIME: [&str; 2] = ["LayerNormalization", "SimplifiedLayerNormalization"];

fn check_operator(node: &crate::Node, opset: i64) -> Result<(), Error> {
    if OF_ONNX_RUNTIME.contains(&node.op_type.as_str()) {
        return Ok(());
    }
    let Some(operator) = operator(&node.op_type) else {
        let suggestion = operators::suggestion(&node.op_type);
        let message = format!("there is no such standard operator{suggestion}");
        return Err(node.error(ErrorKind::Invalid, message));
    };
    if operator.since > opset {
        let message = format!(
            "the operator exists from version {} on, but the file uses {opset}",
            operator.since
        );
        return Err(node.error(ErrorKind::Invalid, message));
    }
    let (fewest, most) = (*operator.inputs.start(), *operator.inputs.end());
    // Absent inputs at the end may be written as empty names.
    let found = node
        .inputs
        .iter()
        .rposition(|name| !name.is_empty())
        .map_or(0, |last| last + 1);
    if found < fewest || found > most {
        let (bound, number) = if found < fewest {
            ("at least", fewest)
        } else {
            ("at most", most)
        };
        let message = format!("expected {bound} {number} inputs, found {found}");
        return Err(node.error(ErrorKind::Invalid, message));
    }
    if let Some(absent) = node.inputs[..fewest].iter().position(String::is_empty) {
        return Err(node.error(ErrorKind::Invalid, format!("input {absent} is required, but absent")));
    }
    if node.outputs.len() > operator.max_outputs {
        let message = format!(
            "expected at most {} outputs, found {}",
            operator.max_outputs,
            node.outputs.len()
        );
        return Err(node.error(ErrorKind::Invalid, message));
    }
    Ok(())
}

fn check_tensor(tensor: &Tensor) -> Result<(), Error> {
    Tensor::new(tensor.data_type, &tensor.dims, tensor.data.clone()).map(|_| ())
}
