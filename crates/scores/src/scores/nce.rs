//! NCE: minus the conditional entropy of the labels given the source head's class (Tran et al., ICCV 2019).
//!
//! ```text
//! Z_i = argmax_z θ(x_i)_z (the first of equals),   NCE = −H(Y|Z) = Σ_{y,z} P(y, z) ln (P(y, z)/P(z)),  0 ln 0 = 0
//! ```
//!
//! It is 0, and saturated, where no two classes share a source class: with few samples and many source classes that happens to any model.

use std::collections::BTreeMap;

use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;

pub(super) const SCORE: Score = Score {
    name: "nce",
    summary: "minus the entropy of labels given the source head's class (Tran et al. 2019)",
    source: "Tran, Nguyen, Hassner: Transferability and Hardness of Supervised Classification Tasks, ICCV 2019",
    needs: Needs::Probabilities,
    default_use: DefaultUse::Classes,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let (probabilities, labels) = data.probabilities_for(SCORE.name)?;
    let mut joint: BTreeMap<(usize, u32), usize> = BTreeMap::new();
    let mut marginal = vec![0_usize; probabilities.n_sources()];
    for (row, &label) in probabilities.rows().zip(labels) {
        let mut best = 0;
        for (source, value) in row.iter().enumerate() {
            if *value > row[best] {
                best = source;
            }
        }
        *joint.entry((best, label)).or_default() += 1;
        marginal[best] += 1;
    }
    let n = labels.len() as f64;
    let sum: f64 = joint
        .iter()
        .map(|(&(source, _), &count)| count as f64 / n * (count as f64 / marginal[source] as f64).ln())
        .sum();
    Ok(ScoreOutcome::of(sum).capped(0.0))
}
