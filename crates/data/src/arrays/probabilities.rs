//! Source probabilities, `[n, z]`: the predictions of a model's own classifier.

use super::reader::{Matrix, MatrixReader, read_whole};
use super::role::PROBABILITIES;
use super::source::ArraySource;
use crate::{Error, Result};

/// The largest distance of a row sum from 1; a half-precision softmax over 1,000 classes stays below it.
const TOLERANCE: f64 = 1e-3;

/// Reads source probabilities, `path` or `path:name`, or those in memory.
///
/// # Shapes
/// `[n, z]`, every row non-negative with sum 1 to 1e-3.
///
/// # Errors
/// As [`super::read_matrix`]; `Invalid` for the first row that is not a distribution (logits need a softmax first).
pub fn read_probabilities<'a>(from: impl Into<ArraySource<'a>>) -> Result<Matrix> {
    let from = from.into();
    let path = from.path();
    let matrix = read_whole(MatrixReader::open_as(&from, &PROBABILITIES)?)?;
    for (i, row) in matrix.data.chunks_exact(matrix.cols).enumerate() {
        let bad = |message: String| Err(Error::invalid(message).at(format!("row {}", i + 1)).in_file(path));
        if let Some(value) = row.iter().find(|value| !value.is_finite() || **value < 0.0) {
            return bad(format!("{value} is not a probability; logits need a softmax first"));
        }
        let sum: f64 = row.iter().map(|value| f64::from(*value)).sum();
        if (sum - 1.0).abs() > TOLERANCE {
            return bad(format!(
                "expected probabilities with sum 1, found {sum}; logits need a softmax first"
            ));
        }
    }
    Ok(matrix)
}
