//! Predictions of a model's own head: `θ` `[n, z]`, a distribution over its source classes for every sample.

use crate::error::{Error, ErrorKind, Result};

/// Source-class probabilities, `[n, z]` row-major, every row a distribution.
#[derive(Clone, Copy, Debug)]
pub struct Probabilities<'a> {
    data: &'a [f32],
    n_sources: usize,
}

/// How far the sum of a row may be from one: rounding of a softmax over thousands of classes in half precision.
const SUM_TOLERANCE: f64 = 1e-2;

impl<'a> Probabilities<'a> {
    /// Wraps `data`, rows of `n_sources` probabilities.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the length is no multiple of `n_sources`; [`ErrorKind::OutOfRange`] where a number is not a
    /// probability or a row does not add up to one (logits, for instance): the message names the row.
    pub fn new(data: &'a [f32], n_sources: usize) -> Result<Self> {
        if n_sources == 0 || data.is_empty() || !data.len().is_multiple_of(n_sources) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("{} probabilities are no rows of {n_sources} source classes", data.len()),
            ));
        }
        for (row, values) in data.chunks_exact(n_sources).enumerate() {
            let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
            let least = values.iter().copied().fold(0.0, f32::min);
            if least < 0.0 || sum.is_nan() || (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(Error::new(
                    ErrorKind::OutOfRange,
                    format!(
                        "probabilities must be ≥ 0 and add up to 1 in every row, but row {row} has sum {sum} and least entry \
                         {least}; apply a softmax to logits"
                    ),
                ));
            }
        }
        Ok(Self { data, n_sources })
    }

    /// Number of samples, `n`.
    pub fn n_samples(&self) -> usize {
        self.data.len() / self.n_sources
    }

    /// Number of source classes, `z`.
    pub fn n_sources(&self) -> usize {
        self.n_sources
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.data.chunks_exact(self.n_sources)
    }

    pub(crate) fn gather(&self, rows: &[usize]) -> Vec<f32> {
        let z = self.n_sources;
        rows.iter()
            .flat_map(|&row| self.data[row * z..(row + 1) * z].iter().copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_and_nan_are_refused_with_their_row() {
        for bad in [[0.2, 3.0], [-0.5, 1.5], [f32::NAN, 0.5], [0.0, 0.0]] {
            let error = Probabilities::new(&[0.5, 0.5, bad[0], bad[1]], 2).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutOfRange);
            assert!(error.to_string().contains("row 1"), "{error}");
        }
    }

    #[test]
    fn ragged_rows_are_refused() {
        assert!(Probabilities::new(&[0.5, 0.5, 1.0], 2).is_err());
        assert!(Probabilities::new(&[], 2).is_err());
        assert!(Probabilities::new(&[1.0], 0).is_err());
    }
}
