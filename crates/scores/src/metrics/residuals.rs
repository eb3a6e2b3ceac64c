//! Residuals of regression: prediction minus target, by column.

/// How the residuals of a column are distributed, in the units of the column.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Residuals {
    /// The mean: how much too high predictions are.
    pub mean: f64,
    /// The standard deviation about the mean, with the divisor n.
    pub standard_deviation: f64,
    /// The quantiles at 5, 25, 50, 75 and 95 %, with linear interpolation as NumPy's default.
    pub quantiles: [f64; 5],
}

/// The shares at which [`Residuals::quantiles`] lie.
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

impl Residuals {
    /// The residuals of column `j` of `predictions` and `values`, both `[n, c]`; `None` without samples.
    pub fn of_column(predictions: &[f32], values: &[f64], j: usize, c: usize) -> Option<Self> {
        let both = predictions.iter().zip(values).skip(j).step_by(c.max(1));
        let mut sorted: Vec<f64> = both.map(|(predicted, value)| f64::from(*predicted) - value).collect();
        if sorted.is_empty() {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let mean = sorted.iter().sum::<f64>() / n;
        let variance = sorted.iter().map(|residual| (residual - mean).powi(2)).sum::<f64>() / n;
        Some(Self {
            mean,
            standard_deviation: variance.sqrt(),
            quantiles: QUANTILES.map(|share| quantile(&sorted, share)),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place between 0 and the last sample"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - place.floor()) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.quantile([-2, -1, 0, 1.5, 4, 10], [.05, .25, .5, .75, .95])`, its mean and standard deviation.
    #[test]
    fn a_column_has_the_quantiles_of_numpy() {
        let values = [0.0; 12];
        let predictions = [9.0, -2.0, 9.0, 10.0, 9.0, 0.0, 9.0, 1.5, 9.0, -1.0, 9.0, 4.0];
        let residuals = Residuals::of_column(&predictions, &values, 1, 2).unwrap();
        let expected = [-1.75, -0.75, 0.75, 3.375, 8.5];
        for (found, expected) in residuals.quantiles.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert!((residuals.mean - 12.5 / 6.0).abs() < 1e-12);
        assert!(
            (residuals.standard_deviation - 4.025_094_891_911_108).abs() < 1e-9,
            "{residuals:?}"
        );
        assert_eq!(Residuals::of_column(&[], &[], 0, 1), None);
    }
}
