//! A setting chosen from several values on the validation samples: λ, or the learning rate.
//!
//! A hundred validation samples distinguish values only if their metrics differ by several points, so the best of them is often a
//! matter of chance. The default, which did best in our experiments, is therefore kept unless another value is better by more than
//! the standard error of the difference (after the one-standard-error rule: Breiman et al., Classification and Regression Trees,
//! 1984) and its loss is no larger: chance alone exceeds one standard error in one of six draws, more often among several values, but
//! rarely in metric and loss at once.

use ranktune_report::training::Measured;

/// Number of resamples of the validation samples; they give the standard error within about 5 %.
pub(crate) const RESAMPLES: usize = 200;

/// The validation of one value.
pub(crate) struct Tried {
    pub(crate) measured: Measured,
    /// The metric on every resample.
    pub(crate) resampled: Vec<f64>,
}

/// The place of the chosen value; `None` if there is none. Sets the standard error of every other value's difference from the one at
/// `default`, if there is a default.
pub(crate) fn choose(tried: &mut [&mut Tried], default: Option<usize>) -> Option<usize> {
    let Some(default) = default else {
        return best(tried, |_| true);
    };
    let reference = tried[default].resampled.clone();
    let (value, loss) = (tried[default].measured.value, tried[default].measured.loss);
    for (place, one) in tried.iter_mut().enumerate() {
        if place != default {
            one.measured.standard_error = difference_error(&one.resampled, &reference);
        }
    }
    // Without a standard error, every difference counts.
    let is_better = |one: &Tried| {
        one.measured.value - value > one.measured.standard_error.unwrap_or(0.0) && one.measured.loss <= loss
    };
    best(tried, is_better).or(Some(default))
}

/// The place of the best of the `eligible` values, by metric, then by loss; the first of equal ones.
fn best(tried: &[&mut Tried], eligible: impl Fn(&Tried) -> bool) -> Option<usize> {
    let better = |a: &Measured, b: &Measured| a.value > b.value || (a.value == b.value && a.loss < b.loss);
    let mut found: Option<usize> = None;
    for (place, one) in tried.iter().enumerate().filter(|(_, one)| eligible(one)) {
        if found.is_none_or(|found| better(&one.measured, &tried[found].measured)) {
            found = Some(place);
        }
    }
    found
}

/// The standard deviation of the difference between two metrics over the same resamples; `None` for fewer than two resamples.
fn difference_error(one: &[f64], other: &[f64]) -> Option<f64> {
    if one.len() < 2 || one.len() != other.len() {
        return None;
    }
    let differences: Vec<f64> = one.iter().zip(other).map(|(a, b)| a - b).collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of resamples")]
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let square: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    Some((square / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value whose measure is `value` on average and ± `swing` on resamples, in step with the others' or not.
    fn tried(value: f64, loss: f64, swing: f64) -> Tried {
        Tried {
            measured: Measured {
                metric: "accuracy".to_owned(),
                value,
                loss,
                standard_error: None,
            },
            resampled: (0..RESAMPLES)
                .map(|place| value + if place % 2 == 0 { swing } else { -swing })
                .collect(),
        }
    }

    fn chosen(grid: &mut [Tried], default: Option<usize>) -> Option<usize> {
        choose(&mut grid.iter_mut().collect::<Vec<_>>(), default)
    }

    #[test]
    fn the_default_is_kept_unless_another_value_is_significantly_better() {
        // Deviations of 0.05 against 0.01 in step: the difference deviates by 0.04.
        let grid = |value| [tried(value, 0.5, 0.05), tried(0.80, 0.6, 0.01)];
        let mut near = grid(0.83);
        assert_eq!(chosen(&mut near, Some(1)), Some(1));
        let error = near[0].measured.standard_error.unwrap();
        assert!((error - 0.04).abs() < 2e-4, "{error}");
        assert_eq!(near[1].measured.standard_error, None);
        assert_eq!(chosen(&mut grid(0.85), Some(1)), Some(0));
    }

    #[test]
    fn a_value_with_a_larger_loss_is_not_chosen() {
        let mut grid = [tried(0.90, 0.7, 0.01), tried(0.80, 0.6, 0.01), tried(0.85, 0.5, 0.01)];
        assert_eq!(chosen(&mut grid, Some(1)), Some(2));
    }

    #[test]
    fn resamples_on_which_both_values_vary_alike_add_no_error() {
        let mut grid = [tried(0.80, 0.6, 0.05), tried(0.81, 0.6, 0.05)];
        assert_eq!(chosen(&mut grid, Some(0)), Some(1));
    }

    #[test]
    fn the_best_of_the_significantly_better_values_is_chosen_and_the_loss_breaks_ties() {
        let mut grid = [
            tried(0.90, 0.5, 0.0),
            tried(0.90, 0.4, 0.0),
            tried(0.70, 0.6, 0.0),
            tried(0.80, 0.2, 0.0),
        ];
        assert_eq!(chosen(&mut grid, Some(2)), Some(1));
    }

    #[test]
    fn without_the_default_the_best_is_chosen() {
        assert_eq!(
            chosen(&mut [tried(0.7, 0.5, 0.1), tried(0.71, 0.5, 0.3)], None),
            Some(1)
        );
        assert_eq!(chosen(&mut [], None), None);
    }
}
