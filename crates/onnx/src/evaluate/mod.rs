//! Evaluates a node whose inputs are all constants: shape arithmetic and the re-arrangement of weights.
//!
//! This is no engine: it knows the operators that exporters leave between constants, computes integers exactly and
//! floating-point numbers in f64 before rounding once (for + − × ÷ √ that is the rounding of f32 arithmetic itself),
//! and declines whatever is not there, would overflow, or would take more elements than allowed. Declining is never
//! an error: the node then stays in the graph.

mod arithmetic;
mod resize;
mod values;
mod views;

use bytes::Bytes;

use crate::axes::MAX_RANK;
use crate::tensor::checked_elements;
use crate::{Attribute, DataType, Node, Tensor};

pub(crate) use values::{Values, cast};

/// A node with constant inputs.
pub(crate) struct Constants<'a> {
    /// The node.
    pub node: &'a Node,
    /// Its inputs; `None` is an absent one.
    pub inputs: Vec<Option<&'a Tensor>>,
    /// Elements an output may have, and those an operator may convert.
    pub max_elements: usize,
}

impl Constants<'_> {
    /// The outputs of the node, or `None` where it is not evaluated.
    pub fn evaluate(&self) -> Option<Vec<Tensor>> {
        if !self.node.domain.is_empty() {
            return None;
        }
        if let Some(outputs) = views::evaluate(self) {
            return Some(outputs);
        }
        let output = match self.node.op_type.as_str() {
            "Constant" => constant(self.node)?,
            "ConstantOfShape" => self.constant_of_shape()?,
            "Shape" => self.shape()?,
            "Size" => Tensor::from_i64(&[], &[i64::try_from(self.input(0)?.len()).ok()?]).ok()?,
            "Range" => self.range()?,
            "NonZero" => self.non_zero()?,
            "Resize" => resize::evaluate(self)?,
            _ => arithmetic::evaluate(self)?,
        };
        Some(vec![output])
    }

    /// Input `position`.
    pub fn input(&self, position: usize) -> Option<&Tensor> {
        *self.inputs.get(position)?
    }

    /// Input `position` as integers; it must be short, as shapes and axes are.
    pub fn ints(&self, position: usize) -> Option<Vec<i64>> {
        self.input(position)
            .filter(|tensor| tensor.len() <= self.max_elements)?
            .to_i64_vec()
    }

    /// The integers that older operator sets have as attribute `name` and newer ones as input `position`.
    pub fn attribute_or_input(&self, name: &str, position: usize) -> Option<Vec<i64>> {
        self.node
            .ints(name)
            .map(<[i64]>::to_vec)
            .or_else(|| self.ints(position))
    }

    /// Elements of `dims`, where that many are allowed.
    pub fn allowed(&self, dims: &[usize]) -> Option<usize> {
        checked_elements(dims).filter(|&elements| elements <= self.max_elements && dims.len() <= MAX_RANK)
    }

    fn constant_of_shape(&self) -> Option<Tensor> {
        let dims: Vec<usize> = self
            .ints(0)?
            .into_iter()
            .map(usize::try_from)
            .collect::<Result<_, _>>()
            .ok()?;
        let elements = self.allowed(&dims)?;
        let (data_type, element) = match self.node.tensor("value") {
            Some(value) if value.len() == 1 => (value.data_type, value.data.clone()),
            Some(_) => return None,
            None => (DataType::F32, Bytes::from_static(&[0; 4])),
        };
        Tensor::new(data_type, &dims, element.repeat(elements).into()).ok()
    }

    fn shape(&self) -> Option<Tensor> {
        let dims = &self.input(0)?.dims;
        let dims: Vec<i64> = dims
            .iter()
            .map(|&dim| i64::try_from(dim))
            .collect::<Result<_, _>>()
            .ok()?;
        let dims = dims.get(shape_range(self.node, dims.len()))?;
        Tensor::from_i64(&[dims.len()], dims).ok()
    }

    fn range(&self) -> Option<Tensor> {
        let data_type = self.input(0)?.data_type;
        let bounds = [self.ints(0)?, self.ints(1)?, self.ints(2)?];
        let [start, limit, step] = bounds.map(|bound| bound.first().copied());
        let (start, limit, step) = (i128::from(start?), i128::from(limit?), i128::from(step?));
        if step == 0 {
            return None;
        }
        // ⌈(limit − start) / step⌉, and none when that is negative.
        let span = limit - start;
        let count = (span / step + i128::from(span % step != 0 && (span < 0) == (step < 0))).max(0);
        let count = self.allowed(&[usize::try_from(count).ok()?])?;
        let mut values = Vec::with_capacity(count);
        for position in 0..count {
            values.push(i64::try_from(start + step * i128::try_from(position).ok()?).ok()?);
        }
        Values::Int(values).into_tensor(data_type, &[count])
    }

    fn non_zero(&self) -> Option<Tensor> {
        let input = self.input(0)?;
        let rank = input.dims.len();
        self.allowed(&[rank, input.len()])?;
        let values = Values::of(input)?;
        let found: Vec<usize> = (0..values.len())
            .filter(|&position| !values.is_zero(position))
            .collect();
        let mut coordinates = vec![0i64; rank * found.len()];
        for (column, &position) in found.iter().enumerate() {
            let mut rest = position;
            for axis in (0..rank).rev() {
                coordinates[axis * found.len() + column] = i64::try_from(rest % input.dims[axis]).ok()?;
                rest /= input.dims[axis];
            }
        }
        Tensor::from_i64(&[rank, found.len()], &coordinates).ok()
    }
}

/// The axes that a `Shape` node with its attributes `start` and `end` gives, of `rank` axes.
pub(crate) fn shape_range(node: &Node, rank: usize) -> std::ops::Range<usize> {
    let bound = |name: &str, default: usize| {
        node.int(name).map_or(default, |bound| {
            let bound = if bound < 0 {
                i128::from(bound) + rank as i128
            } else {
                i128::from(bound)
            };
            usize::try_from(bound.max(0)).unwrap_or(rank).min(rank)
        })
    };
    let (start, end) = (bound("start", 0), bound("end", rank));
    start..end.max(start)
}

/// The tensor of a `Constant` node, whichever of its attributes holds it.
pub(crate) fn constant(node: &Node) -> Option<Tensor> {
    let float = |dims: &[usize], values: &[f32]| Tensor::from_f32(dims, values).ok();
    let int = |dims: &[usize], values: &[i64]| Tensor::from_i64(dims, values).ok();
    match node.attributes.iter().next()? {
        (_, Attribute::Tensor(tensor)) => Some(tensor.clone()),
        (_, Attribute::Float(value)) => float(&[], &[*value]),
        (_, Attribute::Floats(values)) => float(&[values.len()], values),
        (_, Attribute::Int(value)) => int(&[], &[*value]),
        (_, Attribute::Ints(values)) => int(&[values.len()], values),
        (_, Attribute::String(value)) => Tensor::from_strings(&[], &[Bytes::copy_from_slice(value)]).ok(),
        (_, Attribute::Strings(values)) => {
            let strings: Vec<Bytes> = values.iter().map(|value| Bytes::copy_from_slice(value)).collect();
            Tensor::from_strings(&[values.len()], &strings).ok()
        }
        _ => None,
    }
}
