//! TransRate: the coding rate of the features minus that within classes (Huang et al., ICML 2022).
//!
//! ```text
//! R(Z) = ½ ln|I + ZᵀZ/(mε)|   for m rows;   F̃ centred by the mean of all samples
//! TransRate = R(F̃) − (1/c) Σ_y R(F̃_y)
//! ```
//!
//! All classes have the same weight whatever their size, and are not centred on their own mean, as in the authors' code. Each
//! determinant is computed in the smaller of feature and sample space, so many small classes cost little.

use faer::Mat;

use super::scatter::{Scatter, log_determinant};
use super::{DefaultUse, Needs, Replicates, Score, ScoreData, ScoreOptions, ScoreOutcome};
use crate::error::{Error, ErrorKind, Result};
use crate::statistics::Statistics;
use crate::statistics::gram::{Sign, dual_gram, update_gram};
use crate::statistics::strips::Wide;
use crate::statistics::triangle::Triangle;
use crate::targets::Compact;

pub(super) const SCORE: Score = Score {
    name: "transrate",
    summary: "coding rate of all features against that within classes (Huang et al. 2022)",
    source: "Huang, Huang, Rong, Yang, Wei: Frustratingly Easy Transferability Estimation, ICML 2022",
    needs: Needs::ClassRows,
    default_use: DefaultUse::OnRequest,
    always_with_error: false,
    bounds_error: false,
    replicates: Replicates::Recompute,
    run,
};

fn run(data: &ScoreData<'_>, options: &ScoreOptions) -> Result<ScoreOutcome> {
    let epsilon = options.transrate_epsilon;
    if !(epsilon > 0.0 && epsilon.is_finite()) {
        return Err(Error::new(
            ErrorKind::OutOfRange,
            format!("transrate's epsilon must be finite and > 0, got {epsilon}"),
        ));
    }
    if let Some(classes) = data.classes.as_ref().filter(|_| data.features.is_none()) {
        return from_classes(data.statistics()?, classes, epsilon);
    }
    let (features, targets) = data.rows(SCORE.name)?;
    let labels = Compact::new(targets.labels_for(SCORE.name)?);
    let scatter = Scatter::new(data.statistics()?, SCORE.name)?;
    let all = coding_rate(scatter.matrix, scatter.n, epsilon)?;
    let mut within = 0.0;
    for members in labels.members() {
        within += class_rate(&features.gather(&members), &scatter.mean, epsilon)?;
    }
    Ok(ScoreOutcome::of(all - within / labels.classes.len() as f64))
}

/// The same from the statistics of all samples and of every class.
fn from_classes(statistics: &Statistics, classes: &[Statistics], epsilon: f64) -> Result<ScoreOutcome> {
    let scatter = Scatter::new(statistics, SCORE.name)?;
    let all = coding_rate(scatter.matrix, scatter.n, epsilon)?;
    let (mut within, mut count) = (0.0, 0.0);
    for class in classes.iter().filter(|class| class.n_samples() > 0) {
        within += match (class.rows(), class.gram()) {
            (Some(rows), _) => class_rate(rows, &scatter.mean, epsilon)?,
            (None, Some(gram)) => {
                let columns = class.target_columns();
                let mut gram = gram.dense();
                about(&mut gram, columns[0].product, class.n_samples() as f64, &scatter.mean);
                coding_rate(gram, class.n_samples(), epsilon)?
            }
            (None, None) => 0.0,
        };
        count += 1.0;
    }
    Ok(ScoreOutcome::of(all - within / count))
}

/// The coding rate of the rows of one class about the mean of all.
fn class_rate(rows: &[f32], mean: &[f64], epsilon: f64) -> Result<f64> {
    let d = mean.len();
    let m = rows.len() / d;
    if m <= d {
        return coding_rate(dual_gram(rows, d, Some(mean), None), m, epsilon);
    }
    let mut triangle = Triangle::zeros(d);
    update_gram(&mut triangle, rows, Sign::Plus, &mut Wide::default());
    let mut gram = triangle.dense();
    let mut sum = vec![0.0; d];
    for row in rows.chunks_exact(d) {
        for (sum, &value) in sum.iter_mut().zip(row) {
            *sum += f64::from(value);
        }
    }
    about(&mut gram, &sum, m as f64, mean);
    coding_rate(gram, m, epsilon)
}

/// `½ ln|I + M/(mε)|`, `matrix` the lower triangle of `ZᵀZ` or `ZZᵀ`.
fn coding_rate(mut matrix: Mat<f64>, m: usize, epsilon: f64) -> Result<f64> {
    let scale = 1.0 / (m as f64 * epsilon);
    for j in 0..matrix.ncols() {
        for value in &mut matrix.col_as_slice_mut(j)[j..] {
            *value *= scale;
        }
        matrix[(j, j)] += 1.0;
    }
    log_determinant(&matrix).map(|value| 0.5 * value).ok_or_else(|| {
        Error::new(
            ErrorKind::Precision,
            "transrate's determinant is lost to rounding; scale the features or raise its epsilon",
        )
    })
}

/// `FᵀF` becomes `(F − 1μᵀ)ᵀ(F − 1μᵀ)` for n rows of the given sum, about a mean that need not be theirs.
fn about(gram: &mut Mat<f64>, sum: &[f64], n: f64, mean: &[f64]) {
    let d = mean.len();
    for j in 0..d {
        for i in j..d {
            gram[(i, j)] += n * mean[i] * mean[j] - sum[i] * mean[j] - mean[i] * sum[j];
        }
    }
}
