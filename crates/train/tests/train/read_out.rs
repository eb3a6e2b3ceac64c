//! B-Tuning's read-out is combined with the exported head, and does not change training.

use ranktune_nn::head::{BIAS, WEIGHT};
use ranktune_onnx::Model;
use ranktune_train::methods::{BTuning, FineTune};
use ranktune_train::{BatchNorm, ErrorKind, Keep, TrainOptions, TrainTargets, Trained};

use crate::harness::{FEATURES, Toy, bits, model, noise, options, run, teachers};

const CLASSES: usize = 3;

static TOY: Toy = Toy::new(30, CLASSES);

/// m_t `[d, c]`.
fn weights(columns: usize) -> Vec<f32> {
    (0..FEATURES * columns).map(|at| 0.5 * noise(at, 9)).collect()
}

fn tuned(targets: &TrainTargets, read_out: f32, keep: Keep) -> ranktune_train::Result<Trained> {
    let columns = targets.columns();
    let method = BTuning::new(teachers(targets, 2), weights(columns), 1.0)?.with_read_out(read_out)?;
    let options = TrainOptions { keep, ..options() };
    let model = model(columns);
    run(&TOY.job(&model, targets, &method, &options))
}

fn values(model: &Model, name: &str) -> Vec<f32> {
    model.graph.initializers[name].to_f32_vec().unwrap()
}

#[test]
fn the_written_head_is_the_mean_of_the_trained_one_and_the_read_out() {
    let targets = TOY.targets();
    let [without, with] = [0.0, 2.5].map(|read_out| tuned(&targets, read_out, Keep::Last).unwrap());
    let m = weights(CLASSES);
    let [trained, written] = [&without, &with].map(|trained| values(&trained.model, WEIGHT));
    for (at, (trained, written)) in trained.iter().zip(&written).enumerate() {
        let (class, feature) = (at / FEATURES, at % FEATURES);
        let expected = (trained + 2.5 * m[feature * CLASSES + class]) / 2.0;
        assert!((written - expected).abs() < 1e-6, "{written}, expected {expected}");
    }
    let [trained, written] = [&without, &with].map(|trained| values(&trained.model, BIAS));
    for (trained, written) in trained.iter().zip(&written) {
        assert!((written - trained / 2.0).abs() < 1e-6, "{written}, trained {trained}");
    }
    // What is trained does not depend on it: neither the losses nor any other weight.
    let rest = |trained: &Trained| {
        let mut bits = bits(&trained.model);
        bits.retain(|(name, _)| name != WEIGHT && name != BIAS);
        bits
    };
    assert_eq!(rest(&without), rest(&with));
    let losses = |trained: &Trained| {
        trained
            .epochs
            .iter()
            .map(|epoch| epoch.loss.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(losses(&without), losses(&with));
    // ValidationSet is of the head with it.
    let validated = |trained: &Trained| trained.epochs[0].validation.as_ref().unwrap().loss;
    assert!((validated(&without) - validated(&with)).abs() > 1e-3);
}

#[test]
fn the_best_epoch_is_written_with_the_read_out_too() {
    let targets = TOY.targets();
    let trained = tuned(&targets, 2.5, Keep::Best).unwrap();
    let recorded = trained.epochs[trained.chosen_epoch].validation.as_ref().unwrap();
    // Validating the exported model gives the recorded loss.
    let options = TrainOptions {
        learning_rate: 1e-30,
        epochs: 1,
        batch_norm: BatchNorm::Frozen,
        ..options()
    };
    let again = run(&TOY.job(&trained.model, &targets, &FineTune, &options)).unwrap();
    let found = again.epochs[0].validation.as_ref().unwrap();
    assert!(
        (found.loss - recorded.loss).abs() < 1e-6,
        "{found:?}, recorded {recorded:?}"
    );
}

#[test]
fn a_read_out_of_labels_or_numbers_is_refused_before_training() {
    for targets in [TOY.labels(), TOY.numbers()] {
        let error = tuned(&targets, 1.0, Keep::Last).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.to_string().contains("every sample has one class"), "{error}");
    }
    let broken = BTuning::new(teachers(&TOY.targets(), 2), weights(CLASSES), 1.0).unwrap();
    assert!(broken.clone().with_read_out(f32::NAN).is_err() && broken.with_read_out(-1.0).is_err());
}
