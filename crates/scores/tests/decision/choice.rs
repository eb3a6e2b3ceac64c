//! P(best) and regret of known normals, the value of trials by simulation, and when to stop.

use ranktune_scores::decision::{
    Advice, AdviceOptions, DecisionModel, DecisionOptions, DecisionTarget, NormalPrior, OutlookOptions, Past,
    Posterior, Trial, TrialCost,
};

use crate::{fit, new_data_set, table};

const RECORD: [&[f64]; 4] = [
    &[0.90, 0.89, 0.80, 0.85],
    &[0.70, 0.72, 0.60, 0.61],
    &[0.95, 0.94, 0.90, 0.93],
    &[0.80, 0.79, 0.75, 0.80],
];

fn situation() -> (DecisionModel, DecisionTarget) {
    (fit(&Past::new(table(&RECORD)).unwrap()), new_data_set(4))
}

fn costs(seconds: f64) -> Vec<TrialCost> {
    (0..4)
        .flat_map(|model| {
            [(0, seconds), (1, 5.0 * seconds)].map(|(rung, seconds)| TrialCost {
                model,
                rung: Some(rung),
                seconds,
            })
        })
        .collect()
}

fn strict() -> AdviceOptions {
    let mut options = AdviceOptions::default();
    options.tolerance = 0.0;
    options
}

/// The same spread on every data set, and a prior that knows it: one scale, so that the posterior is one normal.
fn of_one_scale() -> DecisionModel {
    let record = Past::new(table(&[
        &[0.90, 0.89, 0.80, 0.85],
        &[0.79, 0.80, 0.75, 0.70],
        &[0.95, 0.90, 0.94, 0.85],
    ]))
    .unwrap();
    let mut options = DecisionOptions::default();
    options.log_scale = NormalPrior {
        mean: 0.00155_f64.sqrt().ln(),
        sd: 1e-6,
    };
    DecisionModel::fit(&record, options).unwrap()
}

#[test]
fn two_models_have_the_p_best_and_regret_of_the_formula() {
    let model = of_one_scale();
    let target = new_data_set(2);
    let posterior = model.predict(&target).unwrap();
    let (mean, covariance) = (posterior.mean(), posterior.covariance());
    let gap = mean[0] - mean[1];
    let sd = (covariance[0][0] + covariance[1][1] - 2.0 * covariance[0][1]).sqrt();
    // E[max(y₁, y₂) − y₁] by the trapezoidal rule over the normal of the difference.
    let integral = |f: &dyn Fn(f64) -> f64| {
        (-8000..=8000)
            .map(|i| {
                let z = f64::from(i) * 1e-3;
                f(gap + sd * z) * (-0.5 * z * z).exp() * 1e-3 / (2.0 * std::f64::consts::PI).sqrt()
            })
            .sum::<f64>()
    };
    let outlook = posterior.outlook(&OutlookOptions::default()).unwrap();
    let p = integral(&|x| f64::from(u8::from(x > 0.0)));
    let got = outlook.models[0];
    assert!((got.p_best - p).abs() < 1e-3 + 4.0 * got.p_best_error, "{got:?} {p}");
    let regret = integral(&|x| if gap < 0.0 { x.max(0.0) } else { (-x).max(0.0) });
    assert_eq!(outlook.first, usize::from(gap < 0.0));
    let (got, error) = (outlook.expected_regret, outlook.expected_regret_error);
    assert!((got - regret).abs() < 4.0 * error, "{got} ± {error}, {regret}");
}

#[test]
fn the_error_of_the_draws_is_what_seeds_show() {
    let (model, target) = situation();
    let posterior = model.predict(&target).unwrap();
    let of_seed = |seed| {
        let mut options = OutlookOptions::default();
        options.seed = seed;
        options.draws = 1024;
        posterior.outlook(&options).unwrap()
    };
    assert_eq!(of_seed(3), of_seed(3));
    let outlooks: Vec<_> = (0..40).map(of_seed).collect();
    let spread = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
    };
    let seen = spread(outlooks.iter().map(|o| o.expected_regret).collect());
    let said = outlooks[0].expected_regret_error;
    // Strata of the scale make it a little smaller than said; 40 seeds leave an error of 11 %.
    assert!(seen < 1.35 * said && seen > 0.4 * said, "{seen} {said}");
    let seen = spread(outlooks.iter().map(|o| o.models[1].p_best).collect());
    let said = outlooks[0].models[1].p_best_error;
    assert!(seen < 1.35 * said && seen > 0.4 * said, "{seen} {said}");
}

#[test]
fn the_gain_of_a_plan_is_the_mean_over_the_results_of_its_trial() {
    let model = of_one_scale();
    let mut target = new_data_set(4);
    // Two accuracies are known, and with them the level, nearly.
    for (i, accuracy) in [(2, 0.55), (3, 0.58)] {
        target.trials.push(Trial {
            model: i,
            rung: None,
            accuracy,
        });
    }
    let posterior = model.predict(&target).unwrap();
    let possible = [TrialCost {
        model: 1,
        rung: None,
        seconds: 1.0,
    }];
    let Advice::Try(plan) = posterior.decide(&possible, &strict()).unwrap().advice else {
        panic!("a full tuning of the second is worth something");
    };
    let highest = |p: &Posterior| p.mean().into_iter().fold(f64::NEG_INFINITY, f64::max);
    let (before, mean, sd) = (highest(&posterior), posterior.mean()[1], posterior.sd()[1]);
    // The whole way for every result, by the trapezoidal rule over its normal.
    let step = 0.02;
    let gain: f64 = (-300..=300)
        .map(|i| {
            let z = f64::from(i) * step;
            let mut after = target.clone();
            after.trials.push(Trial {
                model: 1,
                rung: None,
                accuracy: mean + sd * z,
            });
            let weight = (-0.5 * z * z).exp() * step / (2.0 * std::f64::consts::PI).sqrt();
            weight * (highest(&model.predict(&after).unwrap()) - before)
        })
        .sum();
    assert!((gain - plan.gain).abs() < 1e-3 * plan.gain, "{gain} {}", plan.gain);
}

#[test]
fn trials_bring_the_search_to_its_end_with_the_right_model() {
    let (model, mut target) = situation();
    // The record's second is the best here, by far.
    let truth = [0.70, 0.80, 0.69, 0.68];
    let mut options = AdviceOptions::default();
    options.tolerance = 0.004;
    let first = model.predict(&target).unwrap().decide(&costs(10.0), &options).unwrap();
    assert_eq!(first.outlook.first, 0);
    let mut steps = 0;
    let last = loop {
        let decision = model.predict(&target).unwrap().decide(&costs(10.0), &options).unwrap();
        let Advice::Try(plan) = decision.advice.clone() else {
            break decision;
        };
        let trial = plan.trials[0];
        assert!(plan.gain > 0.0 && plan.seconds > 0.0);
        assert!(
            !target
                .trials
                .iter()
                .any(|t| (t.model, t.rung) == (trial.model, trial.rung))
        );
        let offset = [-0.10, -0.03][trial.rung.unwrap()];
        target.trials.push(Trial {
            model: trial.model,
            rung: trial.rung,
            accuracy: truth[trial.model] + offset,
        });
        steps += 1;
        assert!(steps <= 8, "every trial is run once at most");
    };
    assert_eq!(last.outlook.first, 1);
    assert!(steps >= 2, "one trial on an unknown offset tells nothing");
    assert!(last.outlook.expected_regret < first.outlook.expected_regret);
}

#[test]
fn the_search_ends_for_the_reason_it_says() {
    let (model, target) = situation();
    let posterior = model.predict(&target).unwrap();
    let mut options = strict();
    options.tolerance = 0.5;
    let advice = |options: &AdviceOptions, possible: &[TrialCost]| posterior.decide(possible, options).unwrap().advice;
    assert_eq!(advice(&options, &costs(10.0)), Advice::WithinTolerance);
    options.tolerance = 0.0;
    assert_eq!(advice(&options, &[]), Advice::NothingAffordable);
    options.budget = 9.0;
    assert_eq!(advice(&options, &costs(10.0)), Advice::NothingAffordable);
    options.budget = 25.0;
    let Advice::Try(plan) = advice(&options, &costs(10.0)) else {
        panic!("two short trials are affordable");
    };
    assert!(plan.seconds <= 25.0);

    let mut known = target;
    known.trials = (0..4)
        .map(|model| Trial {
            model,
            rung: None,
            accuracy: 0.5 + 0.1 * model as f64,
        })
        .collect();
    let decision = model.predict(&known).unwrap().decide(&costs(10.0), &strict()).unwrap();
    assert_eq!(decision.outlook.first, 3);
    assert!(decision.outlook.models[3].p_best > 0.999_999);
    // What is known cannot be bettered, and rounding is no reason to go on.
    assert!(!matches!(decision.advice, Advice::Try(_)), "{:?}", decision.advice);
}

#[test]
fn a_cheaper_trial_of_equal_worth_comes_first() {
    let (model, mut target) = situation();
    target.trials.push(Trial {
        model: 2,
        rung: Some(0),
        accuracy: 0.6,
    });
    let possible = |cheap: usize| {
        [0, 1].map(|model| TrialCost {
            model,
            rung: None,
            seconds: if model == cheap { 1.0 } else { 1000.0 },
        })
    };
    for cheap in [0, 1] {
        let decision = model
            .predict(&target)
            .unwrap()
            .decide(&possible(cheap), &strict())
            .unwrap();
        let Advice::Try(plan) = decision.advice else {
            panic!("a full tuning is worth something");
        };
        assert_eq!(plan.trials[0].model, cheap);
    }
}

#[test]
fn costs_and_options_out_of_range_are_errors() {
    let (model, target) = situation();
    let posterior = model.predict(&target).unwrap();
    for (at, seconds, rung) in [(4, 1.0, None), (0, 0.0, None), (0, f64::NAN, None), (0, 1.0, Some(2))] {
        let possible = [TrialCost {
            model: at,
            rung,
            seconds,
        }];
        assert!(posterior.decide(&possible, &strict()).is_err());
    }
    let mut options = strict();
    options.tolerance = -1.0;
    assert!(posterior.decide(&[], &options).is_err());
    options.tolerance = 0.1;
    options.budget = f64::NAN;
    assert!(posterior.decide(&[], &options).is_err());
    let mut options = OutlookOptions::default();
    options.draws = 3;
    assert!(posterior.outlook(&options).is_err());
}
