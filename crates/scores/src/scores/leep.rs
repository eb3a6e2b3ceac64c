//! LEEP: the log likelihood of a classifier that first predicts a source class (Nguyen et al., ICML 2020).
//!
//! ```text
//! θ            [n, z]   source-class probabilities
//! P(y, z)      [c, z]   Σ_i θ(x_i)_z 1[y_i = y] / n,    P(y|z) = P(y, z)/P(z)
//! LEEP = (1/n) Σ_i ln Σ_z P(y_i|z) θ(x_i)_z
//! ```
//!
//! A source class of probability zero everywhere is left out; every sample contributes to its own class's counts, so the
//! logarithm's argument is positive.

use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;
use crate::targets::Compact;

pub(super) const SCORE: Score = Score {
    name: "leep",
    summary: "log likelihood of labels through the source head's classes (Nguyen et al. 2020)",
    source: "Nguyen, Hassner, Seeger, Archambeau: LEEP: A New Measure to Evaluate Transferability of Learned Representations, ICML 2020",
    needs: Needs::Probabilities,
    default_use: DefaultUse::Classes,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let (probabilities, labels) = data.probabilities_for(SCORE.name)?;
    let labels = Compact::new(labels);
    let z = probabilities.n_sources();
    let mut joint = vec![0.0; labels.classes.len() * z];
    for (row, &class) in probabilities.rows().zip(&labels.index) {
        for (joint, &theta) in joint[class * z..(class + 1) * z].iter_mut().zip(row) {
            *joint += f64::from(theta);
        }
    }
    // The 1/n of P(y, z) and P(z) cancel.
    let mut marginal = vec![0.0; z];
    for class in joint.chunks_exact(z) {
        for (marginal, joint) in marginal.iter_mut().zip(class) {
            *marginal += joint;
        }
    }
    for class in joint.chunks_exact_mut(z) {
        for (joint, &marginal) in class.iter_mut().zip(&marginal) {
            *joint = if marginal > 0.0 { *joint / marginal } else { 0.0 };
        }
    }
    let sum: f64 = probabilities
        .rows()
        .zip(&labels.index)
        .map(|(row, &class)| {
            let likelihood: f64 = row
                .iter()
                .zip(&joint[class * z..])
                .map(|(&theta, p)| f64::from(theta) * p)
                .sum();
            likelihood.ln()
        })
        .sum();
    Ok(ScoreOutcome::of(sum / labels.index.len() as f64).capped(0.0))
}
