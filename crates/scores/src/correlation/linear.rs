//! Pearson's correlation, and Spearman's: Pearson's correlation of the ranks, where tied values share their mean rank.

use super::{ascending, check};
use crate::error::Result;

/// Pearson's correlation; `None` with fewer than two models or a constant side.
///
/// # Errors
/// [`ErrorKind::Shape`](crate::ErrorKind::Shape) where the lengths differ,
/// [`ErrorKind::NonFinite`](crate::ErrorKind::NonFinite) where a number is not finite.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check(x, y)?;
    Ok(correlation(x, y))
}

/// Spearman's rank correlation; `None` with fewer than two models or a constant side.
///
/// # Errors
/// As [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check(x, y)?;
    Ok(correlation(&mean_ranks(x), &mean_ranks(y)))
}

fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let constant = |side: &[f64]| side.iter().all(|value| *value == side[0]);
    if x.len() < 2 || constant(x) || constant(y) {
        return None;
    }
    let x = unit(x)?;
    let y = unit(y)?;
    let product: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
    Some(product.clamp(-1.0, 1.0))
}

/// Centred and scaled to length one. Divided by the largest magnitude first, so that no square over- or underflows.
fn unit(values: &[f64]) -> Option<Vec<f64>> {
    let rescale = |values: &[f64]| {
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        values.iter().map(|value| value / largest).collect::<Vec<f64>>()
    };
    let scaled = rescale(values);
    let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
    let centred = rescale(&scaled.iter().map(|value| value - mean).collect::<Vec<_>>());
    let length = centred.iter().map(|value| value * value).sum::<f64>().sqrt();
    // Values that differ by less than the rounding of their mean have no direction.
    (length.is_finite() && length > 0.0).then(|| centred.iter().map(|value| value / length).collect())
}

fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let order = ascending(values, values);
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = start as f64 + (group.len() as f64 - 1.0) / 2.0;
        for &at in group {
            ranks[at] = mean;
        }
        start += group.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_has_correlation_one_at_any_scale() {
        for scale in [1e-300, 1.0, 1e300] {
            let x: Vec<f64> = [0.1, 0.5, 0.2, 0.9].iter().map(|v| v * scale).collect();
            let y: Vec<f64> = [1.2, 2.0, 1.4, 2.8].to_vec();
            assert!((pearson(&x, &y).unwrap().unwrap() - 1.0).abs() < 1e-12, "{scale:e}");
        }
    }

    #[test]
    fn spearman_sees_order_only() {
        let x: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];
        let y = x.map(f64::exp);
        assert!((spearman(&x, &y).unwrap().unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn tied_values_share_their_mean_rank() {
        assert_eq!(mean_ranks(&[5.0, 1.0, 5.0, 0.0]), [2.5, 1.0, 2.5, 0.0]);
        assert_eq!(mean_ranks(&[0.0, -0.0]), [0.5, 0.5]);
    }
}
