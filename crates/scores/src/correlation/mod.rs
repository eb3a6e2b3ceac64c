//! How well a ranking agrees with measured performance: rank correlations with bootstrap draws, and regret.
//!
//! Every coefficient compares `x` `[K]` (scores) with `y` `[K]` (measured) and is `None` where it is not defined: fewer than two
//! models, or one side constant. Numbers that are not finite are an error, not a silently lower count.

mod bootstrap;
mod kendall;
mod linear;
mod regret;

use crate::error::{Error, ErrorKind, Result};

pub use bootstrap::{BootstrapOptions, central_interval, weighted_tau_draws};
pub use kendall::{kendall_tau, weighted_tau};
pub use linear::{pearson, spearman};
pub use regret::top_k_regret;

/// Checks that the two sides have the same length and are finite.
fn check(x: &[f64], y: &[f64]) -> Result<()> {
    if x.len() != y.len() {
        return Err(Error::new(
            ErrorKind::Shape,
            format!(
                "cannot compare {} numbers with {}; give one of each a model",
                x.len(),
                y.len()
            ),
        ));
    }
    for (name, side) in [("first", x), ("second", y)] {
        if let Some(at) = side.iter().position(|value| !value.is_finite()) {
            return Err(Error::new(
                ErrorKind::NonFinite,
                format!(
                    "numbers to correlate must be finite, got {} at position {at} of the {name}",
                    side[at]
                ),
            ));
        }
    }
    Ok(())
}

/// The positions of `values` in ascending order, equal ones in order of `then`.
fn ascending(values: &[f64], then: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // + 0.0 makes −0.0 equal to 0.0 under the total order.
    order.sort_by(|&a, &b| {
        (values[a] + 0.0)
            .total_cmp(&(values[b] + 0.0))
            .then((then[a] + 0.0).total_cmp(&(then[b] + 0.0)))
    });
    order
}

/// Dense ranks from zero: equal values share one.
fn dense_ranks(values: &[f64]) -> Vec<usize> {
    let order = ascending(values, values);
    let mut ranks = vec![0; values.len()];
    for pair in order.windows(2) {
        ranks[pair[1]] = ranks[pair[0]] + usize::from(values[pair[0]] != values[pair[1]]);
    }
    ranks
}
