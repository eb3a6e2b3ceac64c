//! The gradient of each method's loss, seen from outside: the change of the weights in one plain step is the gradient, and
//! along it the recorded loss has the difference that follows from it.

use ranktune_onnx::{Model, Tensor};
use ranktune_train::methods::{FineTune, L2Sp};
use ranktune_train::{
    BatchNorm, Keep, Method, Optimizer, Schedule, TrainOptions, TrainTargets, Trained, TrainingJob, ViewSchedule,
};

use crate::harness::{Toy, methods, model, options, run};

const WEIGHTS: [&str; 4] = ["conv.weight", "bn.weight", "ranktune.head.weight", "ranktune.head.bias"];

/// The recorded loss of one step over all samples at `rate`, and the weights after it.
fn step(model: &Model, toy: &Toy, targets: &TrainTargets, method: &dyn Method, rate: f32) -> (f64, Vec<Vec<f32>>) {
    let options = TrainOptions {
        epochs: 1,
        learning_rate: rate,
        ..options()
    };
    let trained = plain_run(model, toy, targets, method, options);
    (trained.epochs[0].loss, weights(&trained.model))
}

/// A run whose steps are over all samples, without anything beside the gradient.
fn plain_run(model: &Model, toy: &Toy, targets: &TrainTargets, method: &dyn Method, options: TrainOptions) -> Trained {
    limited_run(model, toy, targets, method, TrainOptions { clip: None, ..options })
}

/// [`plain_run`] with the limit on gradients that `options` have.
fn limited_run(
    model: &Model,
    toy: &Toy,
    targets: &TrainTargets,
    method: &dyn Method,
    options: TrainOptions,
) -> Trained {
    let options = TrainOptions {
        keep: Keep::Last,
        batch_size: toy.n_samples,
        optimizer: Optimizer::Sgd {
            momentum: 0.0,
            nesterov: false,
        },
        head_multiplier: 1.0,
        schedule: Schedule::Constant,
        weight_decay: 0.0,
        batch_norm: BatchNorm::Train,
        ..options
    };
    run(&TrainingJob {
        validation: None,
        ..toy.job(model, targets, method, &options)
    })
    .unwrap()
}

fn weights(model: &Model) -> Vec<Vec<f32>> {
    WEIGHTS
        .iter()
        .map(|name| model.graph.initializers[*name].to_f32_vec().unwrap())
        .collect()
}

#[test]
fn each_loss_changes_along_its_gradient_by_as_much_as_that_says() {
    let toy = Toy::new(12, 3);
    for (targets, outputs) in [(toy.targets(), 3), (toy.labels(), 2)] {
        for method in methods(&targets, 2) {
            // What L2-SP and DELTA add to gradients is no part of the recorded loss, the keys of Bi-Tuning move with the start, and the
            // weights of WiSE-FT are half of a step: see `reference.rs` for these.
            if ["l2-sp", "delta", "bi-tuning", "wise-ft"].contains(&method.name()) {
                continue;
            }
            let start = model(outputs);
            let rate = 1e-2;
            let (_, after) = step(&start, &toy, &targets, method.as_ref(), rate);
            let gradient: Vec<Vec<f32>> = weights(&start)
                .iter()
                .zip(&after)
                .map(|(before, after)| before.iter().zip(after).map(|(a, b)| (a - b) / rate).collect())
                .collect();
            let square: f64 = gradient.iter().flatten().map(|&value| f64::from(value).powi(2)).sum();
            let length = square.sqrt();
            assert!(length > 1e-3, "{}", method.name());
            // A step of `distance` along the gradient, either way.
            let distance = 5e-3;
            let moved = |sign: f64| {
                let mut moved = start.clone();
                for (name, gradient) in WEIGHTS.iter().zip(&gradient) {
                    let tensor = &moved.graph.initializers[*name];
                    let values: Vec<f32> = tensor
                        .to_f32_vec()
                        .unwrap()
                        .iter()
                        .zip(gradient)
                        .map(|(value, slope)| value + (sign * distance / length) as f32 * slope)
                        .collect();
                    let tensor = Tensor::from_f32(&tensor.dims.clone(), &values).unwrap();
                    moved.graph.initializers.insert((*name).to_owned(), tensor);
                }
                step(&moved, &toy, &targets, method.as_ref(), 1e-30).0
            };
            let difference = (moved(1.0) - moved(-1.0)) / (2.0 * distance);
            assert!(
                (difference - length).abs() < 0.01 * length,
                "{} on {outputs} outputs: {difference}, expected {length}",
                method.name()
            );
        }
    }
}

/// What L2-SP adds to gradients has no part in the recorded loss, so it is held against a run without it.
#[test]
fn l2_sp_pulls_the_backbone_to_its_start_and_the_head_to_zero() {
    let toy = Toy::new(12, 3);
    let targets = toy.targets();
    let (alpha, beta, rate) = (2.0_f32, 1.0_f32, 0.2_f32);
    let method = L2Sp::new(alpha, beta).unwrap();
    let start = model(3);
    let after = |model: &Model, method: &dyn Method, epochs: usize| {
        let options = TrainOptions {
            epochs,
            learning_rate: rate,
            views: ViewSchedule::Plain,
            ..options()
        };
        plain_run(model, &toy, &targets, method, options).model
    };
    // The first step has only the head to pull, since the backbone is where it started.
    let first = after(&start, &FineTune, 1);
    let pulled = after(&start, &method, 1);
    let names = WEIGHTS
        .iter()
        .zip(weights(&start))
        .zip(weights(&first).into_iter().zip(weights(&pulled)));
    for ((name, before), (plain, pulled)) in names {
        for ((start, plain), pulled) in before.iter().zip(plain).zip(&pulled) {
            let share = if name.contains("head") { rate * beta } else { 0.0 };
            assert!(
                (plain - share * start - pulled).abs() < 1e-6,
                "{name}: {pulled}, {plain} without"
            );
        }
    }
    // From there, a step without it, and what it adds by hand.
    let plain = after(&pulled, &FineTune, 1);
    let second = after(&start, &method, 2);
    let mut moved = 0.0_f32;
    for (position, name) in WEIGHTS.iter().enumerate() {
        let of = |model: &Model| weights(model).swap_remove(position);
        let rows = of(&start).into_iter().zip(of(&pulled)).zip(of(&plain)).zip(of(&second));
        for (((start, before), plain), second) in rows {
            let pull = if name.contains("head") {
                beta * before
            } else {
                alpha * (before - start)
            };
            moved = moved.max((rate * pull).abs());
            assert!(
                (plain - rate * pull - second).abs() < 2e-6,
                "{name}: {second}, {plain} without, pull {pull}"
            );
        }
    }
    assert!(moved > 1e-3, "{moved}");
}

/// The length of each part is taken from a run without a limit, and what the limit leaves of it from one with.
#[test]
fn the_backbone_and_the_head_are_limited_apart_or_together() {
    let toy = Toy::new(12, 3);
    let targets = toy.targets();
    let start = model(3);
    let moves = |clip: Option<f32>, clip_apart: bool| -> [Vec<f32>; 2] {
        let options = TrainOptions {
            epochs: 1,
            learning_rate: 1.0,
            clip,
            clip_apart,
            ..options()
        };
        let after = limited_run(&start, &toy, &targets, &FineTune, options).model;
        let mut moves = [Vec::new(), Vec::new()];
        for name in ["bn.bias", "mix.weight"].iter().chain(&WEIGHTS) {
            let of = |model: &Model| model.graph.initializers[*name].to_f32_vec().unwrap();
            let change = of(&start)
                .into_iter()
                .zip(of(&after))
                .map(|(before, after)| before - after);
            moves[usize::from(name.contains("head"))].extend(change);
        }
        moves
    };
    let free = moves(None, true);
    let lengths = free
        .each_ref()
        .map(|part| part.iter().map(|value| value * value).sum::<f32>().sqrt());
    let (shorter, longer) = (lengths[0].min(lengths[1]), lengths[0].max(lengths[1]));
    assert!(shorter > 1e-3 && longer > 1.2 * shorter, "{lengths:?}");
    let both = lengths[0].hypot(lengths[1]);
    for limit in [0.5 * shorter, 0.5 * (shorter + longer), 2.0 * both] {
        for (apart, lengths) in [(true, lengths), (false, [both; 2])] {
            for ((free, limited), length) in free.iter().zip(moves(Some(limit), apart)).zip(lengths) {
                let share = (limit / length).min(1.0);
                for (free, limited) in free.iter().zip(limited) {
                    assert!(
                        (share * free - limited).abs() < 1e-4 * longer,
                        "{limited}, expected {share} of {free}"
                    );
                }
            }
        }
    }
}
