//! Fitting the variances to a record, and predicting the accuracies on a target.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};

use super::assemble::{Assembly, ROUNDING, assemble};
use super::maximise::maximise;
use super::options::{DecisionOptions, VariancePrior, Variances};
use super::past::{Group, Past};
use super::posterior::{Node, Posterior};
use super::system::{Row, Solved};
use super::target::{DecisionTarget, Trial};
use crate::error::{Error, ErrorKind, Result};

/// Nodes over `ln s`: from −3 to 3 standard deviations in steps of one half.
const NODES: i32 = 6;

/// The decision model with variances fitted to a record.
#[derive(Clone, Debug)]
pub struct DecisionModel {
    groups: Vec<Group>,
    options: DecisionOptions,
    /// Logarithms of the variances.
    logarithms: Vec<f64>,
    log_evidence: f64,
}

impl DecisionModel {
    /// Fits the variances: the maximum of evidence times prior over the record. An empty record leaves them at their priors' medians.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a trial in the record whose rung the options do not have; [`ErrorKind::OutOfRange`] for a prior that is
    /// not positive; [`ErrorKind::Precision`] where priors are so extreme that the system cannot be solved.
    pub fn fit(past: &Past, options: DecisionOptions) -> Result<Self> {
        let priors = options.priors();
        let is_positive = |value: f64| value.is_finite() && value > 0.0;
        let normals = [options.mean_level, options.level_slope, options.log_scale];
        if !priors
            .iter()
            .all(|prior| is_positive(prior.centre) && is_positive(prior.spread))
            || !normals
                .iter()
                .chain(options.rungs.iter().map(|rung| &rung.offset))
                .all(|prior| prior.mean.is_finite() && is_positive(prior.sd))
            || !options.slopes.values().all(|slope| slope.is_finite())
        {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                "priors of the decision model need finite means, and centres, spreads and standard deviations that are positive",
            ));
        }
        let groups = past.groups(&options.rungs)?;
        let nobody = DecisionTarget::default();
        let system = assemble(&groups, &nobody, &options).system;
        let objective = |logarithms: &[f64]| -> Result<(f64, Vec<f64>)> {
            let variances: Vec<f64> = logarithms.iter().map(|v| v.exp()).collect();
            let solved = system.solve(&variances)?;
            let mut gradient = system.gradient(&solved, &variances);
            let mut value = solved.log_evidence;
            for ((slope, prior), logarithm) in gradient.iter_mut().zip(&priors).zip(logarithms) {
                let deviation = (logarithm - prior.centre.ln()) / prior.spread;
                value -= 0.5 * deviation * deviation;
                *slope -= deviation / prior.spread;
            }
            Ok((value, gradient))
        };
        let start = priors.iter().map(|prior: &VariancePrior| prior.centre.ln()).collect();
        let logarithms = maximise(start, objective)?;
        let variances: Vec<f64> = logarithms.iter().map(|v| v.exp()).collect();
        let log_evidence = system.solve(&variances)?.log_evidence;
        Ok(Self {
            groups,
            options,
            logarithms,
            log_evidence,
        })
    }

    /// The fitted variances.
    pub fn variances(&self) -> Variances {
        Variances::new(&self.logarithms)
    }

    /// Log density of the record under the fitted variances, the prior of the variances left out.
    pub fn log_evidence(&self) -> f64 {
        self.log_evidence
    }

    /// Accuracies of the target's models, given the record, the scores and the trials.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] without models; [`ErrorKind::OutOfRange`] for a trial of a model or rung that does not exist, one that is given
    /// twice, or an accuracy above 1; [`ErrorKind::NonFinite`] for a number that is not finite; [`ErrorKind::Precision`] where the system
    /// cannot be solved.
    pub fn predict(&self, target: &DecisionTarget) -> Result<Posterior> {
        target.check(self.options.rungs.len())?;
        let is_target = |group: &&Group| group.data_set == target.data_set && group.protocol == target.protocol;
        let others: Vec<Group> = self.groups.iter().filter(|group| !is_target(group)).cloned().collect();
        let mut trials = target.trials.clone();
        if let Some(own) = self.groups.iter().find(is_target) {
            add_recorded(&mut trials, own, target);
        }
        let assembly = assemble(&others, target, &self.options);
        let variances: Vec<f64> = self.logarithms.iter().map(|v| v.exp()).collect();
        let solved = assembly.system.solve(&variances)?;
        let joint = Joint::new(&assembly, &solved, &variances);
        let noises = &variances[super::options::variance::RUNGS..];
        let mut nodes = Vec::new();
        for step in -NODES..=NODES {
            let deviation = f64::from(step) * 0.5;
            let scale = (assembly.scales.new.mean + deviation * assembly.scales.new.sd).exp();
            let (node, log_density) = joint.condition(scale, &trials, noises)?;
            nodes.push((node, log_density - 0.5 * deviation * deviation));
        }
        Ok(Posterior::new(nodes, target.models.len(), noises.to_vec(), trials))
    }
}

/// Adds the results that the record has of the target itself.
fn add_recorded(trials: &mut Vec<Trial>, own: &Group, target: &DecisionTarget) {
    for (model, candidate) in target.models.iter().enumerate() {
        let Some(cell) = own.cells.get(&candidate.name) else {
            continue;
        };
        for (&rung, accuracy) in &cell.results {
            if !trials.iter().any(|trial| (trial.model, trial.rung) == (model, rung)) {
                trials.push(Trial {
                    model,
                    rung,
                    accuracy: accuracy.value(),
                });
            }
        }
    }
}

/// Mean and covariance of `(t_1 … t_K, μ, δ_1 … δ_R)` given the record.
struct Joint {
    n_models: usize,
    mean: Vec<f64>,
    covariance: Mat<f64>,
}

impl Joint {
    fn new(assembly: &Assembly, solved: &Solved, variances: &[f64]) -> Self {
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

    /// `(y_1 … y_K, δ_1 … δ_R)` at one scale given the trials, and the log density of the trials.
    fn condition(&self, scale: f64, trials: &[Trial], noises: &[f64]) -> Result<(Node, f64)> {
        let k = self.n_models;
        let size = self.mean.len() - 1;
        // Each of the new variables is a weight times one of the old, plus μ for accuracies.
        let parts = |i: usize| if i < k { (i, scale, 1.0) } else { (i + 1, 1.0, 0.0) };
        let mean: Vec<f64> = (0..size)
            .map(|i| {
                let (own, weight, level) = parts(i);
                weight * self.mean[own] + level * self.mean[k]
            })
            .collect();
        let c = &self.covariance;
        let covariance = Mat::from_fn(size, size, |i, j| {
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
    /// The covariance `[K + R, T]` of the variables with the results of trials, and that of the results `[T, T]`.
    pub(crate) fn with_trials(
        &self,
        trials: &[(usize, Option<usize>)],
        n_models: usize,
        noises: &[f64],
    ) -> (Mat<f64>, Mat<f64>) {
        let size = self.mean.len();
        let c = &self.covariance;
        let across = Mat::from_fn(size, trials.len(), |i, t| {
            let (model, rung) = trials[t];
            c[(i, model)] + rung.map_or(0.0, |rung| c[(i, n_models + rung)])
        });
        let among = Mat::from_fn(trials.len(), trials.len(), |s, t| {
            let (model, rung) = trials[s];
            let shared = across[(model, t)] + rung.map_or(0.0, |rung| across[(n_models + rung, t)]);
            let own = rung
                .filter(|_| s == t)
                .map_or(0.0, |rung| noises[rung] * self.scale * self.scale + ROUNDING);
            shared + own
        });
        (across, among)
    }

    fn given(self, trials: &[Trial], noises: &[f64]) -> Result<(Self, f64)> {
        let n_models = self.mean.len() - noises.len();
        let places: Vec<(usize, Option<usize>)> = trials.iter().map(|trial| (trial.model, trial.rung)).collect();
        let (across, among) = self.with_trials(&places, n_models, noises);
        let residual = Mat::from_fn(trials.len(), 1, |t, _| {
            let (model, rung) = places[t];
            trials[t].accuracy - self.mean[model] - rung.map_or(0.0, |rung| self.mean[n_models + rung])
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
