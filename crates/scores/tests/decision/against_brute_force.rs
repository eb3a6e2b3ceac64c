//! Evidence, its maximum, and the posterior, against dense normals.

use proptest::prelude::*;
use ranktune_core::random::Random;
use ranktune_scores::decision::{DecisionModel, DecisionOptions, DecisionTarget, Past, Variances};

use crate::dense::{self, Item};
use crate::{Sizes, options, random_record, random_target};

fn sizes() -> impl Strategy<Value = (Sizes, u64)> {
    (3_usize..6, 1_usize..4, 1_usize..3, 0_usize..4, any::<u64>()).prop_map(
        |(models, data_sets, protocols, scores, seed)| {
            let sizes = Sizes {
                models,
                data_sets,
                protocols,
                scores,
            };
            (sizes, seed)
        },
    )
}

/// Scores with prior slopes, which make missing ones matter more.
fn with_slopes() -> DecisionOptions {
    let mut options = options();
    options.slopes = [("logme".to_owned(), 0.4)].into();
    options
}

/// The variances, and a setter for each.
type Change = fn(&mut Variances, f64);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_evidence_is_the_density_of_the_record((sizes, seed) in sizes()) {
        let past = random_record(sizes, &mut Random::new(seed));
        let options = with_slopes();
        let model = DecisionModel::fit(&past, options.clone()).unwrap();
        let columns = dense::columns(&past, None);
        let (items, _, _) = dense::items(&past, &options, &columns);
        let expected = dense::log_density(&items, &model.variances(), &options, &columns);
        let got = model.log_evidence();
        prop_assert!((got - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{got} {expected}");
    }

    #[test]
    fn the_variances_are_at_the_maximum_of_evidence_and_prior((sizes, seed) in sizes()) {
        let past = random_record(sizes, &mut Random::new(seed));
        let options = with_slopes();
        let fitted = DecisionModel::fit(&past, options.clone()).unwrap().variances();
        let columns = dense::columns(&past, None);
        let (items, _, _) = dense::items(&past, &options, &columns);
        let objective = |v: &Variances| {
            let term = |value: f64, prior: ranktune_scores::decision::VariancePrior| {
                -0.5 * ((value / prior.centre).ln() / prior.spread).powi(2)
            };
            let mut sum = dense::log_density(&items, v, &options, &columns);
            sum += term(v.model, options.model) + term(v.family, options.family) + term(v.protocol, options.protocol);
            sum += term(v.interaction, options.interaction) + term(v.slope, options.slope);
            sum += term(v.residual, options.residual) + term(v.level, options.level);
            sum += term(v.level_by_loo, options.level_by_loo) + term(v.offset, options.offset);
            for (value, rung) in v.rungs.iter().zip(&options.rungs) {
                sum += term(*value, rung.noise);
            }
            sum
        };
        let best = objective(&fitted);
        let changes: [(&str, Change); 11] = [
            ("model", |v, f| v.model *= f),
            ("family", |v, f| v.family *= f),
            ("protocol", |v, f| v.protocol *= f),
            ("interaction", |v, f| v.interaction *= f),
            ("slope", |v, f| v.slope *= f),
            ("residual", |v, f| v.residual *= f),
            ("level", |v, f| v.level *= f),
            ("level by loo", |v, f| v.level_by_loo *= f),
            ("offset", |v, f| v.offset *= f),
            ("short", |v, f| v.rungs[0] *= f),
            ("long", |v, f| v.rungs[1] *= f),
        ];
        for (name, change) in changes {
            for factor in [0.9, 1.1] {
                let mut other = fitted.clone();
                change(&mut other, factor);
                prop_assert!(objective(&other) < best, "{name} times {factor}: {} {best}", objective(&other));
            }
        }
    }

    #[test]
    fn the_posterior_is_the_conditional_of_the_dense_normal((sizes, seed) in sizes()) {
        let mut random = Random::new(seed);
        let past = random_record(sizes, &mut random);
        let target = random_target(sizes, &mut random);
        let options = with_slopes();
        let model = DecisionModel::fit(&past, options.clone()).unwrap();
        let posterior = model.predict(&target).unwrap();
        let (mean, covariance) = brute_force(&past, &target, &model.variances(), &options);
        for (i, (got, expected)) in posterior.mean().iter().zip(&mean).enumerate() {
            prop_assert!((got - expected).abs() < 1e-7, "mean of {i}: {got} {expected}");
        }
        for (i, (got, expected)) in posterior.covariance().iter().zip(&covariance).enumerate() {
            for (j, (got, expected)) in got.iter().zip(expected).enumerate() {
                prop_assert!((got - expected).abs() < 1e-8, "covariance of {i}, {j}: {got} {expected}");
            }
        }
    }
}

/// Mean and covariance of the mixture over 13 scales of the target.
fn brute_force(
    past: &Past,
    target: &DecisionTarget,
    v: &Variances,
    options: &DecisionOptions,
) -> (Vec<f64>, dense::Matrix) {
    let columns = dense::columns(past, Some(target));
    let (items, log_scale, spread) = dense::items(past, options, &columns);
    let scores: Vec<_> = target.models.iter().map(|model| &model.scores).collect();
    let (z, level) = dense::standardised(&scores, &columns);
    let item = |model: usize, rung: Option<usize>, value: f64, scale: f64| Item {
        model: target.models[model].name.clone(),
        family: target.models[model].family.clone(),
        data_set: target.data_set.clone(),
        protocol: target.protocol.clone(),
        rung,
        value,
        scores: z[model].clone(),
        scale,
        level,
    };
    let k = target.models.len();
    let mut parts = Vec::new();
    for step in -6..=6 {
        let deviation = 0.5 * f64::from(step);
        let scale = (log_scale + deviation * spread).exp();
        let mut known = items.clone();
        known.extend(target.trials.iter().map(|t| item(t.model, t.rung, t.accuracy, scale)));
        let wanted: Vec<Item> = (0..k).map(|model| item(model, None, 0.0, scale)).collect();
        let weight = dense::log_density(&known, v, options, &columns) - 0.5 * deviation * deviation;
        let (mean, covariance) = dense::condition(&known, &wanted, v, options, &columns);
        parts.push((weight, mean, covariance));
    }
    let largest = parts.iter().map(|(w, _, _)| *w).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = parts.iter().map(|(w, _, _)| (w - largest).exp()).sum();
    let weigh = |w: f64| (w - largest).exp() / total;
    let mean: Vec<f64> = (0..k)
        .map(|i| parts.iter().map(|(w, m, _)| weigh(*w) * m[i]).sum())
        .collect();
    let covariance = (0..k)
        .map(|i| {
            (0..k)
                .map(|j| {
                    let second = |(w, m, c): &(f64, Vec<f64>, dense::Matrix)| weigh(*w) * (c[i][j] + m[i] * m[j]);
                    parts.iter().map(second).sum::<f64>() - mean[i] * mean[j]
                })
                .collect()
        })
        .collect();
    (mean, covariance)
}
