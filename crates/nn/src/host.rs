//! Tensors on the host: integers, booleans and small constants, with which a graph computes shapes and indices.
//!
//! Everything that is not floating point lives here and is never copied to the device, so the
//! `Shape → Gather → Concat → Reshape` chains of an exported graph cost nothing there. Moving elements (transpose,
//! slice, gather, …) is one operation, `HostTensor::take`, over an index map.

use crate::shape::{Walk, broadcast, broadcast_strides, elements};
use crate::{Error, Result};

/// Elements of a [`HostTensor`]. All integer types are held as i64, all floating-point ones as f32.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each name is the type")]
pub enum HostData {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

/// A row-major tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    dims: Vec<usize>,
    data: HostData,
}

impl HostData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Whether the tensor has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl HostTensor {
    /// A tensor of shape `dims` over `data`.
    ///
    /// # Errors
    /// `Shape` when `data` does not hold as many elements as the shape takes.
    pub fn new(dims: &[usize], data: HostData) -> Result<Self> {
        let expected = elements(dims)?;
        if data.len() != expected {
            let found = data.len();
            return Err(Error::shape(format!(
                "shape {dims:?} takes {expected} elements, found {found}"
            )));
        }
        Ok(Self {
            dims: dims.to_vec(),
            data,
        })
    }

    /// Floating-point values.
    ///
    /// # Errors
    /// As [`HostTensor::new`].
    pub fn floats(dims: &[usize], values: Vec<f32>) -> Result<Self> {
        Self::new(dims, HostData::F32(values))
    }

    /// Integers.
    ///
    /// # Errors
    /// As [`HostTensor::new`].
    pub fn ints(dims: &[usize], values: Vec<i64>) -> Result<Self> {
        Self::new(dims, HostData::I64(values))
    }

    /// Booleans.
    ///
    /// # Errors
    /// As [`HostTensor::new`].
    pub fn bools(dims: &[usize], values: Vec<bool>) -> Result<Self> {
        Self::new(dims, HostData::Bool(values))
    }

    /// A list of integers, of rank 1.
    pub(crate) fn list(values: Vec<i64>) -> Self {
        Self {
            dims: vec![values.len()],
            data: HostData::I64(values),
        }
    }

    /// The shape.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The elements.
    pub fn data(&self) -> &HostData {
        &self.data
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether the tensor has no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// `f32`, `i64` or `bool`.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.data {
            HostData::F32(_) => "f32",
            HostData::I64(_) => "i64",
            HostData::Bool(_) => "bool",
        }
    }

    /// The elements, if they are floating point.
    pub fn as_floats(&self) -> Option<&[f32]> {
        match &self.data {
            HostData::F32(values) => Some(values),
            _ => None,
        }
    }

    /// The elements converted to floating point.
    pub(crate) fn to_floats(&self) -> Vec<f32> {
        match &self.data {
            HostData::F32(values) => values.clone(),
            HostData::I64(values) => values.iter().map(|&value| value as f32).collect(),
            HostData::Bool(values) => values.iter().map(|&value| f32::from(u8::from(value))).collect(),
        }
    }

    /// The elements converted to integers; floating-point ones are truncated.
    pub(crate) fn to_ints(&self) -> Vec<i64> {
        match &self.data {
            HostData::F32(values) => values.iter().map(|&value| value as i64).collect(),
            HostData::I64(values) => values.clone(),
            HostData::Bool(values) => values.iter().map(|&value| i64::from(value)).collect(),
        }
    }

    /// The elements as booleans: whether they differ from 0.
    pub(crate) fn to_bools(&self) -> Vec<bool> {
        match &self.data {
            HostData::F32(values) => values.iter().map(|&value| value != 0.0).collect(),
            HostData::I64(values) => values.iter().map(|&value| value != 0).collect(),
            HostData::Bool(values) => values.clone(),
        }
    }

    /// The same elements under another shape of the same size.
    ///
    /// # Errors
    /// As [`HostTensor::new`].
    pub(crate) fn reshape(&self, dims: &[usize]) -> Result<Self> {
        Self::new(dims, self.data.clone())
    }

    /// The elements at `indices` (row-major positions), as a tensor of shape `dims`.
    ///
    /// # Errors
    /// As [`HostTensor::new`].
    pub(crate) fn take(&self, dims: &[usize], indices: impl Iterator<Item = usize>) -> Result<Self> {
        elements(dims)?;
        let data = match &self.data {
            HostData::F32(values) => HostData::F32(indices.map(|index| values[index]).collect()),
            HostData::I64(values) => HostData::I64(indices.map(|index| values[index]).collect()),
            HostData::Bool(values) => HostData::Bool(indices.map(|index| values[index]).collect()),
        };
        Self::new(dims, data)
    }

    /// The tensor repeated to `dims`, which it broadcasts to.
    ///
    /// # Errors
    /// `Shape` when it does not.
    pub(crate) fn expand(&self, dims: &[usize]) -> Result<Self> {
        if self.dims == dims {
            return Ok(self.clone());
        }
        if broadcast(&self.dims, dims)? != dims {
            let found = &self.dims;
            return Err(Error::shape(format!("shape {found:?} does not expand to {dims:?}")));
        }
        self.take(dims, Walk::new(dims, &broadcast_strides(&self.dims, dims)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expanding_repeats_rows_and_columns() {
        let column = HostTensor::ints(&[2, 1], vec![1, 2]).unwrap();
        let expanded = column.expand(&[2, 2, 3]).unwrap();
        assert_eq!(expanded.to_ints(), [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
        assert!(column.expand(&[2]).is_err());
    }

    #[test]
    fn a_wrong_number_of_elements_is_refused() {
        assert!(HostTensor::floats(&[2, 2], vec![0.0; 3]).is_err());
    }
}
