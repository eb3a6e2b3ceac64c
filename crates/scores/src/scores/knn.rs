//! k nearest neighbours, leaving each sample out: the plain baseline (k = 5, cosine).
//!
//! ```text
//! s_ij = f_iᵀf_j / (‖f_i‖‖f_j‖)        N(i): the 5 samples j ≠ i of largest s_ij
//! classes: the class that most of N(i) have; of several the one whose neighbours are closer together  →  share of right samples
//! labels: the share of N(i) that has each → mean average precision;     numbers: the mean of N(i) → R²
//! ```
//!
//! Cost n²·d (each pair once), the most of all scores, so it is taken over a stratified draw where there are more than 10,000 samples; products are in f32.
//! k and the distance are those of common practice for frozen features (Renggli et al., CVPR 2022; Caron et al., ICCV 2021, use cosine too).
//! Means of common features do not cancel in cosine: it is the geometry that the features have as they are.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use super::quality::{self, Kind};
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome, draw};
use crate::error::{Error, ErrorKind, Result};

/// Neighbours that vote.
const NEIGHBOURS: usize = 5;
/// Samples that are looked at.
const MOST: usize = 10_000;
/// Samples whose neighbours are looked for together.
const BLOCK: usize = 256;
/// Later samples that are compared with a block in one task.
const CHUNK: usize = 128;

pub(super) const SCORE: Score = Score {
    name: "knn",
    summary: "leave-one-out accuracy of 5 nearest neighbours by cosine; mean average precision of labels, R² of numbers",
    source: "Renggli, Pinto, Rimanic, Puigcerver, Riquelme, Zhang, Lučić: Which Model to Transfer? Finding the Needle in the Growing Haystack, CVPR 2022",
    needs: Needs::Rows,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::SampleMeans,
    run,
};

fn run(data: &ScoreData<'_>, _: &ScoreOptions) -> Result<ScoreOutcome> {
    let (features, targets) = data.rows(SCORE.name)?;
    let kind = Kind::of(&targets, SCORE.name)?;
    let n = features.n_samples();
    if n < 2 {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("{} needs a neighbour for every sample, got 1 sample", SCORE.name),
        ));
    }
    let strata = match &kind {
        Kind::Classes(labels) => Some(labels.index.as_slice()),
        _ => None,
    };
    let rows = draw::stratified(&features, strata, MOST);
    let d = features.n_features();
    let mut unit = features.gather(&rows);
    unit.par_chunks_mut(d).for_each(normalise);
    let neighbours = neighbours(&unit, d);
    let estimate = draw::note(rows.len(), n);
    match &kind {
        Kind::Classes(labels) => {
            let mut right = vec![0.0; rows.len()];
            for (place, near) in neighbours.iter().enumerate() {
                let votes: Vec<(usize, f64)> = near
                    .iter()
                    .map(|&(other, similarity)| (labels.index[rows[other]], f64::from(similarity)))
                    .collect();
                right[place] = f64::from(u8::from(vote(&votes) == labels.index[rows[place]]));
            }
            let mut outcome = ScoreOutcome::mean_of(right)
                .with_chance(Some(kind.chance()))
                .capped(1.0);
            if estimate.is_none() {
                outcome.samples = outcome.samples.map(|samples| in_order(&samples, &rows));
            } else {
                outcome.samples = None;
            }
            Ok(outcome.with_estimate(estimate))
        }
        Kind::Labels(values, c) | Kind::Numbers(values, c) => {
            let c = *c;
            let mut predictions = vec![0.0_f32; rows.len() * c];
            for (near, into) in neighbours.iter().zip(predictions.chunks_exact_mut(c)) {
                for (column, into) in into.iter_mut().enumerate() {
                    let sum: f64 = near.iter().map(|&(other, _)| values[rows[other] * c + column]).sum();
                    *into = (sum / near.len() as f64) as f32;
                }
            }
            let truth: Vec<f64> = rows
                .iter()
                .flat_map(|&row| values[row * c..(row + 1) * c].iter().copied())
                .collect();
            let drawn = match &kind {
                Kind::Labels(..) => Kind::Labels(&truth, c),
                _ => Kind::Numbers(&truth, c),
            };
            Ok(quality::of_columns(&drawn, &predictions, SCORE.name)?.with_estimate(estimate))
        }
    }
}

/// Values of the samples at `rows`, in the samples' own order.
fn in_order(values: &[f64], rows: &[usize]) -> Vec<f64> {
    let mut ordered = vec![0.0; values.len()];
    for (&value, &row) in values.iter().zip(rows) {
        ordered[row] = value;
    }
    ordered
}

fn normalise(row: &mut [f32]) {
    // The largest entry first, so that no square over- or underflows.
    let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return;
    }
    let length = row
        .iter()
        .map(|&value| (f64::from(value) / f64::from(largest)).powi(2))
        .sum::<f64>()
        .sqrt();
    for value in row {
        *value = (f64::from(*value) / f64::from(largest) / length) as f32;
    }
}

/// The nearest samples of each, with their similarity, the nearest first; of equally near ones the first.
///
/// Similarities are symmetric: those of a block of samples and all later ones serve both.
fn neighbours(unit: &[f32], d: usize) -> Vec<Vec<(usize, f32)>> {
    let n = unit.len() / d;
    let all = MatRef::from_row_major_slice(unit, n, d);
    let mut neighbours = vec![Vec::with_capacity(NEIGHBOURS + 1); n];
    let mut similarity = Mat::<f32>::zeros(n, BLOCK.min(n));
    for first in (0..n).step_by(BLOCK) {
        let count = BLOCK.min(n - first);
        // Row r and column c hold the similarity of samples first + r and first + c.
        let mut part = similarity.as_mut().submatrix_mut(0, 0, n - first, count);
        matmul(
            part.as_mut(),
            Accum::Replace,
            all.subrows(first, n - first),
            all.subrows(first, count).transpose(),
            1.0,
            crate::linalg::parallel(),
        );
        let (own, later) = neighbours[first..].split_at_mut(count);
        own.par_iter_mut().enumerate().for_each(|(column, near)| {
            let values = &similarity.col_as_slice(column)[..n - first];
            for (row, &value) in values.iter().enumerate().filter(|&(row, _)| row != column) {
                insert(near, first + row, value);
            }
        });
        later.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, later)| {
            let begin = count + chunk * CHUNK;
            for column in 0..count {
                let values = &similarity.col_as_slice(column)[begin..begin + later.len()];
                for (near, &value) in later.iter_mut().zip(values) {
                    insert(near, first + column, value);
                }
            }
        });
    }
    neighbours
}

/// Takes a sample into a list of the nearest, in whatever order they come.
fn insert(near: &mut Vec<(usize, f32)>, other: usize, value: f32) {
    let is_before = |&(known, similarity): &(usize, f32)| similarity > value || (similarity == value && known < other);
    if near.len() == NEIGHBOURS && near.last().is_some_and(is_before) {
        return;
    }
    let place = near.partition_point(is_before);
    near.insert(place, (other, value));
    near.truncate(NEIGHBOURS);
}

/// The class with most votes; of several the one with the larger sum of similarities, then the first.
fn vote(votes: &[(usize, f64)]) -> usize {
    let mut best = (0, f64::NEG_INFINITY, usize::MAX);
    for &(class, _) in votes {
        let own = votes.iter().filter(|(other, _)| *other == class);
        let (count, sum) = own.fold((0, 0.0), |(count, sum), (_, value)| (count + 1, sum + value));
        let is_better = count > best.0 || (count == best.0 && (sum > best.1 || (sum == best.1 && class < best.2)));
        if is_better {
            best = (count, sum, class);
        }
    }
    best.2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_go_by_number_then_by_closeness_then_by_order() {
        assert_eq!(vote(&[(3, 0.9), (1, 0.8), (1, 0.7)]), 1);
        assert_eq!(vote(&[(1, 0.8), (2, 0.9), (1, 0.7), (2, 0.7)]), 2);
        assert_eq!(vote(&[(2, 0.5), (1, 0.5)]), 1);
    }

    #[test]
    fn neighbours_are_those_of_all_pairs_in_whatever_block_they_lie() {
        let (n, d) = (2 * BLOCK + 37, 3);
        let mut unit: Vec<f32> = (0..n * d)
            .map(|i| (i as f32 * 1.3).sin() + (i as f32 * 0.37).cos())
            .collect();
        unit.chunks_exact_mut(d).for_each(normalise);
        // The same sample in two blocks: of equally near ones the first.
        unit.copy_within(0..d, (n - 1) * d);
        let found = neighbours(&unit, d);
        for (i, found) in found.iter().enumerate() {
            let own = &unit[i * d..(i + 1) * d];
            let mut all: Vec<(usize, f32)> = (0..n)
                .filter(|&j| j != i)
                .map(|j| (j, own.iter().zip(&unit[j * d..]).map(|(a, b)| a * b).sum()))
                .collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1));
            assert_eq!(found.len(), NEIGHBOURS);
            for (found, expected) in found.iter().zip(&all) {
                assert!((found.1 - expected.1).abs() < 1e-6, "{i}: {found:?} {expected:?}");
                assert_ne!(found.0, i);
            }
        }
    }

    #[test]
    fn a_list_keeps_the_nearest_and_of_equally_near_ones_the_first() {
        let mut near = Vec::new();
        for (other, value) in [
            (6, 0.2),
            (9, 0.5),
            (1, 0.2),
            (4, 0.9),
            (2, 0.2),
            (8, 0.2),
            (3, 0.1),
            (0, 0.2),
        ] {
            insert(&mut near, other, value);
        }
        assert_eq!(near, [(4, 0.9), (9, 0.5), (0, 0.2), (1, 0.2), (2, 0.2)]);
    }
}
