//! What a score says of models that the record does not have.
//!
//! A slope is a change of accuracy beside the effect of a model, and needs a record with scores. Of a score whose correlation with the
//! accuracies over the models of a data set is known from other hubs, the standardised values are observations:
//!
//! ```text
//! z_m = ρ (t_m − mean t)/√V + √(1 − ρ² + e_m²) ε      ε ~ N(0, 1)      V: prior variance of t_m
//! e_m: standard error of the score over the standard deviation by which it was standardised
//! ρ ~ N(ρ₀, σ_ρ²), one draw for all models of the data set, confined to ±0.95
//! ```
//!
//! A model without a record is predicted by `ρ₀ z`, with the variance that the score leaves; one that the record knows well hardly moves.
//! Scores that lie within their errors tell nothing apart: the errors of models on the same samples go together, so that this is cautious.
//! `ρ` is integrated over five nodes, whose weights follow from how well scores and record agree.

use faer::Mat;

use super::options::{CorrelatedScore, Variances};
use super::past::Group;
use super::target::DecisionTarget;

/// Nodes over ρ: from −2 to 2 standard deviations in steps of one.
const NODES: i32 = 2;
/// A score is no copy of the accuracies.
const LARGEST: f64 = 0.95;
/// Fewer models have no correlation to speak of.
const FEWEST: usize = 4;

/// The correlation of the score with the accuracies: that of the options, which counts as `weight` data sets, and those of the record.
/// Returns its mean and its standard deviation over data sets.
pub(crate) fn correlation(score: &CorrelatedScore, groups: &[Group]) -> (f64, f64) {
    let found: Vec<f64> = groups.iter().filter_map(|group| in_group(score, group)).collect();
    let total = score.weight + found.len() as f64;
    let mean = (score.weight * score.correlation.mean + found.iter().sum::<f64>()) / total;
    let prior = score.weight * (score.correlation.sd.powi(2) + (score.correlation.mean - mean).powi(2));
    let own: f64 = found.iter().map(|r| (r - mean).powi(2)).sum();
    (mean, ((prior + own) / total).sqrt())
}

fn in_group(score: &CorrelatedScore, group: &Group) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = group
        .cells
        .values()
        .filter_map(|cell| Some((cell.scores.get(&score.name)?.value(), cell.full()?)))
        .collect();
    if pairs.len() < FEWEST {
        return None;
    }
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let product: f64 = standardised(&x)?
        .iter()
        .zip(standardised(&y)?)
        .map(|(x, y)| x * y)
        .sum();
    Some(product / x.len() as f64)
}

/// Values less their mean, divided by their standard deviation; `None` where they are equal.
fn standardised(values: &[f64]) -> Option<Vec<f64>> {
    let (mean, sd) = mean_and_sd(values)?;
    Some(values.iter().map(|value| (value - mean) / sd).collect())
}

/// `None` where values are equal, or there are none.
fn mean_and_sd(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    (sd > 1e-12 * mean.abs()).then_some((mean, sd))
}

/// The score of a model on the target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed {
    /// Position of the model.
    pub model: usize,
    /// Standardised.
    pub value: f64,
    /// `e_m²`
    pub error: f64,
}

/// The standardised values of the score on the target; empty where they tell nothing apart.
pub(crate) fn observed(score: &CorrelatedScore, target: &DecisionTarget) -> Vec<Observed> {
    let found = target.models.iter().enumerate();
    let found: Vec<(usize, f64, f64)> = found
        .filter_map(|(at, model)| Some((at, *model.scores.get(&score.name)?, model.score_error.unwrap_or(0.0))))
        .collect();
    let values: Vec<f64> = found.iter().map(|(_, value, _)| *value).collect();
    let Some((mean, sd)) = mean_and_sd(&values) else {
        return Vec::new();
    };
    found
        .into_iter()
        .map(|(model, value, error)| Observed {
            model,
            value: (value - mean) / sd,
            error: (error / sd).powi(2),
        })
        .collect()
}

/// Values of ρ with the logarithm of their weight.
pub(crate) fn nodes(mean: f64, sd: f64) -> Vec<(f64, f64)> {
    (-NODES..=NODES)
        .map(|step| {
            let deviation = f64::from(step);
            let rho = (mean + deviation * sd).clamp(-LARGEST, LARGEST);
            (rho, -0.5 * deviation * deviation)
        })
        .collect()
}

/// `V`, the mean over the target's models: those without a family lack its part.
pub(crate) fn prior_variance(variances: &Variances, target: &DecisionTarget) -> f64 {
    let with_family = target.models.iter().filter(|model| model.family.is_some()).count() as f64;
    let family = variances.family * with_family / target.models.len() as f64;
    variances.model + family + variances.protocol + variances.interaction + variances.residual
}

/// The observations `[n]` of models: how they covary with all variables `[size, n]`, and with each other `[n, n]`, and their means.
pub(crate) struct Observations {
    pub across: Mat<f64>,
    pub among: Mat<f64>,
    pub mean: Vec<f64>,
}

/// Observations of these models at a correlation; `mean` and `covariance` are those of variables that begin with `t_1 … t_K`.
pub(crate) fn observations(
    scores: &[Observed],
    (rho, variance): (f64, f64),
    mean: &[f64],
    covariance: &Mat<f64>,
) -> Observations {
    let n = scores.len();
    let models: Vec<usize> = scores.iter().map(|score| score.model).collect();
    let weight = rho / variance.sqrt();
    // The mean over the observed models is subtracted, as it is from the score.
    let centred = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let average = models.iter().map(|&m| of(m)).sum::<f64>() / n as f64;
        models.iter().map(|&m| weight * (of(m) - average)).collect()
    };
    let rows: Vec<Vec<f64>> = (0..mean.len()).map(|i| centred(&|m| covariance[(i, m)])).collect();
    let among: Vec<Vec<f64>> = (0..n).map(|j| centred(&|m| rows[m][j])).collect();
    Observations {
        across: Mat::from_fn(mean.len(), n, |i, j| rows[i][j]),
        among: Mat::from_fn(n, n, |i, j| {
            let own = if i == j { 1.0 - rho * rho + scores[i].error } else { 0.0 };
            own + 0.5 * (among[i][j] + among[j][i])
        }),
        mean: centred(&|m| mean[m]),
    }
}
