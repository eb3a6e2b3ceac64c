//! Features, targets and probabilities made elsewhere, in NumPy's `.npy` and `.npz`, safetensors, or Parquet; and writing them.
//!
//! | file | which array |
//! |---|---|
//! | `.npy` | the only one |
//! | `.npz`, `.safetensors` | `FILE:NAME`, else the one with a usual name (`features`, `labels`, …), else the only one of fitting rank |
//! | `.parquet` | `FILE:COLUMN`, else for features all columns of numbers (or one of lists), for targets the column with a usual name |
//!
//! Nothing is allocated before a header's sizes have been held against the bytes that are there.

mod element;
mod npy;
mod npz;
mod parquet_columns;
mod raw;
mod safetensors_file;
mod source;
mod targets;
mod write;

use std::path::Path;

use crate::{Error, Result, Targets, Task};
use raw::{Contents, RawArray};
use source::Role;

pub use write::{Export, write_npy, write_safetensors};

/// A matrix of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows, `n`.
    pub n_rows: usize,
    /// Columns, `d`.
    pub n_columns: usize,
    /// `[n, d]`, row-major.
    pub values: Vec<f32>,
}

/// How far the sum of a row of probabilities may be from 1.
const SUM_TOLERANCE: f64 = 1e-3;

/// Reads features `[n, d]`. Numbers of any kind become f32; NaN and infinity are for the scores to find.
///
/// # Errors
/// No such file; a format that is not known; a header that does not fit the file; no array of two dimensions.
pub fn read_features(path: &Path) -> Result<Matrix> {
    let (array, path) = numbers(path, Role::Features)?;
    matrix(&array).map_err(|error| error.in_file(&path))
}

/// Reads a source classifier's probabilities `[n, z]`.
///
/// # Errors
/// As [`read_features`], and `Invalid` where a row holds a negative number or does not add up to 1 within 1e-3.
pub fn read_probabilities(path: &Path) -> Result<Matrix> {
    let (array, path) = numbers(path, Role::Probabilities)?;
    let matrix = matrix(&array).map_err(|error| error.in_file(&path))?;
    for (row, values) in matrix.values.chunks_exact(matrix.n_columns.max(1)).enumerate() {
        let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
        let good = (sum - 1.0).abs() <= SUM_TOLERANCE && values.iter().all(|value| *value >= 0.0);
        if !good {
            let message = format!(
                "row {row}: expected probabilities, none negative, with a sum of 1, found a sum of {sum}; apply a softmax to logits first"
            );
            return Err(Error::invalid(message).in_file(&path));
        }
    }
    Ok(matrix)
}

/// Reads targets. Without a `task`: texts and whole numbers `[n]` are classes; other numbers `[n]` are regression; zeros and
/// ones `[n, c]` are labels; other numbers `[n, c]` are regression with `c` columns.
///
/// # Errors
/// As [`read_features`], and `Invalid` where the numbers do not fit the task (the message names the row).
pub fn read_targets(path: &Path, task: Option<Task>) -> Result<Targets> {
    let (contents, path) = source::read(path, Role::Targets)?;
    targets::of(&contents, task).map_err(|error| error.in_file(&path))
}

fn numbers(path: &Path, role: Role) -> Result<(RawArray, std::path::PathBuf)> {
    match source::read(path, role)? {
        (Contents::Numbers(array), path) => Ok((array, path)),
        (Contents::Texts(_), path) => Err(Error::invalid("expected numbers, found texts").in_file(&path)),
    }
}

fn matrix(array: &RawArray) -> Result<Matrix> {
    let &[n_rows, n_columns] = array.shape() else {
        let message = format!(
            "expected an array of two dimensions [samples, columns], found shape {:?}",
            array.shape()
        );
        return Err(Error::invalid(message).at(array.place()));
    };
    if n_rows == 0 || n_columns == 0 {
        let message = format!("expected at least one row and one column, found shape [{n_rows}, {n_columns}]");
        return Err(Error::invalid(message).at(array.place()));
    }
    Ok(Matrix {
        n_rows,
        n_columns,
        values: array.to_f32()?,
    })
}

#[cfg(test)]
mod tests;
