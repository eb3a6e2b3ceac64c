//! What is believed of the target before its trials, and its change by trials and by a score.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};

use super::assemble::{Assembly, ROUNDING};
use super::correlated::{self, Observed};
use super::posterior::Node;
use super::system::{Row, Solved};
use super::target::Trial;
use crate::error::{Error, ErrorKind, Result};

/// Mean and covariance of `(t_1 … t_K, μ, δ_1 … δ_R)` given the record.
pub(super) struct Joint {
    n_models: usize,
    mean: Vec<f64>,
    covariance: Mat<f64>,
}

impl Joint {
    pub(super) fn new(assembly: &Assembly, solved: &Solved, variances: &[f64]) -> Self {
        let rows: Vec<&Row> = assembly
            .models
            .iter()
            .chain([&assembly.level])
            .chain(&assembly.offsets)
            .collect();
        let covariance = Mat::from_fn(rows.len(), rows.len(), |i, j| {
            let own = if i == j { rows[i].noise_variance(variances) } else { 0.0 };
            own + rows[i].covariance(rows[j], &solved.covariance)
        });
        Self {
            n_models: assembly.models.len(),
            mean: rows.iter().map(|row| solved.predicted(row)).collect(),
            covariance,
        }
    }

    /// The same given standardised scores, which have a correlation ρ with `t`, where `t` has variance V; and the log density of the
    /// scores.
    pub(super) fn given(&self, scores: &[Observed], (rho, variance): (f64, f64)) -> Result<(Self, f64)> {
        let n = scores.len();
        let seen = correlated::observations(scores, (rho, variance), &self.mean, &self.covariance);
        let residual = Mat::from_fn(n, 1, |i, _| scores[i].value - seen.mean[i]);
        let factor = Llt::new(seen.among.as_ref(), Side::Lower).map_err(|_| {
            Error::new(
                ErrorKind::Precision,
                "the covariance of scores and accuracies is not positive in double precision; leave out models that are copies of others",
            )
        })?;
        let solved = factor.solve(&residual);
        let mut log_density = 0.0;
        for i in 0..n {
            log_density -= factor.L()[(i, i)].ln() + 0.5 * residual[(i, 0)] * solved[(i, 0)];
        }
        let shift = &seen.across * &solved;
        let gain = factor.solve(seen.across.transpose().to_owned());
        Ok((
            Self {
                n_models: self.n_models,
                mean: self.mean.iter().enumerate().map(|(i, m)| m + shift[(i, 0)]).collect(),
                covariance: &self.covariance - &seen.across * &gain,
            },
            log_density,
        ))
    }

    /// `(y_1 … y_K, δ_1 … δ_R, w_1 … w_K)` at one scale given the trials, and the log density of the trials. `noises` are the `v_r`, and the
    /// variance of every `w`.
    pub(super) fn condition(
        &self,
        scale: f64,
        trials: &[Trial],
        (noises, sampling): (&[f64], f64),
    ) -> Result<(Node, f64)> {
        let k = self.n_models;
        let among_old = self.mean.len() - 1;
        let size = among_old + k;
        // Each of the first K + R variables is a weight times one of the old, plus μ for accuracies.
        let parts = |i: usize| if i < k { (i, scale, 1.0) } else { (i + 1, 1.0, 0.0) };
        let mean: Vec<f64> = (0..among_old)
            .map(|i| {
                let (own, weight, level) = parts(i);
                weight * self.mean[own] + level * self.mean[k]
            })
            .chain(std::iter::repeat_n(0.0, k))
            .collect();
        let c = &self.covariance;
        let covariance = Mat::from_fn(size, size, |i, j| {
            if i >= among_old || j >= among_old {
                return if i == j { sampling } else { 0.0 };
            }
            let ((a, x, p), (b, y, q)) = (parts(i), parts(j));
            let own = if i == j && i < k { ROUNDING } else { 0.0 };
            own + x * y * c[(a, b)] + x * q * c[(a, k)] + p * y * c[(k, b)] + p * q * c[(k, k)]
        });
        let prior = Node {
            scale,
            weight: 1.0,
            mean,
            covariance,
        };
        if trials.is_empty() {
            return Ok((prior, 0.0));
        }
        prior.given(trials, noises)
    }
}

impl Node {
    /// `K`
    pub(crate) fn n_models(&self, n_rungs: usize) -> usize {
        (self.mean.len() - n_rungs) / 2
    }

    /// The positions of what a trial of a model reads: `y` alone for a full tuning, and `y`, `δ` and `w` for a rung.
    fn read_by(&self, model: usize, rung: Option<usize>, n_rungs: usize) -> impl Iterator<Item = usize> {
        let k = self.n_models(n_rungs);
        let of_rung = rung.map(|rung| [k + rung, k + n_rungs + model]);
        [model].into_iter().chain(of_rung.into_iter().flatten())
    }

    /// The covariance `[2 K + R, T]` of the variables with the results of trials, and that of the results `[T, T]`. `noises` are the `v_r`.
    pub(crate) fn with_trials(&self, trials: &[(usize, Option<usize>)], noises: &[f64]) -> (Mat<f64>, Mat<f64>) {
        let read = |t: usize| self.read_by(trials[t].0, trials[t].1, noises.len());
        let across = Mat::from_fn(self.mean.len(), trials.len(), |i, t| {
            read(t).map(|j| self.covariance[(i, j)]).sum()
        });
        let among = Mat::from_fn(trials.len(), trials.len(), |s, t| {
            let shared: f64 = read(s).map(|i| across[(i, t)]).sum();
            let own = trials[s].1.filter(|_| s == t);
            shared + own.map_or(0.0, |rung| noises[rung] * self.scale * self.scale + ROUNDING)
        });
        (across, among)
    }

    fn given(self, trials: &[Trial], noises: &[f64]) -> Result<(Self, f64)> {
        let places: Vec<(usize, Option<usize>)> = trials.iter().map(|trial| (trial.model, trial.rung)).collect();
        let (across, among) = self.with_trials(&places, noises);
        let residual = Mat::from_fn(trials.len(), 1, |t, _| {
            let (model, rung) = places[t];
            let expected: f64 = self.read_by(model, rung, noises.len()).map(|i| self.mean[i]).sum();
            trials[t].accuracy - expected
        });
        let factor = Llt::new(among.as_ref(), Side::Lower).map_err(|_| {
            Error::new(
                ErrorKind::Precision,
                "the trials cannot be told apart in double precision; the fitted residual variance is too small, give it a prior with a larger centre",
            )
        })?;
        let solved = factor.solve(&residual);
        let mut log_density = 0.0;
        for t in 0..trials.len() {
            log_density -= factor.L()[(t, t)].ln() + 0.5 * residual[(t, 0)] * solved[(t, 0)];
        }
        let shift = &across * &solved;
        let mean = self.mean.iter().enumerate().map(|(i, m)| m + shift[(i, 0)]).collect();
        let gain = factor.solve(across.transpose().to_owned());
        let covariance = &self.covariance - &across * &gain;
        Ok((
            Self {
                mean,
                covariance,
                ..self
            },
            log_density,
        ))
    }
}
