//! Leave-one-out predictions of many classes, from the band matrix, against models that are fitted again without the sample.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::clusters;
use common::reference::dense;
use faer::{Mat, Side};
use ranktune_scores::scores::{ScoreData, find};
use ranktune_scores::{
    ColumnEvidence, Compat, FeatureView, ScoreInputs, ScoreOptions, ScoreOutcome, Statistics, Targets, evidence,
};

/// Eigenvalues and eigenvectors of the second moments of all samples but one, in whichever space is smaller.
struct Others {
    rows: Vec<usize>,
    features: Mat<f64>,
    values: Vec<f64>,
    vectors: Mat<f64>,
    is_dual: bool,
}

impl Others {
    fn of(f: &Mat<f64>, sample: usize) -> Self {
        let rows: Vec<usize> = (0..f.nrows()).filter(|&row| row != sample).collect();
        let features = Mat::from_fn(rows.len(), f.ncols(), |i, j| f[(rows[i], j)]);
        let is_dual = f.nrows() <= f.ncols();
        let moments = if is_dual {
            &features * features.transpose()
        } else {
            features.transpose() * &features
        };
        let found = moments.self_adjoint_eigen(Side::Lower).unwrap();
        Self {
            rows,
            values: found.S().column_vector().iter().copied().collect(),
            vectors: found.U().to_owned(),
            features,
            is_dual,
        }
    }

    /// `Vᵀ` times what the sample `own` `[d]` is in the smaller space.
    fn along(&self, own: &[f64]) -> Vec<f64> {
        let own = Mat::from_fn(own.len(), 1, |i, _| own[i]);
        let rotated = if self.is_dual {
            self.vectors.transpose() * (&self.features * own)
        } else {
            self.vectors.transpose() * own
        };
        rotated.col_as_slice(0).to_vec()
    }

    /// `Vᵀ` times the target column in the smaller space.
    fn targets(&self, y: &[f64]) -> Vec<f64> {
        let y = Mat::from_fn(self.rows.len(), 1, |i, _| y[self.rows[i]]);
        let rotated = if self.is_dual {
            self.vectors.transpose() * y
        } else {
            self.vectors.transpose() * (self.features.transpose() * y)
        };
        rotated.col_as_slice(0).to_vec()
    }

    /// Mean and variance of the prediction of the sample, whose squared length is `length`.
    fn prediction(&self, along: &[f64], targets: &[f64], length: f64, column: &ColumnEvidence) -> (f64, f64) {
        let (t, alpha) = match (column.alpha, column.beta) {
            (None, beta) => return (0.0, 1.0 / beta.unwrap()),
            (Some(alpha), None) => (0.0, alpha),
            (Some(alpha), Some(beta)) => (alpha / beta, alpha),
        };
        let sum = |other: &[f64]| -> f64 {
            (0..along.len())
                .map(|k| along[k] * other[k] / (self.values[k].max(0.0) + t))
                .sum()
        };
        let noise = column.beta.map_or(0.0, f64::recip);
        let spread = if self.is_dual {
            (length - sum(along)) / alpha
        } else {
            sum(along) * t / alpha
        };
        (sum(targets), spread + noise)
    }
}

fn compute(name: &str, inputs: &ScoreInputs<'_>) -> ScoreOutcome {
    let data = ScoreData::new(inputs).unwrap();
    find(name).unwrap().compute(&data, &ScoreOptions::default()).unwrap()
}

#[test]
fn a_thousand_classes_are_predicted_as_by_models_fitted_without_the_sample() {
    for (n, d, c, spread, samples) in [
        (2500, 270, 1000, 0.3, [0, 1111, 2499].as_slice()),
        (1030, 1040, 1000, 0.3, &[17, 1029]),
        (300, 290, 4, 1.5, &[0, 150, 299]),
        (280, 500, 3, 1.5, &[3, 279]),
        (280, 500, 3, 0.02, &[3, 279]),
    ] {
        let (features, labels) = clusters(n, d, c, spread, 5);
        let targets = Targets::classes(&labels, c).unwrap();
        let inputs = ScoreInputs {
            features: FeatureView::new(&features, n, d).unwrap(),
            targets,
            probabilities: None,
        };
        let statistics = Statistics::of(&inputs.features, &targets).unwrap();
        let fit = evidence::fit_rows(&statistics, &inputs.features, &targets, Compat::Exact).unwrap();
        let columns = &fit.evidence().columns;
        let outcome = compute("loo-accuracy", &inputs);
        let (right, left_out) = (outcome.samples.unwrap(), outcome.left_out.unwrap());
        let densities = compute("loo-log-likelihood", &inputs).samples.unwrap();
        let f = dense(&features, d);
        for &i in samples {
            let others = Others::of(&f, i);
            let own: Vec<f64> = (0..d).map(|k| f[(i, k)]).collect();
            let (along, length) = (others.along(&own), own.iter().map(|x| x * x).sum());
            let (mut density, mut means) = (0.0, Vec::new());
            for column in columns {
                let y: Vec<f64> = labels
                    .iter()
                    .map(|&label| f64::from(u8::from(label as usize == column.column)))
                    .collect();
                let (mean, variance) = others.prediction(&along, &others.targets(&y), length, column);
                density -= 0.5 * ((2.0 * std::f64::consts::PI * variance).ln() + (y[i] - mean).powi(2) / variance);
                means.push(mean);
            }
            let expected = density / columns.len() as f64;
            let name = format!("n {n}, d {d}, c {c}, sample {i}, {}", columns[0].status);
            assert!(
                (densities[i] - expected).abs() <= 1e-6 * expected.abs().max(1.0),
                "{name}: {} {expected}",
                densities[i]
            );
            let own = columns
                .iter()
                .position(|column| column.column == labels[i] as usize)
                .unwrap();
            let largest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            // Where two predictions are the same but for rounding, either may be the larger.
            let next = means
                .iter()
                .enumerate()
                .filter(|&(j, _)| j != own)
                .map(|(_, &mean)| mean);
            let margin = means[own] - next.fold(f64::NEG_INFINITY, f64::max);
            let found = f64::from(left_out.margins[i]);
            assert!(
                (found - margin).abs() <= 1e-6 * margin.abs().max(1.0),
                "{name}: {found} {margin}"
            );
            if margin.abs() > 1e-9 {
                assert_eq!(right[i] > 0.0, means[own] >= largest, "{name}");
                let place = means.iter().position(|&mean| mean == largest).unwrap();
                assert_eq!(left_out.predicted[i] as usize, columns[place].column, "{name}");
            }
        }
    }
}
