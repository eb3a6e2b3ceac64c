//! PACTran-Dirichlet: a PAC-Bayes bound on a head over the source classes (Ding, Chen, Levinboim, Changpinyo, Soricut, ECCV 2022).
//!
//! ```text
//! θ [n, z] source probabilities,  prior of the label given source class z: Dirichlet with a⁰_y = α·(share of class y) + 1e-10, α = 1
//! ten times:  a_yz = a⁰_y + Σ_{i: y_i = y} q_iz,     q_iz ∝ θ_iz exp( ψ(a_{y_i z}) − ψ(Σ_y a_yz) ),     q = θ at first
//! bound = −(1/nc) Σ_z [ ln Γ(Σ_y a⁰_y) − Σ_y ln Γ(a⁰_y) − ln Γ(Σ_y a_yz) + Σ_y ln Γ(a_yz) − Σ_i q_iz ln(q_iz/θ_iz) ]
//! PACTran = −bound                                     so that higher is better
//! ```
//!
//! As the authors' code, 1e-10 in the logarithm of θ and ten rounds included; its last `a` is from before the last q, which any q and a allow (the
//! bound holds for each), and α = 1 is the value that it is run with. `q` is never stored: it is θ times a factor of the class.
//!
//! Cost: 10·n·z, no features; z can be large.

use super::special::{digamma, log_gamma};
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;
use crate::targets::Compact;

/// Rounds of the bound's optimisation.
const ROUNDS: usize = 10;
/// α, the strength of the prior.
const STRENGTH: f64 = 1.0;
/// What keeps logarithms finite.
const TINY: f64 = 1e-10;

pub(super) const SCORE: Score = Score {
    name: "pactran",
    summary: "PAC-Bayes bound of a head over the source classes, Dirichlet prior (Ding et al. 2022)",
    source: "Ding, Chen, Levinboim, Changpinyo, Soricut: PACTran: PAC-Bayesian Metrics for Estimating the Transferability of Pretrained Models to Classification Tasks, ECCV 2022",
    needs: Needs::Probabilities,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let (probabilities, labels) = data.probabilities_for(SCORE.name)?;
    let labels = Compact::new(labels);
    let (n, z, c) = (labels.index.len(), probabilities.n_sources(), labels.counts.len());
    let prior: Vec<f64> = labels
        .counts
        .iter()
        .map(|&count| STRENGTH * count as f64 / n as f64 + TINY)
        .collect();
    let prior_sum: f64 = prior.iter().sum();
    // Σ_{i: y_i = y} q_iz, with q = θ at first.
    let mut counts = vec![0.0; c * z];
    for (row, &class) in probabilities.rows().zip(&labels.index) {
        for (count, &theta) in counts[class * z..][..z].iter_mut().zip(row) {
            *count += f64::from(theta);
        }
    }
    let mut divergence = 0.0;
    let mut shape = Vec::new();
    for _ in 0..ROUNDS {
        shape = counts
            .chunks_exact(z)
            .zip(&prior)
            .flat_map(|(row, prior)| row.iter().map(move |count| count + prior))
            .collect::<Vec<f64>>();
        let expected: Vec<f64> = sums_over_classes(&shape, z).into_iter().map(digamma).collect();
        // ln of the factor of every class and source class, and the factor over the largest of the class.
        let factors: Vec<f64> = shape
            .iter()
            .enumerate()
            .map(|(at, &a)| digamma(a) - expected[at % z])
            .collect();
        let largest: Vec<f64> = factors
            .chunks_exact(z)
            .map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            .collect();
        let weights: Vec<f64> = factors
            .iter()
            .enumerate()
            .map(|(at, factor)| (factor - largest[at / z]).exp())
            .collect();
        counts.fill(0.0);
        divergence = 0.0;
        for (row, &class) in probabilities.rows().zip(&labels.index) {
            let (factors, weights) = (&factors[class * z..][..z], &weights[class * z..][..z]);
            let mass = |theta: f32, weight: f64| (f64::from(theta) + TINY) * weight;
            let sum: f64 = row
                .iter()
                .zip(weights)
                .map(|(&theta, &weight)| mass(theta, weight))
                .sum();
            let log_sum = sum.ln() + largest[class];
            let own = counts[class * z..][..z].iter_mut();
            for (((&theta, &weight), factor), count) in row.iter().zip(weights).zip(factors).zip(own) {
                let share = mass(theta, weight) / sum;
                *count += share;
                // ln(q/θ) is the factor over the sum.
                divergence += share * (factor - log_sum);
            }
        }
    }
    let prior_constant = log_gamma(prior_sum) - prior.iter().map(|&a| log_gamma(a)).sum::<f64>();
    let posterior: f64 = sums_over_classes(&shape, z)
        .iter()
        .map(|&sum| log_gamma(sum))
        .sum::<f64>()
        - shape.iter().map(|&a| log_gamma(a)).sum::<f64>();
    let value = (z as f64 * prior_constant - posterior - divergence) / (n * c) as f64;
    Ok(ScoreOutcome::of(value))
}

fn sums_over_classes(shape: &[f64], z: usize) -> Vec<f64> {
    let mut sums = vec![0.0; z];
    for row in shape.chunks_exact(z) {
        for (sum, a) in sums.iter_mut().zip(row) {
            *sum += a;
        }
    }
    sums
}
