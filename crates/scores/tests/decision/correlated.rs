//! A score that is an observation: against the normal regression that it describes, and beside a record.

use ranktune_scores::ErrorKind;
use ranktune_scores::decision::{CorrelatedScore, DecisionModel, DecisionOptions, DecisionTarget, NormalPrior, Past};

use crate::{new_data_set, table};

/// A score with a correlation that does not vary, and so many data sets of weight that no record changes it.
fn options(rho: f64) -> DecisionOptions {
    let mut options = DecisionOptions::default();
    options.correlated = Some(CorrelatedScore {
        name: "logme".to_owned(),
        correlation: NormalPrior { mean: rho, sd: 1e-9 },
        weight: 1e12,
    });
    // One scale, so that the posterior is one normal.
    options.log_scale.sd = 1e-9;
    options
}

fn with_scores(values: &[f64]) -> DecisionTarget {
    let mut target = new_data_set(values.len());
    for (model, value) in target.models.iter_mut().zip(values) {
        model.scores.insert("logme".to_owned(), *value);
    }
    target
}

/// `[K]` means less their mean, and `Var(y_i − y_j)`.
fn differences(model: &DecisionModel, target: &DecisionTarget) -> (Vec<f64>, impl Fn(usize, usize) -> f64 + use<>) {
    let posterior = model.predict(target).unwrap();
    let (mean, covariance) = (posterior.mean(), posterior.covariance());
    let average = mean.iter().sum::<f64>() / mean.len() as f64;
    let mean = mean.iter().map(|m| m - average).collect();
    (mean, move |i: usize, j: usize| {
        covariance[i][i] + covariance[j][j] - 2.0 * covariance[i][j]
    })
}

#[test]
fn strangers_are_predicted_by_the_regression_on_the_score() {
    let rho = 0.6;
    let model = DecisionModel::fit(&Past::default(), options(rho)).unwrap();
    let values = [0.1, 0.5, 0.2, 0.9, -0.3, 0.4];
    let (mean, variance) = differences(&model, &with_scores(&values));
    // By hand. t has variance V and no correlation, so that in every direction orthogonal to the mean, z = ρ t/√V + √(1 − ρ²) ε is the
    // regression of one normal on another: E[t | z] = ρ √V z, Var = V (1 − ρ²).
    let v = model.variances();
    let total = v.model + v.protocol + v.interaction + v.residual;
    let (gain, left) = (rho * total.sqrt(), total * (1.0 - rho * rho));
    let scale = DecisionOptions::default().log_scale.mean.exp();
    let n = values.len() as f64;
    let centre = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / n).sqrt();
    for (i, value) in values.iter().enumerate() {
        let expected = scale * gain * (value - centre) / sd;
        assert!((mean[i] - expected).abs() < 1e-7, "{i}: {} {expected}", mean[i]);
    }
    let (got, expected) = (variance(0, 3), 2.0 * scale * scale * left);
    // The program adds the rounding of published accuracies to every one.
    assert!((got - expected - 2.0 * 2.5e-7).abs() < 1e-9, "{got} {expected}");
}

#[test]
fn the_score_has_no_slope_and_leaves_the_record_as_it_is() {
    let rows = table(&[&[0.9, 0.8, 0.7], &[0.8, 0.72, 0.6], &[0.95, 0.9, 0.85]]);
    let mut scored = rows.clone();
    for (at, row) in scored.iter_mut().enumerate() {
        row.scores.insert("logme".to_owned(), at as f64);
    }
    let without = DecisionModel::fit(&Past::new(rows).unwrap(), options(0.5)).unwrap();
    let with = DecisionModel::fit(&Past::new(scored).unwrap(), options(0.5)).unwrap();
    assert_eq!(without.variances(), with.variances());
}

#[test]
fn equal_scores_and_the_score_of_one_model_say_nothing() {
    let model = DecisionModel::fit(&Past::new(table(&[&[0.9, 0.8], &[0.7, 0.65]])).unwrap(), options(0.5)).unwrap();
    let bare = model.predict(&new_data_set(2)).unwrap().mean();
    assert_eq!(model.predict(&with_scores(&[0.3, 0.3])).unwrap().mean(), bare);
    let mut one = with_scores(&[0.3, 0.1]);
    one.models[1].scores.clear();
    assert_eq!(model.predict(&one).unwrap().mean(), bare);
}

#[test]
fn scores_within_their_errors_tell_little_apart() {
    let model = DecisionModel::fit(&Past::default(), options(0.6)).unwrap();
    let gap = |error: Option<f64>| {
        let mut target = with_scores(&[0.51, 0.49]);
        for model in &mut target.models {
            model.score_error = error;
        }
        let mean = model.predict(&target).unwrap().mean();
        mean[0] - mean[1]
    };
    let (sure, unsure) = (gap(None), gap(Some(0.05)));
    // z is ±1, of an error of 5: the gap shrinks by the share of the error in the variance of z, 1 + 25.
    assert!(sure > 0.0 && (unsure - sure / 26.0).abs() < 1e-9, "{sure} {unsure}");
    let mut target = with_scores(&[0.5, 0.4]);
    target.models[0].score_error = Some(f64::NAN);
    assert_eq!(model.predict(&target).unwrap_err().kind(), ErrorKind::NonFinite);
}

#[test]
fn the_correlation_is_learnt_from_data_sets_that_have_both() {
    let mut options = options(0.5);
    options.correlated = Some(CorrelatedScore {
        name: "logme".to_owned(),
        correlation: NormalPrior { mean: 0.5, sd: 0.3 },
        weight: 2.0,
    });
    // The score was wrong on ten data sets of a record of other models.
    let set: &[f64] = &[0.9, 0.8, 0.7, 0.6];
    let mut rows = table(&[set; 10]);
    for row in &mut rows {
        row.scores.insert("logme".to_owned(), -row.accuracy);
        row.model.push_str(" of another hub");
    }
    let model = DecisionModel::fit(&Past::new(rows).unwrap(), options).unwrap();
    let mean = model.predict(&with_scores(&[0.9, 0.1])).unwrap().mean();
    assert!(mean[0] < mean[1], "{mean:?}");
}

#[test]
fn a_correlation_of_one_or_without_weight_is_refused() {
    for (rho, sd, weight) in [(1.0, 0.3, 1.0), (f64::NAN, 0.3, 1.0), (0.5, 0.0, 1.0), (0.5, 0.3, 0.0)] {
        let mut options = DecisionOptions::default();
        options.correlated = Some(CorrelatedScore {
            name: "logme".to_owned(),
            correlation: NormalPrior { mean: rho, sd },
            weight,
        });
        let error = DecisionModel::fit(&Past::default(), options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{rho} {sd} {weight}");
    }
}
