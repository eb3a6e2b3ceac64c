//! The scale `s_d` of data sets: how far accuracies of models lie apart.
//!
//! ```text
//! s_d² = (s₀² + Σ_m (y_md − ȳ_d)²)/(1 + n_d)           past data sets: one model's worth of the typical scale s₀ is added
//! ln s₀ = (ln s_prior + Σ_d ln sd_d)/(1 + D)           over the D data sets with three models or more
//! ln s_new ~ N(ln s₀, τ²(1 + 1/(1 + D)))               τ² = (3 τ_prior² + Σ_d (ln s_d − ln s₀)²)/(3 + D)
//! ```
//!
//! The scale of a past data set is taken as known. The joint maximum over all scales and variances was tried in a prototype: on the
//! tables of `experiments/decision` it was no better (weighted τ within 0.02 either way), with a variable more for every data set.

use super::options::NormalPrior;
use super::past::Group;

/// Data sets with fewer models say too little of their scale.
const FEWEST: usize = 3;

pub(crate) struct Scales {
    /// `s_d` by group.
    pub of_group: Vec<f64>,
    /// `ln s_new`.
    pub new: NormalPrior,
}

impl Scales {
    pub fn of(groups: &[Group], prior: NormalPrior) -> Self {
        let spreads: Vec<(f64, f64)> = groups.iter().map(squares).collect();
        let is_typical = |&(n, squares): &(f64, f64)| n >= FEWEST as f64 && squares > 0.0;
        let logarithms: Vec<f64> = spreads
            .iter()
            .filter(|spread| is_typical(spread))
            .map(|(n, squares)| 0.5 * (squares / n).ln())
            .collect();
        let count = logarithms.len() as f64;
        let mean = (prior.mean + logarithms.iter().sum::<f64>()) / (1.0 + count);
        let of_group: Vec<f64> = spreads
            .iter()
            .map(|(n, squares)| (((2.0 * mean).exp() + squares) / (1.0 + n)).sqrt())
            .collect();
        let deviations: f64 = of_group
            .iter()
            .zip(&spreads)
            .filter(|(_, spread)| is_typical(spread))
            .map(|(scale, _)| (scale.ln() - mean).powi(2))
            .sum();
        let variance = (3.0 * prior.sd * prior.sd + deviations) / (3.0 + count);
        Self {
            of_group,
            new: NormalPrior {
                mean,
                sd: (variance * (1.0 + 1.0 / (1.0 + count))).sqrt(),
            },
        }
    }
}

/// Number of models with a full tuning, and the sum of squares about their mean.
fn squares(group: &Group) -> (f64, f64) {
    let values: Vec<f64> = group.cells.values().filter_map(|cell| cell.full()).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    (n, values.iter().map(|value| (value - mean).powi(2)).sum())
}
