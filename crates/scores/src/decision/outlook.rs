//! From the posterior to P(best), rank intervals and the expected regret, by seeded draws.
//!
//! ```text
//! y⁽ⁱ⁾ = mean_k + R_k z⁽ⁱ⁾       node k by stratified weights, every z with its mirror image −z
//! P(best = m) = mean 1[y_m = max y]       regret of m = E[max_j y_j] − E[y_m]
//! ```

use ranktune_core::random::Random;

use super::normal;
use super::posterior::Posterior;
use crate::error::{Error, ErrorKind, Result};

/// Settings of [`Posterior::outlook`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutlookOptions {
    /// Number of draws, in mirrored pairs; default 8192, which leaves P(best) a standard error of at most 0.008.
    pub draws: usize,
    /// The part of its ranks that a model's interval holds; default 0.9.
    pub level: f64,
    /// Default 0.
    pub seed: u64,
}

impl Default for OutlookOptions {
    fn default() -> Self {
        Self {
            draws: 8192,
            level: 0.9,
            seed: 0,
        }
    }
}

/// What is expected of one model.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelOutlook {
    /// Expected accuracy, a share: what the model has above 1 or below 0 counts as 1 or 0.
    pub mean: f64,
    /// Its standard deviation, of accuracies that are cut likewise. The part that the models share, the level of the data set, does not matter to their order.
    pub sd: f64,
    /// Probability that the model is the best of the target's; equals share a draw.
    pub p_best: f64,
    /// Monte-Carlo standard error of `p_best`.
    pub p_best_error: f64,
    /// First and last plausible rank, from 1.
    pub rank_interval: (usize, usize),
    /// What taking this model now is expected to lose against the best, in accuracy.
    pub expected_regret: f64,
}

/// What is expected of every model, and of taking the first now.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outlook {
    /// In the order of the target's models.
    pub models: Vec<ModelOutlook>,
    /// Position of the model with the highest expected accuracy.
    pub first: usize,
    /// `E[max y − y_first]`, in accuracy.
    pub expected_regret: f64,
    /// Monte-Carlo standard error of `expected_regret`.
    pub expected_regret_error: f64,
}

impl Posterior {
    /// P(best), rank intervals and expected regrets. The same seed gives the same draws, so that what differs between two posteriors of
    /// the same models is not the draws.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] unless there are at least 4 draws and `0 < level < 1`; [`ErrorKind::Precision`] where the eigenvalues of
    /// the covariance do not converge.
    pub fn outlook(&self, options: &OutlookOptions) -> Result<Outlook> {
        if options.draws < 4 || !(options.level > 0.0 && options.level < 1.0) {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                format!(
                    "an outlook needs at least 4 draws and a level between 0 and 1, got {} and {}",
                    options.draws, options.level
                ),
            ));
        }
        let k = self.n_models();
        let mean = self.mean();
        let first = argmax(&mean);
        let pairs = options.draws / 2;
        let mut tally = Tally::new(k);
        let roots = self
            .nodes()
            .iter()
            .map(|node| node.root(k))
            .collect::<Result<Vec<_>>>()?;
        let mut random = Random::new(options.seed);
        let mut z = vec![0.0; k];
        let (mut node, mut passed) = (0, self.nodes()[0].weight);
        for pair in 0..pairs {
            while (pair as f64 + 0.5) / pairs as f64 > passed && node + 1 < roots.len() {
                node += 1;
                passed += self.nodes()[node].weight;
            }
            normal::fill(&mut z, &mut random);
            let centre = &self.nodes()[node].mean;
            let root = &roots[node];
            let shift: Vec<f64> = (0..k).map(|i| (0..k).map(|j| root[(i, j)] * z[j]).sum()).collect();
            for sign in [1.0, -1.0] {
                let values: Vec<f64> = centre.iter().zip(&shift).map(|(c, s)| c + sign * s).collect();
                tally.add(&values, first);
            }
            tally.end_pair();
        }
        let draws = 2.0 * pairs as f64;
        let (regret, regret_error) = tally.regret.mean_and_error();
        let models = (0..k)
            .map(|m| {
                let (p_best, p_best_error) = tally.wins[m].mean_and_error();
                let (share, sd) = self.share(m);
                ModelOutlook {
                    mean: share,
                    sd,
                    p_best,
                    p_best_error,
                    rank_interval: rank_interval(&tally.ranks[m * k..(m + 1) * k], options.level, draws),
                    expected_regret: regret + mean[first] - mean[m],
                }
            })
            .collect();
        Ok(Outlook {
            models,
            first,
            expected_regret: regret,
            expected_regret_error: regret_error,
        })
    }
}

impl Posterior {
    /// Mean and standard deviation of a model's accuracy, which is between 0 and 1.
    fn share(&self, model: usize) -> (f64, f64) {
        let (mut mean, mut square) = (0.0, 0.0);
        for node in self.nodes() {
            let sd = node.covariance[(model, model)].max(0.0).sqrt();
            let (first, second) = normal::share_moments(node.mean[model], sd);
            mean += node.weight * first;
            square += node.weight * second;
        }
        (mean, (square - mean * mean).max(0.0).sqrt())
    }
}

/// The first position of the largest value.
pub(crate) fn argmax(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

fn rank_interval(counts: &[u32], level: f64, draws: f64) -> (usize, usize) {
    let quantile = |part: f64| {
        let mut seen = 0.0;
        let found = counts.iter().position(|&count| {
            seen += f64::from(count);
            seen > part * draws
        });
        found.unwrap_or(counts.len() - 1) + 1
    };
    let tail = 0.5 * (1.0 - level);
    (quantile(tail), quantile(1.0 - tail))
}

/// Sums over draws.
struct Tally {
    /// By model.
    wins: Vec<PairMean>,
    /// How often model m had rank r + 1, at `m K + r`.
    ranks: Vec<u32>,
    regret: PairMean,
    order: Vec<usize>,
}

impl Tally {
    fn new(k: usize) -> Self {
        Self {
            wins: vec![PairMean::default(); k],
            ranks: vec![0; k * k],
            regret: PairMean::default(),
            order: (0..k).collect(),
        }
    }

    fn add(&mut self, values: &[f64], first: usize) {
        let k = values.len();
        self.order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let mut rank = 0;
        for tied in self.order.chunk_by(|&a, &b| values[a] == values[b]) {
            for &model in tied {
                self.ranks[model * k + rank] += 1;
                if rank == 0 {
                    self.wins[model].add(1.0 / tied.len() as f64);
                }
            }
            rank += tied.len();
        }
        self.regret.add(values[self.order[0]] - values[first]);
    }

    fn end_pair(&mut self) {
        self.regret.end_pair();
        for wins in &mut self.wins {
            wins.end_pair();
        }
    }
}

/// The mean of draws that come in mirrored pairs, and its standard error over pairs.
#[derive(Clone, Copy, Debug, Default)]
struct PairMean {
    pending: f64,
    sum: f64,
    squares: f64,
    pairs: f64,
}

impl PairMean {
    fn add(&mut self, value: f64) {
        self.pending += 0.5 * value;
    }

    fn end_pair(&mut self) {
        self.sum += self.pending;
        self.squares += self.pending * self.pending;
        self.pairs += 1.0;
        self.pending = 0.0;
    }

    fn mean_and_error(&self) -> (f64, f64) {
        let mean = self.sum / self.pairs;
        let variance = (self.squares / self.pairs - mean * mean).max(0.0);
        (mean, (variance / (self.pairs - 1.0).max(1.0)).sqrt())
    }
}
