//! LogME: the maximum evidence of Bayesian linear regression on frozen features (You et al., ICML 2021; JMLR 2022).
//!
//! ```text
//! w ~ N(0, α⁻¹I),  y | w ~ N(Fw, β⁻¹I),  A = αI + βG,  m = βA⁻¹Fᵀy
//! 2·L(α, β) = n ln β + d ln α − n ln 2π − β‖Fm − y‖² − α‖m‖² − ln|A|
//! LogME = mean over columns of max_{α, β} L / n
//! ```
//!
//! For a given `t = α/β` the best scale is known, which leaves `L*(t)`, maximised globally in one variable (`profile`,
//! `maximise`). `G` `[d, d]`, or `K = FFᵀ` `[n, n]` where n ≤ d, is reduced once to a band or to three diagonals (`reduced`). No
//! eigenvectors are computed. Columns for which this form has lost too many digits are solved again from the rows where they
//! are available (`orthogonal`). Otherwise the result is an error of kind [`ErrorKind::Precision`], never a wrong number.
//!
//! The published code differs in three ways: it follows a fixed-point iteration for at most 11 steps (to a local maximum,
//! within about 1e-3 in t), adds 1e-5 to two denominators, and for n < d omits d − n eigenvalues from `ln|A|`.
//! [`Compat::Published`] reproduces it.

pub(crate) mod band;
mod forward;
mod hidden;
mod interpolant;
mod left_out;
pub(crate) mod maximise;
mod nodes;
mod orthogonal;
mod outcome;
mod problem;
pub(crate) mod profile;
mod published;
mod reduced;
mod reflector;
mod scan;
mod shifted;
pub(crate) mod tridiagonal;

use std::fmt;

use faer::Mat;

use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::statistics::{Statistics, TargetColumn, gram};
use crate::targets::Targets;
pub(crate) use interpolant::lagrange;
pub use left_out::LeftOutClasses;
pub(crate) use left_out::{Answers, LeftOut};
use orthogonal::Orthogonal;
pub use outcome::{ColumnEvidence, Compat, Evidence, Status};
use profile::Form;
use reduced::{Reduced, Solved, finite, solve};

/// The first-order error of `L/n` above which a column is solved again from the rows, where they are available.
const REDO_ABOVE: f64 = 1e-8;
/// The first-order error of `L/n` above which the result is an error.
const REFUSE_ABOVE: f64 = 1e-6;

/// The evidence of every column at its maximum; computes the weights on request.
pub struct Fit {
    evidence: Evidence,
    reduced: Reduced,
    /// t of every column in the units of the form it was solved in; infinite without information.
    shifts: Vec<f64>,
    /// The form from the rows, and the positions of its columns among all.
    redone: Option<(Orthogonal, Vec<usize>)>,
    rows: Option<Vec<f32>>,
    n_features: usize,
    /// Mean over columns.
    error_bound: f64,
}

/// LogME from statistics alone.
///
/// # Errors
/// [`ErrorKind::Shape`] without samples, [`ErrorKind::TooFewClasses`] where fewer than two classes occur,
/// [`ErrorKind::Unbounded`] where a column is all zero or reproduced exactly by features of rank below n (the message names it),
/// [`ErrorKind::Precision`] where rounding of the statistics has lost the digits that the evidence of a column needs; [`fit_rows`] does not.
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
    if !statistics.is_dual() {
        return Fit::new(statistics, None, compat);
    }
    match statistics.held()? {
        Some((features, targets)) => Fit::new(statistics, Some((&features, &targets)), compat),
        None => Err(Error::new(
            ErrorKind::Shape,
            "there are no samples, expected at least one",
        )),
    }
}

/// LogME from statistics and the rows that they are of. Columns whose statistics have lost too many digits are solved from the
/// rows.
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

/// Checks that there is a maximum to look for: at least two classes, and no column of zeros.
fn check_columns(statistics: &Statistics, targets: &[TargetColumn<'_>]) -> Result<()> {
    if statistics.is_classes() && targets.len() < 2 {
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
    Ok(())
}

/// Solves the columns that have lost too many digits again from the rows. Returns the form from the rows and the positions of
/// these columns, if there are any.
fn solve_again(
    solved: &mut [Option<Solved>],
    features: &FeatureView<'_>,
    targets: &Targets<'_>,
    names: &[usize],
    compat: Compat,
) -> Result<Option<(Orthogonal, Vec<usize>)>> {
    let doubtful: Vec<usize> = (0..solved.len())
        .filter(|&j| solved[j].as_ref().is_none_or(|solved| solved.error_bound > REDO_ABOVE))
        .collect();
    if doubtful.is_empty() {
        return Ok(None);
    }
    let problem = Orthogonal::new(features, targets, &doubtful)?;
    let reproduced = |&j: &usize| problem.is_reproduced(&problem.columns[j]);
    if compat == Compat::Exact
        && let Some(j) = (0..doubtful.len()).find(reproduced)
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
    let again = solve(
        &problem.profile,
        Some(problem.lowest),
        &problem.columns,
        problem.scale,
        features.n_features(),
        compat,
    );
    for (&j, again) in doubtful.iter().zip(again) {
        solved[j] = again.map(|again| Solved {
            error_bound: 0.0,
            ..again
        });
    }
    Ok(Some((problem, doubtful)))
}

/// The solution of a column, where it is finite and accurate enough.
fn accepted<'a>(solved: Option<&'a Solved>, column: usize, statistics: &Statistics) -> Result<&'a Solved> {
    let Some(solved) = solved.filter(|solved| solved.evidence.is_finite()) else {
        return Err(Error::new(
            ErrorKind::Unbounded,
            format!(
                "the iteration of the published code leaves the finite numbers for target column {column}; use the exact value"
            ),
        ));
    };
    // With fast products the caller judges the bound, and falls back to f64 where it is too large.
    if solved.error_bound > REFUSE_ABOVE && statistics.matrix_error() <= 0.0 {
        return Err(Error::new(
            ErrorKind::Precision,
            format!(
                "the statistics have lost the digits that the evidence of target column {column} needs: the features \
                 reproduce it almost exactly, or differ too much in scale; score from the rows instead"
            ),
        ));
    }
    Ok(solved)
}

/// A fit whose columns were all solved in the band matrix.
pub(crate) struct InBand<'a> {
    pub band: &'a band::Band,
    pub form: Form,
    /// `QᵀB` or `QᵀY`, `[k, c]`
    rhs: &'a Mat<f64>,
    /// t of every column in the units of the band matrix; infinite without information.
    pub shifts: &'a [f64],
}

impl InBand<'_> {
    /// `(A + tI)⁻¹` times the right-hand sides, `[k, c]`, every column at its own t; zero where t is infinite.
    pub fn rotated(&self) -> Mat<f64> {
        reduced::rotated(self.band, self.rhs, self.shifts)
    }
}

impl fmt::Debug for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fit")
            .field("evidence", &self.evidence)
            .finish_non_exhaustive()
    }
}

impl Fit {
    fn new(statistics: &Statistics, rows: Option<(&FeatureView<'_>, &Targets<'_>)>, compat: Compat) -> Result<Self> {
        check_columns(statistics, &statistics.target_columns())?;
        Self::of(Reduced::solve(statistics, compat)?, statistics, rows, compat)
    }

    /// The fit of other targets to the same features, which are not reduced again where they have been reduced to a band.
    ///
    /// # Errors
    /// As [`fit_rows`].
    pub(crate) fn refit(
        &self,
        statistics: &Statistics,
        rows: Option<(&FeatureView<'_>, &Targets<'_>)>,
    ) -> Result<Self> {
        check_columns(statistics, &statistics.target_columns())?;
        match self.reduced.solve_others(statistics) {
            Some(found) => Self::of(found, statistics, rows, Compat::Exact),
            None => Self::new(statistics, rows, Compat::Exact),
        }
    }

    fn of(
        (reduced, mut solved): (Reduced, Vec<Option<Solved>>),
        statistics: &Statistics,
        rows: Option<(&FeatureView<'_>, &Targets<'_>)>,
        compat: Compat,
    ) -> Result<Self> {
        let targets = statistics.target_columns();
        let names: Vec<usize> = targets.iter().map(|target| target.index).collect();
        hidden::mark(&mut solved, statistics, reduced.form());
        let redone = match rows {
            Some((features, targets)) => solve_again(&mut solved, features, targets, &names, compat)?,
            None => None,
        };
        let mut fit = Self {
            evidence: Evidence {
                value: 0.0,
                columns: Vec::new(),
            },
            reduced,
            shifts: Vec::new(),
            redone,
            rows: statistics.rows().map(<[f32]>::to_vec),
            n_features: statistics.n_features(),
            error_bound: 0.0,
        };
        for (solved, &column) in solved.iter().zip(&names) {
            let solved = accepted(solved.as_ref(), column, statistics)?;
            fit.error_bound += solved.error_bound;
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
        fit.error_bound /= c;
        fit.evidence.value = fit.evidence.columns.iter().map(|column| column.evidence).sum::<f64>() / c;
        Ok(fit)
    }

    /// LogME and its columns.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// A first-order bound of the error of LogME: rounding, and the error of fast products ([`Statistics::matrix_error`]).
    pub fn error_bound(&self) -> f64 {
        self.error_bound
    }

    /// LogME and its columns, without the rest of the fit.
    pub fn into_evidence(self) -> Evidence {
        self.evidence
    }

    /// The solution in the band matrix, if all columns were solved there.
    pub(crate) fn in_band(&self) -> Option<InBand<'_>> {
        let (band, form, rhs) = self.reduced.band().filter(|_| self.redone.is_none())?;
        Some(InBand {
            band,
            form,
            rhs,
            shifts: &self.shifts,
        })
    }

    /// t of every column (infinite without information), if all were solved in the primal form.
    pub(crate) fn primal_shifts(&self) -> Option<Vec<f64>> {
        let scale = self.reduced.scale();
        (self.reduced.form() == Form::Primal && self.redone.is_none())
            .then(|| self.shifts.iter().map(|shift| shift * scale).collect())
    }

    /// Posterior means `m` of the weights, `[c, d]` row-major, in the order of [`Evidence::columns`].
    ///
    /// Zero for a column without information; the interpolating weights of smallest norm for a noise-free one.
    pub fn weights(&self) -> Vec<f64> {
        let (d, c) = (self.n_features, self.shifts.len());
        let scale = self.reduced.scale();
        let solutions = self.reduced.solutions(&self.shifts);
        let mut weights = match (self.reduced.form(), &self.rows) {
            (Form::Dual, Some(rows)) => {
                // m = FᵀQa, and a carries the scale of K: a/scale.
                let mut weights = vec![0.0; c * d];
                let values: Vec<f64> = (0..solutions.nrows())
                    .flat_map(|i| (0..c).map(move |j| (i, j)))
                    .map(|(i, j)| solutions[(i, j)] / scale)
                    .collect();
                gram::add_products(&mut weights, rows, d, &values);
                weights
            }
            _ => {
                let root = scale.sqrt();
                (0..c)
                    .flat_map(|j| solutions.col_as_slice(j).iter().map(|x| x / root))
                    .collect()
            }
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
