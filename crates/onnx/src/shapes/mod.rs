//! Shape inference: the type and shape of every value, as far as the graph tells.
//!
//! Each operator has one rule, in the file of its family: input types and shapes → output types and shapes. Sizes are
//! fixed, symbolic (`batch`) or unknown. Alongside, small constants are carried through the graph's shape arithmetic
//! (`Shape → Gather → Concat → Reshape`), symbols included, because exporters compute shapes by it. An operator
//! without a rule gives unknown shapes, which is no error; what contradicts itself is one.
//!
//! What a file says of intermediate values (`value_info`) is used where no rule gives a rank: files in which only the
//! inputs' batch size was edited afterwards are common, and what they say of the values in between is stale.

pub(crate) mod axes;
mod conv;
mod elementwise;
mod generate;
mod index;
mod join;
mod layout;
mod matrix;
mod normalize;
mod reduce;
mod resize;
mod rules;
mod symbolic;

use std::collections::{BTreeMap, HashMap};

use crate::evaluate::Constants;
use crate::graph::display_shape;
use crate::{DataType, Dim, Error, ErrorKind, Graph, Model, Node, Tensor};
use rules::rule;
use symbolic::Element;

/// The highest rank a value may have; the highest in practice is about eight.
pub(crate) const MAX_RANK: usize = 32;
/// Elements of a constant that is carried along; shapes, axes and masks are far shorter than weights.
const MAX_ELEMENTS: usize = 4096;
/// Bytes that all constants computed along the way may take.
const MAX_CONSTANT_BYTES: usize = 64 << 20;

/// What one element with a symbol takes of these.
const ELEMENT_BYTES: usize = 128;

/// What is known of a value.
#[derive(Clone, Debug, Default)]
pub struct Value {
    /// Element type.
    pub data_type: Option<DataType>,
    /// Shape; `None` when not even the rank is known.
    pub shape: Option<Vec<Dim>>,
    /// The value itself, where it is a constant: an initializer, or the result of shape arithmetic.
    pub constant: Option<Tensor>,
    /// Elements of a one-dimensional integer value of which some are symbols.
    elements: Option<Vec<Element>>,
}

impl Value {
    fn new(data_type: Option<DataType>, shape: Option<Vec<Dim>>) -> Self {
        Self {
            data_type,
            shape,
            ..Self::default()
        }
    }

    fn of(tensor: &Tensor) -> Self {
        Self {
            data_type: Some(tensor.data_type),
            shape: Some(tensor.dims.iter().map(|&dim| Dim::Fixed(dim)).collect()),
            constant: Some(tensor.clone()),
            elements: None,
        }
    }

    /// The elements of a short integer value of rank 0 or 1.
    fn elements(&self) -> Option<Vec<Element>> {
        if self.elements.is_some() {
            return self.elements.clone();
        }
        let constant = self
            .constant
            .as_ref()
            .filter(|tensor| tensor.dims.len() <= 1 && tensor.len() <= MAX_ELEMENTS)?;
        constant.data_type.is_integer().then_some(())?;
        Some(constant.to_i64_vec()?.into_iter().map(Element::Known).collect())
    }
}

/// The types and shapes of a graph's values.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    values: HashMap<String, Value>,
}

impl Shapes {
    /// What is known of `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The shape of `name`, where its rank is known.
    pub fn shape(&self, name: &str) -> Option<&[Dim]> {
        self.values.get(name)?.shape.as_deref()
    }

    /// The rank of `name`, where known.
    pub fn rank(&self, name: &str) -> Option<usize> {
        self.shape(name).map(<[Dim]>::len)
    }

    /// The element type of `name`, where known.
    pub fn data_type(&self, name: &str) -> Option<DataType> {
        self.values.get(name)?.data_type
    }

    /// The value of `name`, where it is an initializer or computed from constants and known shapes.
    pub fn constant(&self, name: &str) -> Option<&Tensor> {
        self.values.get(name)?.constant.as_ref()
    }
}

/// One node with what is known of its inputs.
struct Op<'a> {
    node: &'a Node,
    inputs: Vec<Option<&'a Value>>,
    opset: i64,
}

/// What a rule gives: the node's outputs, as many of them as it knows something about.
type Outputs = Result<Vec<Value>, Error>;

impl<'a> Op<'a> {
    fn input(&self, position: usize) -> Option<&'a Value> {
        *self.inputs.get(position)?
    }

    fn shape(&self, position: usize) -> Option<&'a [Dim]> {
        self.input(position)?.shape.as_deref()
    }

    fn data_type(&self, position: usize) -> Option<DataType> {
        self.input(position)?.data_type
    }

    /// A short constant input of integers.
    fn ints(&self, position: usize) -> Option<Vec<i64>> {
        let constant = self.input(position)?.constant.as_ref()?;
        (constant.len() <= MAX_ELEMENTS).then(|| constant.to_i64_vec())?
    }

    /// A short constant input of floating-point numbers.
    fn floats(&self, position: usize) -> Option<Vec<f32>> {
        let constant = self.input(position)?.constant.as_ref()?;
        (constant.len() <= MAX_ELEMENTS).then(|| constant.to_f32_vec())?
    }

    /// Integers that older operator sets have as attribute `name` and newer ones as input `position`.
    fn list(&self, name: &str, position: usize) -> List {
        match (self.node.ints(name), self.input(position)) {
            (Some(list), _) => List::Given(list.to_vec()),
            (None, Some(_)) => self.ints(position).map_or(List::Unknown, List::Given),
            (None, None) => List::Absent,
        }
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.node.int(name).unwrap_or(default)
    }

    /// An axis attribute, counted from the front.
    fn axis(&self, axis: i64, rank: usize) -> Result<usize, Error> {
        axes::normalize_axis(axis, rank)
            .ok_or_else(|| self.error(format!("axis {axis} is outside the {rank} axes of its input")))
    }

    fn error(&self, message: impl Into<String>) -> Error {
        let message: String = message.into();
        let shapes: Vec<String> = self.inputs.iter().map(|input| describe(*input)).collect();
        self.node.error(
            ErrorKind::Invalid,
            format!("{message}; inputs were {}", shapes.join(", ")),
        )
    }

    /// Refuses an input whose rank is known and is not `rank`.
    fn expect_rank(&self, position: usize, rank: usize) -> Result<(), Error> {
        match self.shape(position) {
            Some(shape) if shape.len() != rank => {
                let found = shape.len();
                Err(self.error(format!("expected input {position} to have {rank} axes, found {found}")))
            }
            _ => Ok(()),
        }
    }
}

/// A list of integers that a node is given as an attribute or as an input.
enum List {
    Given(Vec<i64>),
    Absent,
    Unknown,
}

fn describe(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "absent".to_owned();
    };
    let data_type = value
        .data_type
        .map_or_else(|| "?".to_owned(), |data_type| data_type.to_string());
    let shape = value.shape.as_deref().map_or_else(|| "[…]".to_owned(), display_shape);
    format!("{data_type}{shape}")
}

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
        let mut value = Value::new(input.data_type, input.shape.clone());
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
        let value = Value::of(tensor);
        check_size(&value).map_err(|error| error.about(&format!("initializer {name:?}")))?;
        shapes.values.insert(name.clone(), value);
    }
    let mut declared = declared(graph);
    let mut constant_bytes = MAX_CONSTANT_BYTES;
    for node in &graph.nodes {
        let op = Op {
            node,
            inputs: node.inputs.iter().map(|name| shapes.values.get(name)).collect(),
            opset: model.opset(),
        };
        let mut outputs = outputs(&op, &mut constant_bytes)?;
        outputs.resize_with(node.outputs.len(), Value::default);
        for (name, mut value) in node.outputs.iter().zip(outputs) {
            if name.is_empty() {
                continue;
            }
            if let Some((data_type, shape)) = declared.remove(name.as_str()) {
                value.data_type = value.data_type.or(data_type);
                value.shape = value.shape.or(shape);
            }
            check_size(&value).map_err(|error| error.at_node(&node.label(), &node.op_type))?;
            shapes.values.insert(name.clone(), value);
        }
    }
    Ok(shapes)
}

/// What the file says of its values.
fn declared(graph: &Graph) -> HashMap<&str, (Option<DataType>, Option<Vec<Dim>>)> {
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
fn check_size(value: &Value) -> Result<(), Error> {
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
    let mut outputs = rule(op)?;
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
fn constants(op: &Op, constant_bytes: &mut usize) -> Option<Vec<Value>> {
    // A constant that lies in the graph already is shared and may have any length.
    if op.node.is("Constant") {
        return Some(vec![Value::of(&crate::evaluate::constant(op.node)?)]);
    }
    let known = |input: &Option<&Value>| input.is_none_or(|input| input.constant.is_some());
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
    Some(outputs.iter().map(Value::of).collect())
}
