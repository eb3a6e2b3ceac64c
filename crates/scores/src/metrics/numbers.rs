//! Metrics of regression: `p` predicted, `y` true, both `[n, c]`.
//!
//! ```text
//! mse = mean (p − y)²      mae = mean |p − y|      r2 = mean over columns of 1 − Σ(p − y)² / Σ(y − ȳ)²
//! ```
//! and the mean over columns of Spearman's rank correlation. A column that is constant has no `r2` and no correlation.

use super::mean_of_known;
use crate::correlation;

/// Mean squared error, over all cells.
pub fn mse(predictions: &[f32], values: &[f64]) -> f64 {
    mean(predictions, values, |error| error * error)
}

/// Mean absolute error, over all cells.
pub fn mae(predictions: &[f32], values: &[f64]) -> f64 {
    mean(predictions, values, f64::abs)
}

fn mean(predictions: &[f32], values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let sum: f64 = predictions.iter().zip(values).map(|(p, y)| of(f64::from(*p) - y)).sum();
    sum / values.len() as f64
}

/// The share of the variance that is explained (coefficient of determination), the mean over columns; `None` where all are constant.
pub fn r2(predictions: &[f32], values: &[f64], c: usize) -> Option<f64> {
    mean_of_known(columns(predictions, values, c).map(|(p, y)| {
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let total: f64 = y.iter().map(|y| (y - mean).powi(2)).sum();
        let left: f64 = p.iter().zip(&y).map(|(p, y)| (p - y).powi(2)).sum();
        (total > 0.0).then(|| 1.0 - left / total)
    }))
}

/// Spearman's rank correlation, the mean over columns; `None` where all are constant.
pub fn spearman(predictions: &[f32], values: &[f64], c: usize) -> Option<f64> {
    mean_of_known(columns(predictions, values, c).map(|(p, y)| correlation::spearman(&p, &y).ok().flatten()))
}

fn columns<'a>(predictions: &'a [f32], values: &'a [f64], c: usize) -> impl Iterator<Item = (Vec<f64>, Vec<f64>)> + 'a {
    (0..c).map(move |j| {
        let p = predictions.iter().skip(j).step_by(c).map(|p| f64::from(*p)).collect();
        let y = values.iter().skip(j).step_by(c).copied().collect();
        (p, y)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_scikit_learn_give_their_values() {
        let (y, p) = ([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0]);
        assert!((mse(&p, &y) - 0.375).abs() < 1e-12);
        assert!((mae(&p, &y) - 0.5).abs() < 1e-12);
        assert!((r2(&p, &y, 1).unwrap() - 0.948_608_137_044_967_9).abs() < 1e-12);
        // Two columns, the mean of their r2.
        let (y, p) = ([0.5, 1.0, -1.0, 1.0, 7.0, -6.0], [0.0, 2.0, -1.0, 2.0, 8.0, -5.0]);
        assert!((r2(&p, &y, 2).unwrap() - (0.965_438_1 + 0.908_163_3) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn predicting_the_mean_explains_nothing_and_orders_nothing() {
        let y = [1.0, 2.0, 6.0];
        assert!(r2(&[3.0; 3], &y, 1).unwrap().abs() < 1e-12);
        assert_eq!(spearman(&[3.0; 3], &y, 1), None);
        assert!((spearman(&[1.0, 20.0, 300.0], &y, 1).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_constant_target_has_no_r2() {
        assert_eq!(r2(&[1.0, 2.0], &[5.0, 5.0], 1), None);
    }
}
