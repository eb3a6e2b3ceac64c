//! What is known of a graph's values: element type, shape, and the value itself where it is a constant.

use std::collections::HashMap;

use crate::{DataType, Dim, Tensor};

/// Elements of a constant that is carried along; shapes, axes and masks are far shorter than weights.
pub(super) const MAX_ELEMENTS: usize = 4096;

/// What is known of a value.
#[derive(Clone, Debug, Default)]
pub struct InferredValue {
    /// Element type.
    pub data_type: Option<DataType>,
    /// Shape; `None` when not even the rank is known.
    pub shape: Option<Vec<Dim>>,
    /// The value itself, where it is a constant: an initializer, or the result of shape arithmetic.
    pub constant: Option<Tensor>,
    /// Elements of a one-dimensional integer value of which some are symbols.
    pub(super) elements: Option<Vec<Element>>,
}

impl InferredValue {
    pub(super) fn new(data_type: Option<DataType>, shape: Option<Vec<Dim>>) -> Self {
        Self {
            data_type,
            shape,
            ..Self::default()
        }
    }

    pub(super) fn of(tensor: &Tensor) -> Self {
        Self {
            data_type: Some(tensor.data_type),
            shape: Some(tensor.dims.iter().map(|&dim| Dim::Fixed(dim)).collect()),
            constant: Some(tensor.clone()),
            elements: None,
        }
    }

    /// The elements of a short integer value of rank 0 or 1.
    pub(super) fn elements(&self) -> Option<Vec<Element>> {
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
    pub(super) values: HashMap<String, InferredValue>,
}

impl Shapes {
    /// What is known of `name`.
    pub fn get(&self, name: &str) -> Option<&InferredValue> {
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

/// One element of an integer value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// A number.
    Known(i64),
    /// A size by its symbol; a size is never negative.
    Symbol(String),
    /// Not known.
    Unknown,
}

impl Element {
    /// The number, where it is known.
    pub fn known(&self) -> Option<i64> {
        match self {
            Self::Known(value) => Some(*value),
            _ => None,
        }
    }

    /// The element that a size is.
    pub fn of_dim(dim: &Dim) -> Self {
        match dim {
            Dim::Fixed(size) => i64::try_from(*size).map_or(Self::Unknown, Self::Known),
            Dim::Named(name) => Self::Symbol(name.clone()),
            Dim::Unknown => Self::Unknown,
        }
    }

    /// The size that an element is; `None` when it is negative.
    pub fn to_dim(&self) -> Option<Dim> {
        Some(match self {
            Self::Known(value) => Dim::Fixed(usize::try_from(*value).ok()?),
            Self::Symbol(name) => Dim::Named(name.clone()),
            Self::Unknown => Dim::Unknown,
        })
    }
}
