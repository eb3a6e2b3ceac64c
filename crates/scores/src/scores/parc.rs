//! PARC: whether samples with different labels have different features (Bolya, Mittapalli, Hoffman, NeurIPS 2021).
//!
//! ```text
//! x [n, p]   features on p ≤ 32 principal components, each scaled to variance one
//! D_x(i, j) = 1 − corr(x_i, x_j)        Pearson's over the p coordinates of two samples
//! D_y(i, j) = 1 − corr(y_i, y_j)        of one-hot rows: 0 for the same class, else a constant; of 0/1 rows over the labels
//! PARC = Spearman's correlation of D_x and D_y over all pairs i < j          in [−1, 1] (the authors report it times 100)
//! ```
//!
//! Cost: n²·p for the pairs and n² ln n for their ranks, so it is taken over a stratified draw where there are more than 2,000 samples (the
//! authors use 500); 32 components as they do. Theirs are of a randomised decomposition with one power iteration: ours are exact, and
//! components without variance are left out, which theirs scale up to variance one, and equal distances of labels are
//! ranked together, which theirs ranks by their rounding. A correlation over coordinates is not the same for other signs of the components,
//! so PARC takes scikit-learn's (see `principal.rs`). A pair whose correlation is not defined (a sample
//! without labels, one coordinate only) counts as uncorrelated; where a whole side is constant PARC is 0. Not defined for numbers:
//! correlations of rows need several labels.

use super::principal::Principal;
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome, draw};
use crate::correlation;
use crate::error::{Error, ErrorKind, Result};
use crate::features::FeatureView;
use crate::statistics::Statistics;
use crate::targets::{Compact, Targets};

use super::quality::Kind;

/// Principal components that are kept.
const COMPONENTS: usize = 32;
/// Samples that are looked at.
const MOST: usize = 2_000;

pub(super) const SCORE: Score = Score {
    name: "parc",
    summary: "rank correlation of the distances of features and of labels (Bolya et al. 2021)",
    source: "Bolya, Mittapalli, Hoffman: Scalable Diverse Model Selection for Accessible Transfer Learning, NeurIPS 2021",
    needs: Needs::LabelRows,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let (features, targets) = data.rows(SCORE.name)?;
    let kind = Kind::of(&targets, SCORE.name)?;
    let strata = match &kind {
        Kind::Classes(labels) => Some(labels.index.as_slice()),
        _ => None,
    };
    let rows = draw::stratified(&features, strata, MOST);
    let labels = match &kind {
        Kind::Classes(labels) => of_classes(labels, &rows),
        Kind::Labels(values, c) if *c > 1 => {
            let taken: Vec<f64> = rows
                .iter()
                .flat_map(|&row| values[row * c..(row + 1) * c].to_vec())
                .collect();
            // Distances that are equal must be equal to the last digit, as ties are ranked together.
            distances(&taken, *c)
                .iter()
                .map(|value| (value * 1e9).round())
                .collect()
        }
        _ => {
            return Err(Error::new(
                ErrorKind::MissingInput,
                format!(
                    "{} correlates the labels of samples, which takes one class or several labels a sample; use logme for numbers",
                    SCORE.name
                ),
            ));
        }
    };
    let taken = features.gather(&rows);
    let view = FeatureView::new(&taken, rows.len(), features.n_features())?;
    // Only the features' moments are of interest.
    let statistics = Statistics::of(&view, &Targets::classes(&vec![0; rows.len()], 1)?)?;
    let principal = Principal::new(&statistics, COMPONENTS)?;
    let coordinates = principal.coordinates(&view);
    let scaled: Vec<f64> = (0..rows.len())
        .flat_map(|i| (0..principal.len()).map(move |k| (i, k)))
        .map(|(i, k)| coordinates[(i, k)] / principal.variances[k].sqrt())
        .collect();
    let value = if principal.len() < 2 {
        None
    } else {
        correlation::spearman(&distances(&scaled, principal.len()), &labels)?
    };
    let estimate = draw::note(rows.len(), features.n_samples());
    Ok(ScoreOutcome::of(value.unwrap_or(0.0)).with_estimate(estimate))
}

/// 0 for pairs of one class and 1 for others: only the order counts.
fn of_classes(labels: &Compact, rows: &[usize]) -> Vec<f64> {
    let mut distances = Vec::with_capacity(rows.len() * rows.len().saturating_sub(1) / 2);
    for (place, &a) in rows.iter().enumerate() {
        for &b in &rows[place + 1..] {
            distances.push(f64::from(u8::from(labels.index[a] != labels.index[b])));
        }
    }
    distances
}

/// `1 − corr` of every pair of rows of `values` `[n, p]`.
fn distances(values: &[f64], p: usize) -> Vec<f64> {
    let unit: Vec<f64> = values.chunks_exact(p).flat_map(unit).collect();
    let rows: Vec<&[f64]> = unit.chunks_exact(p).collect();
    let mut distances = Vec::with_capacity(rows.len() * rows.len().saturating_sub(1) / 2);
    for (place, a) in rows.iter().enumerate() {
        for b in &rows[place + 1..] {
            let product: f64 = a.iter().zip(*b).map(|(a, b)| a * b).sum();
            distances.push(1.0 - product);
        }
    }
    distances
}

/// Centred and of length one; zeros where all entries are the same.
fn unit(row: &[f64]) -> Vec<f64> {
    let mean = row.iter().sum::<f64>() / row.len() as f64;
    let length = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt();
    let size = row.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
    if length <= 1e-12 * size {
        return vec![0.0; row.len()];
    }
    row.iter().map(|value| (value - mean) / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_one_minus_the_correlation_of_rows() {
        let values = [1.0, 2.0, 4.0, -1.0, -2.0, -4.0, 3.0, 3.0, 3.0];
        let found = distances(&values, 3);
        assert!((found[0] - 2.0).abs() < 1e-12);
        assert_eq!(found[1..], [1.0, 1.0]);
    }
}
