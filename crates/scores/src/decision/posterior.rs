//! What is believed of the accuracies: a mixture of normals over the unknown scale of the data set.

use faer::{Mat, Side};

use super::normal;
use super::target::Trial;
use crate::error::{Error, ErrorKind, Result};

/// Nodes with less weight are dropped.
const LIGHTEST: f64 = 1e-9;

/// A normal distribution of `(y_1 … y_K, δ_1 … δ_R, w_1 … w_K)` at one scale of the data set.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// `s`
    pub scale: f64,
    pub weight: f64,
    pub mean: Vec<f64>,
    /// `[2 K + R, 2 K + R]`
    pub covariance: Mat<f64>,
}

/// Posterior of the accuracies of K models on the target: a mixture over `ln s` of normals, which is one normal to a good approximation
/// where the scale is known well.
///
/// Accuracies are not confined to [0, 1]; an interval may reach beyond.
#[derive(Clone, Debug)]
pub struct Posterior {
    n_models: usize,
    nodes: Vec<Node>,
    /// `v_r`
    noises: Vec<f64>,
    trials: Vec<Trial>,
}

impl Posterior {
    /// From nodes and the logarithms of their weights.
    pub(crate) fn new(nodes: Vec<(Node, f64)>, n_models: usize, noises: Vec<f64>, trials: Vec<Trial>) -> Self {
        let largest = nodes
            .iter()
            .map(|(_, weight)| *weight)
            .fold(f64::NEG_INFINITY, f64::max);
        let weigh = |(mut node, weight): (Node, f64)| {
            node.weight = (weight - largest).exp();
            node
        };
        let mut nodes: Vec<Node> = nodes
            .into_iter()
            .map(weigh)
            .filter(|node| node.weight > LIGHTEST)
            .collect();
        let total: f64 = nodes.iter().map(|node| node.weight).sum();
        for node in &mut nodes {
            node.weight /= total;
        }
        Self {
            n_models,
            nodes,
            noises,
            trials,
        }
    }

    /// The posterior of the models at these positions alone, which must be different and below K; position i is then that of `models[i]`.
    /// What the other models' trials say of these is kept.
    ///
    /// # Panics
    /// For a position of K or more.
    #[must_use]
    pub fn restricted(&self, models: &[usize]) -> Self {
        let samplings = self.n_models + self.noises.len();
        let of_samplings = models.iter().map(|model| samplings + model);
        let kept: Vec<usize> = models
            .iter()
            .copied()
            .chain(self.n_models..samplings)
            .chain(of_samplings)
            .collect();
        let nodes = self.nodes.iter().map(|node| Node {
            scale: node.scale,
            weight: node.weight,
            mean: kept.iter().map(|&i| node.mean[i]).collect(),
            covariance: Mat::from_fn(kept.len(), kept.len(), |i, j| node.covariance[(kept[i], kept[j])]),
        });
        let trials = self.trials.iter().filter_map(|trial| {
            let model = models.iter().position(|&model| model == trial.model)?;
            Some(Trial { model, ..*trial })
        });
        Self {
            n_models: models.len(),
            nodes: nodes.collect(),
            noises: self.noises.clone(),
            trials: trials.collect(),
        }
    }

    /// `K`.
    pub fn n_models(&self) -> usize {
        self.n_models
    }

    /// The trials that it rests on, those found in the record included.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Expected accuracy of each model, `[K]`.
    pub fn mean(&self) -> Vec<f64> {
        let mut mean = self.mean_of_all();
        mean.truncate(self.n_models);
        mean
    }

    fn mean_of_all(&self) -> Vec<f64> {
        let size = 2 * self.n_models + self.noises.len();
        (0..size)
            .map(|i| self.nodes.iter().map(|node| node.weight * node.mean[i]).sum())
            .collect()
    }

    /// Standard deviation of each model's accuracy, `[K]`: the uncertainty of the data set's level, which the models share, included.
    pub fn sd(&self) -> Vec<f64> {
        let merged = self.merged();
        (0..self.n_models)
            .map(|i| merged.covariance[(i, i)].max(0.0).sqrt())
            .collect()
    }

    /// Covariance of the accuracies, `[K][K]`.
    pub fn covariance(&self) -> Vec<Vec<f64>> {
        let merged = self.merged();
        (0..self.n_models)
            .map(|i| (0..self.n_models).map(|j| merged.covariance[(i, j)]).collect())
            .collect()
    }

    /// One normal with the mixture's mean and covariance.
    pub(crate) fn merged(&self) -> Node {
        let mean = self.mean_of_all();
        let size = mean.len();
        let covariance = Mat::from_fn(size, size, |i, j| {
            self.nodes
                .iter()
                .map(|node| {
                    let between = (node.mean[i] - mean[i]) * (node.mean[j] - mean[j]);
                    node.weight * (node.covariance[(i, j)] + between)
                })
                .sum()
        });
        let square: f64 = self
            .nodes
            .iter()
            .map(|node| node.weight * node.scale * node.scale)
            .sum();
        Node {
            scale: square.sqrt(),
            weight: 1.0,
            mean,
            covariance,
        }
    }

    /// `v_r`, by rung.
    pub(crate) fn noises(&self) -> &[f64] {
        &self.noises
    }

    /// The central interval that holds the accuracy of a model with probability `level`.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] unless `0 < level < 1` and the model exists.
    pub fn interval(&self, model: usize, level: f64) -> Result<(f64, f64)> {
        if !(level > 0.0 && level < 1.0) || model >= self.n_models {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                format!(
                    "an interval needs a level between 0 and 1 and a model below {}, got {level} and {model}",
                    self.n_models
                ),
            ));
        }
        let parts: Vec<(f64, f64, f64)> = self
            .nodes
            .iter()
            .map(|node| {
                let variance = node.covariance[(model, model)].max(0.0);
                (node.weight, node.mean[model], variance.sqrt().max(1e-12))
            })
            .collect();
        let quantile = |part: f64| {
            let reach = 40.0 * parts.iter().map(|(_, _, sd)| *sd).fold(0.0, f64::max);
            let mut low = parts
                .iter()
                .map(|(_, mean, _)| mean - reach)
                .fold(f64::INFINITY, f64::min);
            let mut high = parts
                .iter()
                .map(|(_, mean, _)| mean + reach)
                .fold(f64::NEG_INFINITY, f64::max);
            for _ in 0..80 {
                let middle = 0.5 * (low + high);
                let below: f64 = parts
                    .iter()
                    .map(|(weight, mean, sd)| weight * normal::cumulative((middle - mean) / sd))
                    .sum();
                if below < part {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            0.5 * (low + high)
        };
        Ok((quantile(0.5 * (1.0 - level)), quantile(0.5 * (1.0 + level))))
    }
}

impl Node {
    /// A symmetric `R` with `R Rᵀ` the covariance of the first `k` variables, which may be singular.
    pub(crate) fn root(&self, k: usize) -> Result<Mat<f64>> {
        let matrix = self.covariance.submatrix(0, 0, k, k);
        let decomposition = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| {
            Error::new(
                ErrorKind::Precision,
                "the eigenvalues of the accuracies' covariance did not converge",
            )
        })?;
        let roots: Vec<f64> = decomposition
            .S()
            .column_vector()
            .iter()
            .map(|value| value.max(0.0).sqrt())
            .collect();
        let vectors = decomposition.U();
        let scaled = Mat::from_fn(k, k, |i, j| vectors[(i, j)] * roots[j]);
        Ok(&scaled * vectors.transpose())
    }
}
