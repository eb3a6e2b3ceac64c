//! What a shape rule is given, and what it gives.

use super::value::{InferredValue, MAX_ELEMENTS};
use crate::axes::normalize_axis;
use crate::graph::display_shape;
use crate::{DataType, Dim, Error, ErrorKind, Node};

/// One node with what is known of its inputs.
pub struct Op<'a> {
    pub node: &'a Node,
    pub inputs: Vec<Option<&'a InferredValue>>,
    pub opset: i64,
}

/// What a rule gives: the node's outputs, as many of them as it knows something about.
pub type Outputs = Result<Vec<InferredValue>, Error>;

impl<'a> Op<'a> {
    pub fn input(&self, position: usize) -> Option<&'a InferredValue> {
        *self.inputs.get(position)?
    }

    pub fn shape(&self, position: usize) -> Option<&'a [Dim]> {
        self.input(position)?.shape.as_deref()
    }

    pub fn data_type(&self, position: usize) -> Option<DataType> {
        self.input(position)?.data_type
    }

    /// A short constant input of integers.
    pub fn ints(&self, position: usize) -> Option<Vec<i64>> {
        let constant = self.input(position)?.constant.as_ref()?;
        (constant.len() <= MAX_ELEMENTS).then(|| constant.to_i64_vec())?
    }

    /// A short constant input of floating-point numbers.
    pub fn floats(&self, position: usize) -> Option<Vec<f32>> {
        let constant = self.input(position)?.constant.as_ref()?;
        (constant.len() <= MAX_ELEMENTS).then(|| constant.to_f32_vec())?
    }

    /// Integers that older operator sets have as attribute `name` and newer ones as input `position`.
    pub fn list(&self, name: &str, position: usize) -> List {
        match (self.node.ints(name), self.input(position)) {
            (Some(list), _) => List::Given(list.to_vec()),
            (None, Some(_)) => self.ints(position).map_or(List::Unknown, List::Given),
            (None, None) => List::Absent,
        }
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.node.int(name).unwrap_or(default)
    }

    /// An axis attribute, counted from the front.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize, Error> {
        normalize_axis(axis, rank)
            .ok_or_else(|| self.error(format!("axis {axis} is outside the {rank} axes of its input")))
    }

    pub fn error(&self, message: impl Into<String>) -> Error {
        let message: String = message.into();
        let shapes: Vec<String> = self.inputs.iter().map(|input| describe(*input)).collect();
        self.node.error(
            ErrorKind::Invalid,
            format!("{message}; inputs were {}", shapes.join(", ")),
        )
    }

    /// Refuses an input whose rank is known and is not `rank`.
    pub fn expect_rank(&self, position: usize, rank: usize) -> Result<(), Error> {
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
pub enum List {
    Given(Vec<i64>),
    Absent,
    Unknown,
}

fn describe(value: Option<&InferredValue>) -> String {
    let Some(value) = value else {
        return "absent".to_owned();
    };
    let data_type = value
        .data_type
        .map_or_else(|| "?".to_owned(), |data_type| data_type.to_string());
    let shape = value.shape.as_deref().map_or_else(|| "[…]".to_owned(), display_shape);
    format!("{data_type}{shape}")
}
