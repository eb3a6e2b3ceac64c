//! The reduced matrix and the columns in its coordinates: tridiagonal, or a band where the matrix is large.
//!
//! Both give the global maximum of every column. The band comes from matrix products, and all columns share its values of `t`
//! (`band`, `nodes`). The tridiagonal form evaluates every column at its own values of `t` (`maximise`), which is as fast for
//! small matrices, and needed where interpolation is not accurate enough.

use std::sync::Arc;

use faer::Mat;
use rayon::prelude::*;

use super::band::Band;
use super::forward::Packed;
use super::maximise::{self, Grid, LowerEnd, Maximum, Optimum};
use super::nodes;
use super::outcome::{Compat, Status};
use super::problem::Problem;
use super::profile::{Column, Form, Profile};
use super::published;
use super::shifted::Shifted;
use super::tridiagonal::Tridiagonal;
use crate::error::Result;
use crate::statistics::{Statistics, gram};

/// The size from which matrices are reduced to a band; for smaller ones, one-stage tridiagonalisation is as fast.
const BAND_FROM: usize = 256;
pub(super) const BACKWARD_ERROR: f64 = f64::EPSILON;

/// See the module.
pub(super) enum Reduced {
    Tridiagonal {
        tridiagonal: Box<Tridiagonal>,
        profile: Profile,
        columns: Vec<Column>,
    },
    Band {
        band: Arc<Band>,
        form: Form,
        /// `[k, c]`
        rhs: Mat<f64>,
    },
}

/// One column's maximum, in the units of the features.
pub(super) struct Solved {
    pub evidence: f64,
    pub alpha: Option<f64>,
    pub beta: Option<f64>,
    pub status: Status,
    /// t in the units of the form it was solved in; infinite without information
    pub shift: f64,
    pub error_bound: f64,
    pub lower_end: Option<LowerEnd>,
}

impl Reduced {
    /// Reduces the matrix of the statistics and solves all columns.
    pub fn solve(statistics: &Statistics, compat: Compat) -> Result<(Self, Vec<Option<Solved>>)> {
        let k = statistics.n_samples().min(statistics.n_features());
        if compat == Compat::Exact
            && k >= BAND_FROM
            && let Some(found) = by_band(statistics)?
        {
            return Ok(found);
        }
        by_tridiagonal(statistics, compat)
    }

    /// The columns of `statistics` in the band that this one holds; `None` where it holds none, or the interpolation is not accurate enough.
    pub fn solve_others(&self, statistics: &Statistics) -> Option<Found> {
        let (band, form) = match self {
            Self::Band { band, form, .. } => (band, *form),
            Self::Tridiagonal { .. } => return None,
        };
        in_band(Arc::clone(band), form, statistics)
    }

    /// The band, the form and the right-hand sides, where it is a band.
    pub fn band(&self) -> Option<(&Band, Form, &Mat<f64>)> {
        match self {
            Self::Band { band, form, rhs } => Some((band, *form, rhs)),
            Self::Tridiagonal { .. } => None,
        }
    }

    pub fn form(&self) -> Form {
        match self {
            Self::Tridiagonal { profile, .. } => profile.form,
            Self::Band { form, .. } => *form,
        }
    }

    /// The scale that the matrix was divided by.
    pub fn scale(&self) -> f64 {
        match self {
            Self::Tridiagonal { tridiagonal, .. } => tridiagonal.scale,
            Self::Band { band, .. } => band.scale,
        }
    }

    /// `(M + tI)⁻¹ B` `[k, c]` in the original coordinates, every column at its own t; zero where t is infinite.
    pub fn solutions(&self, shifts: &[f64]) -> Mat<f64> {
        match self {
            Self::Tridiagonal {
                tridiagonal,
                profile,
                columns,
            } => {
                let mut rotated = Mat::<f64>::zeros(profile.size(), columns.len());
                for (j, column) in columns.iter().enumerate() {
                    if let Some(shift) = finite(shifts[j]).and_then(|t| profile.shift(t)) {
                        let (x, _) = profile.solve(&shift, &column.rhs);
                        rotated.col_as_slice_mut(j).copy_from_slice(&x);
                    }
                }
                tridiagonal.apply_forward(rotated.as_mut());
                rotated
            }
            Self::Band { band, rhs, .. } => {
                let mut rotated = rotated(band, rhs, shifts);
                band.apply_forward(rotated.as_mut());
                rotated
            }
        }
    }
}

/// The error of a quadratic form `mᵀGm` with `‖m‖ = 1` after fast products, in the units of G.
///
/// `‖E‖` is measured (Frobenius). Rounding errors of different entries are nearly independent, so `mᵀEm` has a standard deviation
/// of `√2 ‖E‖/d`; this is six of them. The norm itself would be a bound without that assumption, 200 times as large.
fn product_error(statistics: &Statistics) -> f64 {
    const DEVIATIONS: f64 = 6.0;
    DEVIATIONS * std::f64::consts::SQRT_2 * statistics.matrix_error() / statistics.n_features() as f64
}

/// `(A + tI)⁻¹ rhs` `[k, c]` in the band's coordinates, every column at its own t; zero where t is infinite.
pub(super) fn rotated(band: &Band, rhs: &Mat<f64>, shifts: &[f64]) -> Mat<f64> {
    let mut rotated = Mat::<f64>::zeros(band.size(), rhs.ncols());
    rotated
        .as_mut()
        .par_col_chunks_mut(1)
        .zip(shifts)
        .enumerate()
        .for_each(|(j, (mut to, &shift))| {
            if let Some(shifted) = finite(shift).and_then(|t| Shifted::new(band, t)) {
                to.copy_from(&shifted.solve(rhs.as_ref().subcols(j, 1)));
            }
        });
    rotated
}

pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

type Found = (Reduced, Vec<Option<Solved>>);

/// The columns before any rotation, divided by the root of the matrix's scale in the primal form: `B` `[d, c]`, or `Y` `[n, c]`.
fn right_hand_sides(statistics: &Statistics, form: Form, scale: f64) -> Mat<f64> {
    match form {
        Form::Primal => {
            let targets = statistics.target_columns();
            let root = scale.sqrt();
            let mut columns = Mat::zeros(statistics.n_features(), targets.len());
            columns
                .as_mut()
                .par_col_iter_mut()
                .zip(&targets)
                .for_each(|(to, target)| {
                    for (to, from) in to.iter_mut().zip(target.product) {
                        *to = from / root;
                    }
                });
            columns
        }
        Form::Dual => statistics.dual_targets(),
    }
}

fn matrix(statistics: &Statistics) -> (Form, Mat<f64>) {
    match statistics.gram() {
        Some(gram) => (Form::Primal, gram.dense()),
        None => {
            let rows = statistics.rows().unwrap_or_default();
            (Form::Dual, gram::dual_gram(rows, statistics.n_features(), None, None))
        }
    }
}

fn by_band(statistics: &Statistics) -> Result<Option<Found>> {
    let (form, matrix) = matrix(statistics);
    Ok(in_band(Arc::new(Band::reduce(matrix)?), form, statistics))
}

/// All columns in a band.
fn in_band(band: Arc<Band>, form: Form, statistics: &Statistics) -> Option<Found> {
    let mut rhs = right_hand_sides(statistics, form, band.scale);
    band.apply_transposed(rhs.as_mut());
    let squares: Vec<f64> = statistics.target_columns().iter().map(|target| target.square).collect();
    let problem = Problem {
        form,
        band: &band,
        rhs: rhs.as_ref(),
        packed: Packed::new(rhs.as_ref()),
        squares: &squares,
        n_samples: statistics.n_samples(),
        matrix_error: BACKWARD_ERROR * band.lambda_max() + product_error(statistics) / band.scale,
    };
    let maxima = nodes::maximise(&problem)?;
    let n = statistics.n_samples() as f64;
    let solved = maxima
        .iter()
        .zip(&squares)
        .map(|(maximum, &square)| Some(explained(maximum, square, n, band.scale)))
        .collect();
    Some((Reduced::Band { band, form, rhs }, solved))
}

fn by_tridiagonal(statistics: &Statistics, compat: Compat) -> Result<Found> {
    let (form, matrix) = matrix(statistics);
    let tridiagonal = Tridiagonal::reduce(matrix)?;
    let mut rotated = right_hand_sides(statistics, form, tridiagonal.scale);
    tridiagonal.apply_transposed(rotated.as_mut());
    let columns: Vec<Column> = statistics
        .target_columns()
        .iter()
        .enumerate()
        .map(|(j, target)| Column {
            rhs: rotated.col_as_slice(j).to_vec(),
            square: target.square,
            outside: 0.0,
        })
        .collect();
    let mut profile = Profile::new(
        form,
        tridiagonal.diagonal.clone(),
        tridiagonal.off_diagonal.clone(),
        statistics.n_samples(),
        BACKWARD_ERROR,
    );
    if statistics.matrix_error() > 0.0 {
        profile.backward_error += product_error(statistics) / (tridiagonal.scale * profile.lambda_max);
    }
    let solved = solve(
        &profile,
        None,
        &columns,
        tridiagonal.scale,
        statistics.n_features(),
        compat,
    );
    let reduced = Reduced::Tridiagonal {
        tridiagonal: Box::new(tridiagonal),
        profile,
        columns,
    };
    Ok((reduced, solved))
}

/// All columns of a tridiagonal (or diagonal) profile.
pub(super) fn solve(
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
                .map(|(maximum, column)| Some(explained(maximum, column.square, profile.n_samples as f64, scale)))
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

fn explained(maximum: &Maximum, square: f64, n: f64, scale: f64) -> Solved {
    let (alpha, beta, status, shift) = match maximum.optimum {
        Optimum::Interior(point) => {
            let beta = n / point.penalised;
            (Some(beta * point.t * scale), Some(beta), Status::Interior, point.t)
        }
        Optimum::NoInformation => (None, Some(n / square), Status::NoInformation, f64::INFINITY),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::FeatureView;
    use crate::targets::Targets;
    use ranktune_core::random::Random;

    /// Columns of every kind: no information, little, all of it in strong or in weak directions of the features, and two hills.
    fn statistics(n: usize, d: usize) -> Statistics {
        let mut random = Random::new(3);
        let mut normal = || {
            (0..12)
                .map(|_| (random.next() >> 11) as f64 / (1_u64 << 53) as f64)
                .sum::<f64>()
                - 6.0
        };
        let scale = |j: usize| 10.0_f64.powf(-3.0 * j as f64 / d as f64);
        let features: Vec<f32> = (0..n * d).map(|i| (normal() * scale(i % d)) as f32).collect();
        let at = |i: usize, j: usize| f64::from(features[i * d + j]) / scale(j);
        let mut values = Vec::new();
        for i in 0..n {
            let strong: f64 = (0..4).map(|j| at(i, j)).sum();
            let weak: f64 = (d - 40..d).map(|j| at(i, j)).sum();
            values.extend([
                normal(),
                strong + 20.0 * normal(),
                strong + 0.01 * normal(),
                weak + normal(),
                0.02 * strong + weak + 0.1 * normal(),
                3.0 * strong + weak + 4.0 * normal(),
            ]);
        }
        let view = FeatureView::new(&features, n, d).unwrap();
        Statistics::of(&view, &Targets::columns(&values, 6).unwrap()).unwrap()
    }

    #[test]
    fn the_band_finds_the_maxima_that_the_tridiagonal_form_finds() {
        for (n, d) in [(900, 300), (310, 300), (290, 300), (280, 700)] {
            let statistics = statistics(n, d);
            let (_, band) = by_band(&statistics).unwrap().unwrap();
            let (_, tridiagonal) = by_tridiagonal(&statistics, Compat::Exact).unwrap();
            for (j, (band, tridiagonal)) in band.iter().zip(&tridiagonal).enumerate() {
                let (band, tridiagonal) = (band.as_ref().unwrap(), tridiagonal.as_ref().unwrap());
                let error = (band.evidence - tridiagonal.evidence).abs();
                let allowed = 1e-9 * tridiagonal.evidence.abs().max(1.0) + tridiagonal.error_bound;
                assert!(error <= allowed, "n {n}, d {d}, column {j}: off by {error:e}");
                assert_eq!(band.status, tridiagonal.status, "n {n}, d {d}, column {j}");
            }
        }
    }
}
