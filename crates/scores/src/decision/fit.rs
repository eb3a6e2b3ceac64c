//! Fitting the variances to a record, and predicting the accuracies on a target.

use super::assemble::assemble;
use super::correlated;
use super::joint::Joint;
use super::maximise::maximise;
use super::options::{DecisionOptions, VariancePrior, Variances};
use super::past::{Group, Past};
use super::posterior::Posterior;
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
        let mut normals = [options.mean_level, options.level_slope, options.log_scale].to_vec();
        normals.extend(options.rungs.iter().map(|rung| rung.offset));
        let are_variances = priors
            .iter()
            .all(|prior| is_positive(prior.centre) && is_positive(prior.spread));
        let are_normals = normals
            .iter()
            .all(|prior| prior.mean.is_finite() && is_positive(prior.sd));
        let are_slopes = options.slopes.values().all(|slope| slope.is_finite());
        let is_variance = options.sampling.is_finite() && options.sampling >= 0.0;
        if !(are_variances && are_normals && are_slopes && is_variance) {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                "priors of the decision model need finite means, and centres, spreads and standard deviations that are positive; the variance of few validation samples is 0 or more",
            ));
        }
        let is_correlation = |score: &super::options::CorrelatedScore| {
            score.correlation.mean.abs() < 1.0 && is_positive(score.correlation.sd) && is_positive(score.weight)
        };
        if let Some(score) = options.correlated.as_ref().filter(|score| !is_correlation(score)) {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                format!(
                    "the correlation of {} needs a mean between -1 and 1, and a positive standard deviation and weight, got {score:?}",
                    score.name
                ),
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
        let noises = variances[super::options::variance::RUNGS..].to_vec();
        let mut nodes = Vec::new();
        for (joint, log_weight) in self.with_score(joint, target)? {
            for step in -NODES..=NODES {
                let deviation = f64::from(step) * 0.5;
                let scale = (assembly.scales.new.mean + deviation * assembly.scales.new.sd).exp();
                let (node, log_density) = joint.condition(scale, &trials, (&noises, self.options.sampling))?;
                nodes.push((node, log_weight + log_density - 0.5 * deviation * deviation));
            }
        }
        Ok(Posterior::new(nodes, target.models.len(), noises, trials))
    }

    /// `joint` given the score that is an observation, with the logarithm of a weight, by its correlation; as it is without such a score.
    fn with_score(&self, joint: Joint, target: &DecisionTarget) -> Result<Vec<(Joint, f64)>> {
        let Some(score) = &self.options.correlated else {
            return Ok(vec![(joint, 0.0)]);
        };
        let scores = correlated::observed(score, target);
        if scores.is_empty() {
            return Ok(vec![(joint, 0.0)]);
        }
        let (mean, sd) = correlated::correlation(score, &self.groups);
        let variance = correlated::prior_variance(&self.variances(), target);
        correlated::nodes(mean, sd)
            .into_iter()
            .map(|(rho, log_weight)| {
                let (given, log_density) = joint.given(&scores, (rho, variance))?;
                Ok((given, log_weight + log_density))
            })
            .collect()
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
