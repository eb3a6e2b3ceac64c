//! Regret: the accuracy that is lost by trusting a ranking, `accuracy(best) − max accuracy(top k of the ranking)`.

use super::check;
use crate::error::{Error, ErrorKind, Result};

/// Regret of taking the best of the `k` models with the highest `scores`; zero is perfect.
///
/// Where scores tie around place k, the tied models of *lowest* accuracy count as chosen: a ranking gets no credit for choices
/// that it leaves open. `None` without models.
///
/// # Errors
/// [`ErrorKind::OutOfRange`] where `k` is zero, [`ErrorKind::Shape`] and [`ErrorKind::NonFinite`] as for the correlations.
///
/// # Examples
/// ```
/// use ranktune_scores::correlation::top_k_regret;
/// let (scores, accuracy) = ([0.9, 0.8, 0.1], [70.0, 75.0, 80.0]);
/// assert_eq!(top_k_regret(&scores, &accuracy, 1)?, Some(10.0));
/// assert_eq!(top_k_regret(&scores, &accuracy, 2)?, Some(5.0));
/// assert_eq!(top_k_regret(&scores, &accuracy, 3)?, Some(0.0));
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn top_k_regret(scores: &[f64], accuracy: &[f64], k: usize) -> Result<Option<f64>> {
    check(scores, accuracy)?;
    if k == 0 {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            "top-k regret needs k of at least 1, got 0",
        ));
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| {
        (scores[b] + 0.0)
            .total_cmp(&(scores[a] + 0.0))
            .then(accuracy[a].total_cmp(&accuracy[b]))
    });
    let highest = |models: &[usize]| models.iter().map(|&model| accuracy[model]).reduce(f64::max);
    let chosen = highest(&order[..k.min(order.len())]);
    Ok(highest(&order).zip(chosen).map(|(best, chosen)| best - chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_at_the_border_gives_no_credit() {
        assert_eq!(top_k_regret(&[1.0, 1.0], &[0.5, 0.9], 1).unwrap(), Some(0.4));
        assert_eq!(top_k_regret(&[0.0, -0.0], &[0.9, 0.5], 1).unwrap(), Some(0.4));
    }

    #[test]
    fn bad_arguments_are_refused_and_no_models_give_nothing() {
        assert!(top_k_regret(&[1.0], &[0.5], 0).is_err());
        assert!(top_k_regret(&[1.0], &[0.5, 0.6], 1).is_err());
        assert!(top_k_regret(&[f64::NAN], &[0.5], 1).is_err());
        assert_eq!(top_k_regret(&[], &[], 1).unwrap(), None);
    }
}
