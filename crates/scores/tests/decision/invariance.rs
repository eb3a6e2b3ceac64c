//! Records that are permuted, empty, short, contradictory, and models that are alike.

use proptest::prelude::*;
use ranktune_core::random::Random;
use ranktune_scores::ErrorKind;
use ranktune_scores::decision::{
    DecisionModel, DecisionOptions, OutlookOptions, Past, PastResult, Posterior, Trial, VariancePrior,
};

use crate::{Sizes, fit, new_data_set, options, random_record, random_target, table};

fn p_best(posterior: &Posterior) -> Vec<(f64, f64)> {
    let outlook = posterior.outlook(&OutlookOptions::default()).unwrap();
    outlook
        .models
        .iter()
        .map(|model| (model.p_best, model.p_best_error))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_models_and_rows_does_not_matter(seed in any::<u64>(), n_scores in 0_usize..4) {
        let sizes = Sizes { models: 5, data_sets: 3, protocols: 2, scores: n_scores };
        let mut random = Random::new(seed);
        let past = random_record(sizes, &mut random);
        let target = random_target(sizes, &mut random);
        let posterior = fit(&past).predict(&target).unwrap();

        let mut rows = past.rows().to_vec();
        random.shuffle(&mut rows);
        let mut order: Vec<usize> = (0..target.models.len()).collect();
        random.shuffle(&mut order);
        let mut permuted = target.clone();
        permuted.models = order.iter().map(|&model| target.models[model].clone()).collect();
        for trial in &mut permuted.trials {
            trial.model = order.iter().position(|&model| model == trial.model).unwrap();
        }
        let again = fit(&Past::new(rows).unwrap()).predict(&permuted).unwrap();

        let (mean, sd, best) = (posterior.mean(), posterior.sd(), p_best(&posterior));
        let (other_mean, other_sd, other_best) = (again.mean(), again.sd(), p_best(&again));
        for (i, &model) in order.iter().enumerate() {
            prop_assert!((mean[model] - other_mean[i]).abs() < 1e-6, "{} {}", mean[model], other_mean[i]);
            prop_assert!((sd[model] - other_sd[i]).abs() < 1e-6, "{} {}", sd[model], other_sd[i]);
            let error = best[model].1 + other_best[i].1;
            prop_assert!((best[model].0 - other_best[i].0).abs() < 5.0 * error + 2e-3, "{best:?} {other_best:?}");
        }
    }

    #[test]
    fn probabilities_add_up_and_intervals_grow_with_their_level(seed in any::<u64>()) {
        let sizes = Sizes { models: 4, data_sets: 2, protocols: 1, scores: 2 };
        let mut random = Random::new(seed);
        let past = random_record(sizes, &mut random);
        let target = random_target(sizes, &mut random);
        let posterior = fit(&past).predict(&target).unwrap();
        let outlook = posterior.outlook(&OutlookOptions::default()).unwrap();
        let total: f64 = outlook.models.iter().map(|model| model.p_best).sum();
        prop_assert!((total - 1.0).abs() < 1e-9);
        prop_assert!(outlook.expected_regret >= 0.0);
        prop_assert!((outlook.models[outlook.first].expected_regret - outlook.expected_regret).abs() < 1e-12);
        let mut wide = OutlookOptions::default();
        wide.level = 0.99;
        let wide = posterior.outlook(&wide).unwrap();
        for (m, (narrow, wide)) in outlook.models.iter().zip(&wide.models).enumerate() {
            let ((a, b), (c, d)) = (narrow.rank_interval, wide.rank_interval);
            prop_assert!(c <= a && a <= b && b <= d && c >= 1 && d <= target.models.len());
            let ((a, b), (c, d)) = (posterior.interval(m, 0.5).unwrap(), posterior.interval(m, 0.9).unwrap());
            prop_assert!(c <= a && a <= b && b <= d);
        }
    }
}

#[test]
fn without_a_record_every_model_is_as_likely_to_be_best_and_the_prior_is_what_is_stated() {
    let model = DecisionModel::fit(&Past::default(), DecisionOptions::default()).unwrap();
    let priors = DecisionOptions::default();
    assert!((model.variances().model - priors.model.centre).abs() < 1e-12);
    assert_eq!(model.log_evidence(), 0.0);
    let posterior = model.predict(&new_data_set(4)).unwrap();
    for (p, error) in p_best(&posterior) {
        assert!((p - 0.25).abs() < 5.0 * error, "{p} ± {error}");
    }
    for (mean, sd) in posterior.mean().iter().zip(posterior.sd()) {
        assert!((mean - 0.8).abs() < 1e-12);
        // 0.15² of κ, 0.15² of the data set, and E[s²] (v_a + v_p + v_h + v_e) with ln s ~ N(ln s₀, 2 · 0.5²).
        let square = (2.0 * priors.log_scale.mean + 1.0).exp();
        let expected = (0.045 + square * 1.03).sqrt();
        assert!((sd - expected).abs() < 0.005 * expected, "{sd} {expected}");
    }
}

#[test]
fn one_row_raises_its_model_and_nothing_breaks() {
    let past = Past::new(table(&[&[0.95]])).unwrap();
    let posterior = fit(&past).predict(&new_data_set(2)).unwrap();
    assert!(posterior.mean()[0] > posterior.mean()[1]);
    assert!(posterior.mean().iter().all(|mean| *mean > 0.8 && *mean < 0.95));
    // One row hardly tells two models apart.
    assert!(p_best(&posterior)[0].0 < 0.75);
}

#[test]
fn a_record_in_which_every_model_wins_once_prefers_none() {
    let past = Past::new(table(&[&[0.9, 0.8, 0.7], &[0.7, 0.9, 0.8], &[0.8, 0.7, 0.9]])).unwrap();
    let model = fit(&past);
    assert!(model.variances().residual > model.variances().model);
    let posterior = model.predict(&new_data_set(3)).unwrap();
    let mean = posterior.mean();
    assert!((mean[0] - mean[1]).abs() < 1e-9 && (mean[1] - mean[2]).abs() < 1e-9);
    for (p, error) in p_best(&posterior) {
        assert!((p - 1.0 / 3.0).abs() < 5.0 * error, "{p} ± {error}");
    }
}

#[test]
fn a_cell_measured_twice_counts_as_its_mean_and_is_named() {
    let mut rows = table(&[&[0.9, 0.8], &[0.7, 0.6]]);
    let mut twice = rows.clone();
    rows[1].accuracy = 0.6;
    twice[1].accuracy = 0.3;
    twice.push(PastResult {
        accuracy: 0.9,
        ..twice[1].clone()
    });
    let (once, twice) = (Past::new(rows).unwrap(), Past::new(twice).unwrap());
    assert_eq!(once.repeated(), []);
    let named = twice.repeated();
    assert_eq!((named.len(), named[0].model.as_str(), named[0].count), (1, "b", 2));
    assert_eq!((named[0].lowest, named[0].highest), (0.3, 0.9));
    let predict = |past: &Past| fit(past).predict(&new_data_set(2)).unwrap().mean();
    for (a, b) in predict(&once).iter().zip(predict(&twice)) {
        assert!((a - b).abs() < 1e-9);
    }
}

#[test]
fn models_that_are_alike_are_predicted_alike() {
    let past = Past::new(table(&[&[0.9, 0.9, 0.7], &[0.8, 0.8, 0.7], &[0.95, 0.95, 0.9]])).unwrap();
    let mut target = new_data_set(3);
    for (model, score) in target.models.iter_mut().zip([0.5, 0.5, 0.6]) {
        model.scores.insert("logme".to_owned(), score);
    }
    let posterior = fit(&past).predict(&target).unwrap();
    let (mean, sd, best) = (posterior.mean(), posterior.sd(), p_best(&posterior));
    assert!((mean[0] - mean[1]).abs() < 1e-9 && (sd[0] - sd[1]).abs() < 1e-9);
    assert!((best[0].0 - best[1].0).abs() < 5.0 * (best[0].1 + best[1].1));
    assert!(best[0].0 > best[2].0);
}

#[test]
fn a_record_of_another_protocol_counts_for_less() {
    let rows = table(&[&[0.9, 0.8], &[0.7, 0.6], &[0.8, 0.7]]);
    let elsewhere = rows
        .iter()
        .map(|row| PastResult {
            protocol: "theirs".to_owned(),
            ..row.clone()
        })
        .collect();
    let gap = |rows: Vec<PastResult>| {
        let posterior = fit(&Past::new(rows).unwrap()).predict(&new_data_set(2)).unwrap();
        (posterior.mean()[0] - posterior.mean()[1], p_best(&posterior)[0].0)
    };
    let (ours, theirs) = (gap(rows), gap(elsewhere));
    assert!(theirs.0 > 0.0 && theirs.0 < ours.0, "{ours:?} {theirs:?}");
    assert!(theirs.1 < ours.1, "{ours:?} {theirs:?}");
}

#[test]
fn a_result_in_the_record_of_the_target_itself_is_known() {
    let mut rows = table(&[&[0.9, 0.8], &[0.7, 0.6]]);
    rows.push(PastResult {
        data_set: "new".to_owned(),
        accuracy: 0.65,
        ..rows[1].clone()
    });
    let posterior = fit(&Past::new(rows).unwrap()).predict(&new_data_set(2)).unwrap();
    assert_eq!(posterior.trials().len(), 1);
    assert!((posterior.mean()[1] - 0.65).abs() < 1e-9);
    assert!(posterior.sd()[1] < 1e-6);
    let (low, high) = posterior.interval(1, 0.9).unwrap();
    assert!((low - 0.65).abs() < 1e-5 && (high - 0.65).abs() < 1e-5);
}

#[test]
fn bad_input_is_an_error_that_names_it() {
    let kind = |rows: Vec<PastResult>| Past::new(rows).unwrap_err().kind();
    let bad = |accuracy| {
        vec![PastResult {
            accuracy,
            ..PastResult::default()
        }]
    };
    assert_eq!(kind(bad(84.06)), ErrorKind::OutOfRange);
    assert_eq!(kind(bad(f64::NAN)), ErrorKind::NonFinite);
    let mut rows = bad(0.5);
    rows[0].scores.insert("logme".to_owned(), f64::INFINITY);
    assert_eq!(kind(rows), ErrorKind::NonFinite);

    let mut rows = bad(0.5);
    rows[0].rung = Some("unheard of".to_owned());
    let error = DecisionModel::fit(&Past::new(rows).unwrap(), options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownName);
    assert!(error.to_string().contains("short, long"), "{error}");

    let mut wrong = options();
    wrong.slope = VariancePrior {
        centre: 0.0,
        spread: 1.0,
    };
    let error = DecisionModel::fit(&Past::default(), wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);

    let model = fit(&Past::default());
    let predict = |trials: Vec<Trial>, n_models| {
        let mut target = new_data_set(n_models);
        target.trials = trials;
        model.predict(&target).unwrap_err().kind()
    };
    let trial = Trial {
        model: 0,
        rung: Some(0),
        accuracy: 0.5,
    };
    assert_eq!(predict(vec![], 0), ErrorKind::Shape);
    assert_eq!(predict(vec![Trial { model: 2, ..trial }], 2), ErrorKind::OutOfRange);
    assert_eq!(
        predict(vec![Trial { rung: Some(2), ..trial }], 2),
        ErrorKind::OutOfRange
    );
    assert_eq!(predict(vec![trial, trial], 2), ErrorKind::OutOfRange);
    let percent = Trial {
        accuracy: 50.0,
        ..trial
    };
    assert_eq!(predict(vec![percent], 2), ErrorKind::OutOfRange);
    let posterior = model.predict(&new_data_set(2)).unwrap();
    assert_eq!(posterior.interval(2, 0.5).unwrap_err().kind(), ErrorKind::OutOfRange);
    assert_eq!(posterior.interval(0, 1.0).unwrap_err().kind(), ErrorKind::OutOfRange);
}
