//! ETran: the energy of features, and a discriminant's confidence (Gholami, Akbari, Wang, Kamranian, Zhang, ICCV 2023).
//!
//! ```text
//! terms    mean over the 0.5 % of samples of lowest energy score (one at least) of  ln Σ_k exp(f_ik)
//!          mean probability of the right class under Fisher's discriminant, shrinkage as in SFDA (see `../sfda.rs`)
//! ETran = 0.15 · scaled first + 0.85 · scaled second, each over the models
//! ```
//!
//! The parts and weights are those of the authors' code, which differs from the paper's words in three ways: its share of 0.5 (meant: half
//! the samples) is 0.5 %, and none below 200 samples (then it is not a number); and its discriminant takes the eigenvectors of a matrix that is
//! not symmetric from a routine for symmetric ones, which are orthonormal, so that it classifies by the Euclidean distance to class means.
//! Ours is Fisher's discriminant, as the paper says. The first term depends on the features' scale and sign, and compares models whose features
//! are of one kind.
//!
//! Cost: the statistics (n·d²; another scatter matrix where they lack digits) with a factor (d³/3), eigenvalues (4d³/3) where the scale is small, and 2·n·d·c.

use super::super::discriminant::{Fitted, Samples};
use super::super::{ScoreData, ScoreOptions};
use super::CompanyScore;
use crate::error::Result;
use crate::targets::Compact;

/// One of so many samples counts for the energy.
const LOWEST: usize = 200;
pub(super) const SCORE: CompanyScore = CompanyScore {
    name: "etran",
    summary: "energy of the features and a discriminant's confidence, scaled over the models of the hub (Gholami et al. 2023)",
    source: "Gholami, Akbari, Wang, Kamranian, Zhang: ETran: Energy-Based Transferability Estimation, ICCV 2023",
    terms: &["energy", "discriminant"],
    weights: &[0.15, 0.85],
    of_model,
};

fn of_model(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<Vec<f64>> {
    let (features, targets) = data.rows(SCORE.name)?;
    let labels = Compact::new(targets.labels_for(SCORE.name)?);
    let n = features.n_samples();
    let mut energies: Vec<f64> = features.rows().map(log_sum_exp).collect();
    energies.sort_by(f64::total_cmp);
    energies.truncate((n / LOWEST).max(1));
    let energy = energies.iter().sum::<f64>() / energies.len() as f64;
    let mean = data.statistics()?.moments().mean();
    let row = |i: usize, to: &mut [f64]| {
        for ((to, &from), mean) in to.iter_mut().zip(features.row(i)).zip(&mean) {
            *to = f64::from(from) - mean;
        }
    };
    let samples = Samples {
        classes: &labels.index,
        counts: &labels.counts,
        n_features: features.n_features(),
        row: &row,
    };
    let discriminant = Fitted::new(&samples, data.statistics()?)?.discriminant;
    let mut right = 0.0;
    samples.for_each_share(&discriminant, |i, shares| right += shares[labels.index[i]]);
    Ok(vec![energy, right / n as f64])
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    largest
        + row
            .iter()
            .map(|&value| (f64::from(value) - largest).exp())
            .sum::<f64>()
            .ln()
}
