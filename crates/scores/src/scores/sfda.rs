//! SFDA: Fisher's discriminant, once more after hard samples were made harder (Shao et al., ECCV 2022).
//!
//! ```text
//! 1. discriminant of the features with shrinkage s = max(exp(−5 λ_max(S_W)), 1e-10)       (see `discriminant.rs`)
//! 2. p_i = softmax of the class probabilities of 1, at sample i's own class                 in (0, 1), away from both ends
//! 3. ConfMix: x_i ← p_i x_i + (1 − p_i) o_{y_i},   o_y the mean of the other classes' means
//! 4. the discriminant again, same s;  SFDA = mean probability that it gives sample i's class, in (0, 1)
//! ```
//!
//! As in the authors' code: step 2 softens probabilities by a second softmax (the paper does not say so), and the last step takes no
//! logarithm. Theirs estimates λ_max by a few power iterations, ours is exact; theirs also mixes the caller's features in place. The shrinkage
//! depends on the features' scale: features of large scale have none, those of small scale are reduced to their class means.
//! With more features than samples classes are separated almost always, and SFDA is close to 1 for any model.
//!
//! Cost: the statistics and a scatter matrix (2·n·d²; another one where the statistics lack digits) with their factors (2d³/3), eigenvalues (4d³/3) where the scale is small, 4·n·d·c.

use super::discriminant::{Fitted, Samples, softmax};
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::Result;
use crate::targets::Compact;

pub(super) const SCORE: Score = Score {
    name: "sfda",
    summary: "self-challenging Fisher discriminant: mean probability of the right class (Shao et al. 2022)",
    source: "Shao, Zhao, Ge, Zhang, Yang, Wang, Shan, Luo: Not All Models Are Equal: Predicting Model Transferability in a Self-challenging Fisher Space, ECCV 2022",
    needs: Needs::ClassSamples,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::SampleMeans,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let (features, targets) = data.rows(SCORE.name)?;
    let labels = Compact::new(targets.labels_for(SCORE.name)?);
    let mean = data.statistics()?.moments().mean();
    let (n, d, c) = (features.n_samples(), features.n_features(), labels.counts.len());
    let plain = |i: usize, to: &mut [f64]| {
        for ((to, &from), mean) in to.iter_mut().zip(features.row(i)).zip(&mean) {
            *to = f64::from(from) - mean;
        }
    };
    let first = Samples {
        classes: &labels.index,
        counts: &labels.counts,
        n_features: d,
        row: &plain,
    };
    let Fitted {
        scatters,
        shrinkage,
        discriminant,
    } = Fitted::new(&first, data.statistics()?)?;
    let mut confidence = vec![0.0; n];
    first.for_each_share(&discriminant, |i, shares| {
        let mut softened = shares.to_vec();
        softmax(&mut softened);
        confidence[i] = softened[labels.index[i]];
    });
    let others = means_of_others(&scatters.means, d, c);
    let mixed = |i: usize, to: &mut [f64]| {
        plain(i, to);
        let other = &others[labels.index[i] * d..][..d];
        for (to, other) in to.iter_mut().zip(other) {
            *to = confidence[i] * *to + (1.0 - confidence[i]) * other;
        }
    };
    let second = Samples { row: &mixed, ..first };
    let discriminant = if scatters.is_constant {
        discriminant
    } else {
        second.scatters().discriminant(&labels.counts, shrinkage)?
    };
    let mut right = vec![0.0; n];
    second.for_each_share(&discriminant, |i, shares| right[i] = shares[labels.index[i]]);
    Ok(ScoreOutcome::mean_of(right).capped(1.0))
}

/// For every class the mean of the other classes' means, `[c, d]`.
fn means_of_others(means: &[f64], d: usize, c: usize) -> Vec<f64> {
    let mut sum = vec![0.0; d];
    for mean in means.chunks_exact(d) {
        for (sum, mean) in sum.iter_mut().zip(mean) {
            *sum += mean;
        }
    }
    means
        .chunks_exact(d)
        .flat_map(|mean| sum.iter().zip(mean).map(|(sum, mean)| (sum - mean) / (c - 1) as f64))
        .collect()
}
