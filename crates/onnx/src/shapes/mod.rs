//! Shape inference: the type and shape of every value, as far as the graph tells.
//!
//! Each operator has one rule, in the file of its family: input types and shapes → output types and shapes. Sizes are
//! fixed, symbolic (`batch`) or unknown. Alongside, small constants are carried through the graph's shape arithmetic
//! (`Shape → Gather → Concat → Reshape`), symbols included, because exporters compute shapes by it. An operator
//! without a rule gives unknown shapes, which is no error; what contradicts itself is one.
//!
//! What a file says of intermediate values (`value_info`) is used where no rule gives a rank: files in which only the
//! inputs' batch size was edited afterwards are common, and what they say of the values in between is stale.

mod conv;
mod elementwise;
mod generate;
mod index;
mod join;
mod layout;
mod matrix;
mod normalize;
mod op;
pub(crate) mod operators;
mod reduce;
mod resize;
mod symbolic;
mod value;

use std::collections::{BTreeMap, HashMap};

use crate::axes::MAX_RANK;
use crate::evaluate::Constants;
use crate::graph::display_shape;
use crate::{DataType, Dim, Error, ErrorKind, Graph, Model, Node, Tensor};
use op::{Op, Outputs};
use value::{Element, MAX_ELEMENTS};

pub use value::{InferredValue, Shapes};

/// Bytes that all constants computed along the way may take.
const MAX_CONSTANT_BYTES: usize = 64 << 20;

/// What one element with a symbol takes of these.
const ELEMENT_BYTES: usize = 128;

/// Infers the shapes of `model` from what it says of its inputs.
///
/// # Errors
/// `Invalid` naming the node whose inputs cannot be, with what it expects and what it finds; `Unsupported` for ranks
/// beyond any in use.
pub fn infer(model: &Model) -> Result<Shapes, Error> {
    infer_with(model, &BTreeMap::new())
}

/// Infers the shapes of `model` for inputs of these `sizes`; inputs that are not named keep the sizes that the model
/// says.
///
/// # Errors
/// As [`infer`]; also `NotFound` for a name that is no input, and `Invalid` where the model says another size.
pub fn infer_with(model: &Model, sizes: &BTreeMap<String, Vec<usize>>) -> Result<Shapes, Error> {
    run(model, sizes).map_err(|error| model.in_file(error))
}

fn run(model: &Model, sizes: &BTreeMap<String, Vec<usize>>) -> Result<Shapes, Error> {
    let graph = &model.graph;
    let mut shapes = Shapes::default();
    for input in &graph.inputs {
        let mut value = InferredValue::new(input.data_type, input.shape.clone());
        if let Some(sizes) = sizes.get(&input.name) {
            if let Some(declared) = &input.shape {
                let fits = |(dim, size): (&Dim, &usize)| dim.fixed().is_none_or(|dim| dim == *size);
                if declared.len() != sizes.len() || !declared.iter().zip(sizes).all(fits) {
                    let declared = display_shape(declared);
                    let message = format!("input {:?}: expected the shape {declared}, found {sizes:?}", input.name);
                    return Err(Error::new(ErrorKind::Invalid, message));
                }
            }
            value.shape = Some(sizes.iter().map(|&size| Dim::Fixed(size)).collect());
        }
        check_size(&value).map_err(|error| error.about(&format!("input {:?}", input.name)))?;
        shapes.values.insert(input.name.clone(), value);
    }
    if let Some(name) = sizes
        .keys()
        .find(|name| graph.inputs.iter().all(|input| input.name != **name))
    {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the model has no input {name:?}"),
        ));
    }
    for (name, tensor) in &graph.initializers {
        let value = InferredValue::of(tensor);
        check_size(&value).map_err(|error| error.about(&format!("initializer {name:?}")))?;
        shapes.values.insert(name.clone(), value);
    }
    let mut declared = declared(graph);
    let mut inference = Inference {
        shapes,
        opset: model.opset(),
        constant_bytes: MAX_CONSTANT_BYTES,
    };
    for node in &graph.nodes {
        inference.step(node, |name| declared.remove(name))?;
    }
    Ok(inference.shapes)
}

/// What a file says of a value: its type and shape, each where known.
type Declared = (Option<DataType>, Option<Vec<Dim>>);

/// Inference node by node.
pub(crate) struct Inference {
    pub(crate) shapes: Shapes,
    opset: i64,
    constant_bytes: usize,
}

impl Inference {
    /// Begins with the inputs and constants of `model`.
    ///
    /// # Errors
    /// As [`infer`].
    pub(crate) fn begin(model: &Model) -> Result<Self, Error> {
        let without_nodes = Model {
            graph: Graph {
                inputs: model.graph.inputs.clone(),
                initializers: model.graph.initializers.clone(),
                ..Graph::default()
            },
            opsets: model.opsets.clone(),
            ir_version: model.ir_version,
            producer: String::new(),
            metadata: BTreeMap::new(),
            path: None,
        };
        Ok(Self {
            shapes: run(&without_nodes, &BTreeMap::new())?,
            opset: model.opset(),
            constant_bytes: MAX_CONSTANT_BYTES,
        })
    }

    /// Adds a constant.
    pub(crate) fn constant(&mut self, name: &str, tensor: &Tensor) {
        self.shapes.values.insert(name.to_owned(), InferredValue::of(tensor));
    }

    /// Adds the outputs of `node`, whose inputs are known; `declared` is what the file says of a value.
    ///
    /// # Errors
    /// As [`infer`].
    pub(crate) fn step(
        &mut self,
        node: &Node,
        mut declared: impl FnMut(&str) -> Option<Declared>,
    ) -> Result<(), Error> {
        let values = &mut self.shapes.values;
        let op = Op {
            node,
            inputs: node.inputs.iter().map(|name| values.get(name)).collect(),
            opset: self.opset,
        };
        let mut outputs = outputs(&op, &mut self.constant_bytes)?;
        outputs.resize_with(node.outputs.len(), InferredValue::default);
        for (name, mut value) in node.outputs.iter().zip(outputs) {
            if name.is_empty() {
                continue;
            }
            if let Some((data_type, shape)) = declared(name) {
                value.data_type = value.data_type.or(data_type);
                value.shape = value.shape.or(shape);
            }
            check_size(&value).map_err(|error| error.at_node(&node.label(), &node.op_type))?;
            values.insert(name.clone(), value);
        }
        Ok(())
    }
}

/// What the file says of its values.
fn declared(graph: &Graph) -> HashMap<&str, Declared> {
    let is_fixed = |dim: &Dim| dim.fixed().is_some();
    let takes_any_batch = graph
        .inputs
        .iter()
        .any(|input| input.shape.as_ref().is_none_or(|s| !s.iter().all(is_fixed)));
    let infos = graph.value_info.iter().chain(&graph.outputs);
    let entry = |info: &crate::ValueInfo| {
        let mut shape = info.shape.clone();
        // A fixed first size in a graph that takes any batch is from before the batch was made dynamic.
        if let Some(first) = shape.as_mut().and_then(|shape| shape.first_mut())
            && takes_any_batch
            && is_fixed(first)
        {
            *first = Dim::Unknown;
        }
        (info.data_type, shape)
    };
    infos.map(|info| (info.name.as_str(), entry(info))).collect()
}

/// Refuses a value whose fixed sizes alone make it larger than memory can be.
fn check_size(value: &InferredValue) -> Result<(), Error> {
    let Some(shape) = &value.shape else {
        return Ok(());
    };
    if shape.len() > MAX_RANK {
        let message = format!("a value has {} axes, more than the supported {MAX_RANK}", shape.len());
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let fixed: Vec<usize> = shape.iter().filter_map(Dim::fixed).collect();
    match crate::tensor::checked_elements(&fixed) {
        Some(_) => Ok(()),
        None => Err(Error::new(
            ErrorKind::Invalid,
            format!("the size of shape {} overflows", display_shape(shape)),
        )),
    }
}

fn outputs(op: &Op, constant_bytes: &mut usize) -> Outputs {
    if let Some(outputs) = constants(op, constant_bytes) {
        return Ok(outputs);
    }
    let mut outputs = operators::infer_outputs(op)?;
    if let [output] = outputs.as_mut_slice()
        && let Some(elements) = symbolic::elements(op)
    {
        let fits = match output.shape.as_deref() {
            Some([]) => elements.len() == 1,
            Some([length]) => length.fixed().is_none_or(|length| length == elements.len()),
            _ => false,
        };
        let left = constant_bytes.checked_sub(elements.len() * ELEMENT_BYTES);
        let (true, Some(left)) = (fits, left) else {
            return Ok(outputs);
        };
        *constant_bytes = left;
        let known: Option<Vec<i64>> = elements.iter().map(Element::known).collect();
        let dims: Option<Vec<usize>> = output
            .shape
            .as_ref()
            .and_then(|shape| shape.iter().map(Dim::fixed).collect());
        match (known, dims) {
            (Some(known), Some(dims)) if output.data_type == Some(DataType::I64) => {
                output.constant = Tensor::from_i64(&dims, &known).ok();
            }
            _ => output.elements = Some(elements),
        }
    }
    Ok(outputs)
}

/// The outputs of a node whose inputs are all short constants, by evaluating it.
fn constants(op: &Op, constant_bytes: &mut usize) -> Option<Vec<InferredValue>> {
    // A constant that lies in the graph already is shared and may have any length.
    if op.node.is("Constant") {
        return Some(vec![InferredValue::of(&crate::evaluate::constant(op.node)?)]);
    }
    let known = |input: &Option<&InferredValue>| input.is_none_or(|input| input.constant.is_some());
    if op.inputs.is_empty() || !op.inputs.iter().all(known) {
        return None;
    }
    let outputs = Constants {
        node: op.node,
        inputs: op
            .inputs
            .iter()
            .map(|input| input.and_then(|input| input.constant.as_ref()))
            .collect(),
        max_elements: MAX_ELEMENTS,
    }
    .evaluate()?;
    // Re-shaped weights are views and take nothing; what little they weigh here does no harm.
    let bytes = outputs
        .iter()
        .map(|output| output.data.len().min(8 * MAX_ELEMENTS))
        .sum();
    *constant_bytes = constant_bytes.checked_sub(bytes)?;
    Some(outputs.iter().map(InferredValue::of).collect())
}
