//! LogME: the maximum evidence of Bayesian linear regression on frozen features (You et al., ICML 2021; JMLR 2022).
//!
//! ```text
//! w ~ N(0, α⁻¹I),  y | w ~ N(Fw, β⁻¹I),  A = αI + βG,  m = βA⁻¹Fᵀy
//! 2·L(α, β) = n ln β + d ln α − n ln 2π − β‖Fm − y‖² − α‖m‖² − ln|A|
//! LogME = mean over columns of max_{α, β} L / n
//! ```
//!
//! With `t = α/β` the best scale is known, and `L*(t)` is maximised globally in one variable (`profile`, `maximise`) after
//! one tridiagonalisation (`tridiagonal`) of `G` `[d, d]`, or of `K = FFᵀ` `[n, n]` where n ≤ d. No eigenvectors are computed.
//! Columns for which that form has lost too many digits are solved again from the rows, where rows are at hand
//! (`orthogonal`); where they are not, the answer is an error of kind [`ErrorKind::Precision`], never a wrong number.
//!
//! We differ from the published code in three ways: it follows a fixed-point iteration for at most 11 steps (a local
//! maximum, to about 1e-3 in t), it adds 1e-5 to two denominators, and for n < d its `ln|A|` leaves out d − n eigenvalues.
//! [`Compat::Published`] reproduces it.

mod hidden;
pub(crate) mod maximise;
mod orthogonal;
pub(crate) mod profile;
mod published;
pub(crate) mod tridiagonal;

use faer::Mat;

use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::statistics::{Statistics, gram};
use crate::targets::Targets;
use maximise::{Grid, LowerEnd, Maximum, Optimum};
use orthogonal::Orthogonal;
use profile::{Column, Form, Profile};
use tridiagonal::Tridiagonal;

/// Which value of LogME to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compat {
    /// The global maximum of the evidence, exact for every n and d.
    #[default]
    Exact,
    /// What the published code returns (a few fixed-point steps; for n < d with `d − n` eigenvalues missing).
    Published,
}

/// Where the maximum of a column's evidence lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// At finite α and β.
    Interior,
    /// At `α → ∞`: the features say nothing about this column.
    NoInformation,
    /// At `β → ∞`: the features interpolate this column (only where `r = n`).
    NoiseFree,
    /// The published iteration was followed; no maximum was looked for.
    Published,
}

impl Status {
    /// `interior`, `no-information`, `noise-free` or `published`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interior => "interior",
            Self::NoInformation => "no-information",
            Self::NoiseFree => "noise-free",
            Self::Published => "published",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The maximum evidence of one target column.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnEvidence {
    /// The class, or the number of the target column.
    pub column: usize,
    /// `max L / n`, in nats a sample; higher is better.
    pub evidence: f64,
    /// Prior precision of the weights; `None` where it is infinite (no information).
    pub alpha: Option<f64>,
    /// Noise precision; `None` where it is infinite (noise-free).
    pub beta: Option<f64>,
    /// Where the maximum lies.
    pub status: Status,
}

/// LogME and what it is made of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// The mean of the columns' evidence, in nats a sample; higher is better.
    pub value: f64,
    /// One entry for every class that occurs (ascending), or every target column.
    pub columns: Vec<ColumnEvidence>,
}

/// A first-order error of `L/n` beyond which a column is solved again from the rows, where they are at hand.
const REDO_ABOVE: f64 = 1e-8;
/// A first-order error of `L/n` beyond which no answer is given.
const REFUSE_ABOVE: f64 = 1e-6;
const BACKWARD_ERROR: f64 = f64::EPSILON;

enum Reduction {
    Primal(Tridiagonal),
    Dual(Tridiagonal),
}

impl Reduction {
    fn tridiagonal(&self) -> &Tridiagonal {
        match self {
            Self::Primal(tridiagonal) | Self::Dual(tridiagonal) => tridiagonal,
        }
    }
}

/// The solved problem: evidence, and weights on demand.
pub struct Fit {
    evidence: Evidence,
    reduction: Reduction,
    columns: Vec<Column>,
    /// t of every column in the units of the form it was solved in; infinite where nothing is known.
    shifts: Vec<f64>,
    profile: Profile,
    /// The second form, and the positions of its columns among all.
    redone: Option<(Orthogonal, Vec<usize>)>,
    rows: Option<Vec<f32>>,
    n_features: usize,
}

/// LogME from statistics alone, as they come from shards and merges.
///
/// # Errors
/// [`ErrorKind::Shape`] without samples, [`ErrorKind::TooFewClasses`] where fewer than two classes occur,
/// [`ErrorKind::Unbounded`] where a column is all zero or reproduced exactly by features of rank below n (the message names it),
/// [`ErrorKind::Precision`] where the statistics have lost the digits that a column's evidence needs; [`fit_rows`] has them.
///
/// # Examples
/// ```
/// use ranktune_scores::{Compat, FeatureView, Statistics, Targets, evidence};
/// let features = FeatureView::new(&[1.0, 0.1, 0.9, -0.2, -1.1, 0.3, -0.8, 0.1], 4, 2)?;
/// let statistics = Statistics::of(&features, &Targets::classes(&[0, 0, 1, 1], 2)?)?;
/// let evidence = evidence::fit(&statistics, Compat::Exact)?.into_evidence();
/// assert_eq!(evidence.columns.len(), 2);
/// # Ok::<(), ranktune_scores::Error>(())
/// ```
pub fn fit(statistics: &Statistics, compat: Compat) -> Result<Fit> {
    if statistics.is_dual() {
        let mut found = Err(Error::new(
            ErrorKind::Shape,
            "there are no samples, expected at least one",
        ));
        statistics.with_rows(|features, targets| {
            found = Fit::new(statistics, Some((features, targets)), compat);
            Ok(())
        })?;
        found
    } else {
        Fit::new(statistics, None, compat)
    }
}

/// LogME from the statistics of exactly these rows; columns whose statistics have lost too many digits are solved
/// from the rows.
///
/// # Errors
/// As [`fit`], and [`ErrorKind::Shape`] where the rows are not those of the statistics.
pub fn fit_rows(
    statistics: &Statistics,
    features: &FeatureView<'_>,
    targets: &Targets<'_>,
    compat: Compat,
) -> Result<Fit> {
    targets.check_rows(features.n_samples())?;
    if features.n_samples() != statistics.n_samples() || features.n_features() != statistics.n_features() {
        return Err(Error::new(
            ErrorKind::Shape,
            format!(
                "statistics of {} samples and {} features cannot be of these {} rows and {} columns",
                statistics.n_samples(),
                statistics.n_features(),
                features.n_samples(),
                features.n_features()
            ),
        ));
    }
    Fit::new(statistics, Some((features, targets)), compat)
}

impl Fit {
    fn new(statistics: &Statistics, rows: Option<(&FeatureView<'_>, &Targets<'_>)>, compat: Compat) -> Result<Self> {
        let targets = statistics.target_columns();
        let names: Vec<usize> = targets.iter().map(|target| target.index).collect();
        if statistics.is_classes() && names.len() < 2 {
            return Err(Error::new(
                ErrorKind::TooFewClasses,
                format!(
                    "logme compares classes, but all {} samples are of one class; give it samples of at least two classes",
                    statistics.n_samples()
                ),
            ));
        }
        if let Some(zero) = targets.iter().find(|target| target.square <= 0.0) {
            return Err(Error::new(
                ErrorKind::Unbounded,
                format!(
                    "target column {} is zero for every sample, so its evidence has no upper bound; remove the column",
                    zero.index
                ),
            ));
        }
        let (reduction, profile, columns) = reduce(statistics)?;
        let mut fit = Self {
            evidence: Evidence {
                value: 0.0,
                columns: Vec::new(),
            },
            shifts: Vec::new(),
            redone: None,
            rows: statistics.rows().map(<[f32]>::to_vec),
            n_features: statistics.n_features(),
            reduction,
            profile,
            columns,
        };
        let scale = fit.reduction.tridiagonal().scale;
        let mut solved = solve(&fit.profile, None, &fit.columns, scale, fit.n_features, compat);
        hidden::mark(&mut solved, statistics, fit.profile.form);
        let doubtful: Vec<usize> = (0..solved.len())
            .filter(|&j| solved[j].as_ref().is_none_or(|solved| solved.error_bound > REDO_ABOVE))
            .collect();
        if let (false, Some((features, targets))) = (doubtful.is_empty(), rows) {
            let problem = Orthogonal::new(features, targets, &doubtful)?;
            if compat == Compat::Exact
                && let Some(j) = (0..doubtful.len()).find(|&j| problem.is_reproduced(&problem.columns[j]))
            {
                return Err(Error::new(
                    ErrorKind::Unbounded,
                    format!(
                        "target column {} is reproduced exactly by the features (rank {} of {} samples), so its evidence \
                         has no upper bound; remove repeated samples, or features that hold the target",
                        names[doubtful[j]],
                        problem.rank,
                        features.n_samples()
                    ),
                ));
            }
            let lowest = Some(problem.lowest);
            let again = solve(
                &problem.profile,
                lowest,
                &problem.columns,
                problem.scale,
                fit.n_features,
                compat,
            );
            for (&j, again) in doubtful.iter().zip(again) {
                solved[j] = again.map(|again| Solved {
                    error_bound: 0.0,
                    ..again
                });
            }
            fit.redone = Some((problem, doubtful));
        }
        for (solved, &column) in solved.iter().zip(&names) {
            let Some(solved) = solved.as_ref().filter(|solved| solved.evidence.is_finite()) else {
                return Err(Error::new(
                    ErrorKind::Unbounded,
                    format!(
                        "the iteration of the published code leaves the finite numbers for target column {column}; use the exact value"
                    ),
                ));
            };
            if solved.error_bound > REFUSE_ABOVE {
                return Err(Error::new(
                    ErrorKind::Precision,
                    format!(
                        "the statistics have lost the digits that the evidence of target column {column} needs: the features \
                         reproduce it almost exactly, or differ too much in scale; score from the rows instead"
                    ),
                ));
            }
            fit.shifts.push(solved.shift);
            fit.evidence.columns.push(ColumnEvidence {
                column,
                evidence: solved.evidence,
                alpha: solved.alpha,
                beta: solved.beta,
                status: solved.status,
            });
        }
        let c = fit.evidence.columns.len() as f64;
        fit.evidence.value = fit.evidence.columns.iter().map(|column| column.evidence).sum::<f64>() / c;
        Ok(fit)
    }

    /// LogME and its columns.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// LogME and its columns, the rest let go.
    pub fn into_evidence(self) -> Evidence {
        self.evidence
    }

    /// t of every column (infinite without information), if all were solved in the primal form.
    pub(crate) fn primal_shifts(&self) -> Option<Vec<f64>> {
        let Reduction::Primal(tridiagonal) = &self.reduction else {
            return None;
        };
        self.redone
            .is_none()
            .then(|| self.shifts.iter().map(|shift| shift * tridiagonal.scale).collect())
    }

    /// Posterior means `m` of the weights, `[c, d]` row-major, in the order of [`Evidence::columns`].
    ///
    /// Zero for a column without information; the interpolating weights of smallest norm for a noise-free one.
    pub fn weights(&self) -> Vec<f64> {
        let (d, c) = (self.n_features, self.columns.len());
        let tridiagonal = self.reduction.tridiagonal();
        let root = tridiagonal.scale.sqrt();
        let k = self.profile.size();
        let mut rotated = Mat::<f64>::zeros(k, c);
        for (j, column) in self.columns.iter().enumerate() {
            if let Some(shift) = finite(self.shifts[j]).and_then(|t| self.profile.shift(t)) {
                let (x, _) = self.profile.solve(&shift, &column.rhs);
                rotated.col_as_slice_mut(j).copy_from_slice(&x);
            }
        }
        tridiagonal.apply_forward(rotated.as_mut());
        let mut weights = match (&self.reduction, &self.rows) {
            (Reduction::Dual(_), Some(rows)) => {
                // m = FᵀQa, and a carries the scale of K: a/scale.
                let mut weights = vec![0.0; c * d];
                let values: Vec<f64> = (0..k)
                    .flat_map(|i| (0..c).map(move |j| (i, j)))
                    .map(|(i, j)| rotated[(i, j)] / tridiagonal.scale)
                    .collect();
                gram::add_products(&mut weights, rows, d, &values);
                weights
            }
            _ => (0..c)
                .flat_map(|j| rotated.col_as_slice(j).iter().map(|x| x / root))
                .collect(),
        };
        if let Some((problem, which)) = &self.redone {
            for (column, &j) in problem.columns.iter().zip(which) {
                let own = &mut weights[j * d..(j + 1) * d];
                match finite(self.shifts[j]) {
                    Some(t) => own.copy_from_slice(&orthogonal::weights(problem, column, t)),
                    None => own.fill(0.0),
                }
            }
        }
        weights
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// `T`, and the columns in its coordinates.
fn reduce(statistics: &Statistics) -> Result<(Reduction, Profile, Vec<Column>)> {
    let d = statistics.n_features();
    let n = statistics.n_samples();
    let targets = statistics.target_columns();
    let (reduction, rotated) = match statistics.gram() {
        Some(gram) => {
            let tridiagonal = Tridiagonal::reduce(gram.clone())?;
            let root = tridiagonal.scale.sqrt();
            let mut rotated = Mat::from_fn(d, targets.len(), |i, j| targets[j].product[i] / root);
            tridiagonal.apply_transposed(rotated.as_mut());
            (Reduction::Primal(tridiagonal), rotated)
        }
        None => {
            let rows = statistics.rows().unwrap_or_default();
            let tridiagonal = Tridiagonal::reduce(gram::dual_gram(rows, d, None, None))?;
            let mut rotated = statistics.dual_targets();
            tridiagonal.apply_transposed(rotated.as_mut());
            (Reduction::Dual(tridiagonal), rotated)
        }
    };
    let columns = targets
        .iter()
        .enumerate()
        .map(|(j, target)| Column {
            rhs: rotated.col_as_slice(j).to_vec(),
            square: target.square,
            outside: 0.0,
        })
        .collect();
    let form = match reduction {
        Reduction::Primal(_) => Form::Primal,
        Reduction::Dual(_) => Form::Dual,
    };
    let tridiagonal = reduction.tridiagonal();
    let profile = Profile::new(
        form,
        tridiagonal.diagonal.clone(),
        tridiagonal.off_diagonal.clone(),
        n,
        BACKWARD_ERROR,
    );
    Ok((reduction, profile, columns))
}

struct Solved {
    evidence: f64,
    alpha: Option<f64>,
    beta: Option<f64>,
    status: Status,
    /// t in the profile's units
    shift: f64,
    error_bound: f64,
    lower_end: Option<LowerEnd>,
}

fn solve(
    profile: &Profile,
    lowest: Option<f64>,
    columns: &[Column],
    scale: f64,
    n_features: usize,
    compat: Compat,
) -> Vec<Option<Solved>> {
    match compat {
        Compat::Exact => {
            let grid = Grid::new(profile, lowest);
            let maxima = maximise::maximise(profile, &grid, columns);
            maxima
                .iter()
                .zip(columns)
                .map(|(maximum, column)| Some(explained(maximum, column, profile.n_samples as f64, scale)))
                .collect()
        }
        Compat::Published => columns
            .iter()
            .map(|column| {
                let published = published::iterate(profile, column, scale, n_features)?;
                Some(Solved {
                    evidence: published.value,
                    alpha: Some(published.alpha),
                    beta: Some(published.beta),
                    status: Status::Published,
                    shift: published.point.t,
                    error_bound: profile.error_bound(&published.point, column),
                    lower_end: None,
                })
            })
            .collect(),
    }
}

fn explained(maximum: &Maximum, column: &Column, n: f64, scale: f64) -> Solved {
    let (alpha, beta, status, shift) = match maximum.optimum {
        Optimum::Interior(point) => {
            let beta = n / point.penalised;
            (Some(beta * point.t * scale), Some(beta), Status::Interior, point.t)
        }
        Optimum::NoInformation => (None, Some(n / column.square), Status::NoInformation, f64::INFINITY),
        Optimum::NoiseFree(product) => (Some(n * scale / product), None, Status::NoiseFree, 0.0),
    };
    Solved {
        evidence: maximum.value,
        alpha,
        beta,
        status,
        shift,
        error_bound: maximum.error_bound,
        lower_end: maximum.lower_end,
    }
}
