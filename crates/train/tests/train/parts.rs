//! A batch that runs in parts to fit into a limit of memory, against the same batch as a whole.

use ranktune_train::methods::{Bss, FineTune};
use ranktune_train::{BatchNorm, ErrorKind, Keep, Method, TrainOptions, Trained, TrainingJob};

use crate::harness::{Toy, methods, model, options, run};

/// Bytes with which a few samples of the model fit at a time.
const FEW: u64 = 12 << 10;

fn trained(method: &dyn Method, batch_norm: BatchNorm, memory: Option<u64>) -> ranktune_train::Result<Trained> {
    let toy = Toy::new(24, 3);
    let options = TrainOptions {
        epochs: 2,
        batch_size: 12,
        batch_norm,
        memory,
        keep: Keep::Last,
        ..options()
    };
    run(&TrainingJob {
        validation: None,
        ..toy.job(&model(3), &toy.targets(), method, &options)
    })
}

fn weights(trained: &Trained) -> Vec<(String, Vec<f32>)> {
    let tensors = trained.model.graph.initializers.iter();
    let floats = tensors.filter_map(|(name, tensor)| Some((name.clone(), tensor.to_f32_vec()?)));
    floats.collect()
}

/// The largest difference of a weight, relative to the largest weight of its tensor.
fn difference(left: &Trained, right: &Trained) -> f32 {
    let (left, right) = (weights(left), weights(right));
    assert_eq!(left.len(), right.len());
    let mut largest = 0.0_f32;
    for ((name, left), (other, right)) in left.iter().zip(&right) {
        assert_eq!(name, other);
        let scale = left.iter().fold(1e-3_f32, |scale, value| scale.max(value.abs()));
        for (left, right) in left.iter().zip(right) {
            largest = largest.max((left - right).abs() / scale);
        }
    }
    largest
}

#[test]
fn with_frozen_statistics_a_batch_in_parts_gives_the_weights_of_the_whole_batch() {
    let toy = Toy::new(24, 3);
    for method in methods(&toy.targets(), 2) {
        let method = method.as_ref();
        if ["bss", "bi-tuning", "delta"].contains(&method.name()) {
            continue;
        }
        let whole = trained(method, BatchNorm::Frozen, None).unwrap();
        let parts = trained(method, BatchNorm::Frozen, Some(FEW)).unwrap();
        assert_eq!(whole.micro_batch, None);
        if method.name() == "stoch-norm" {
            // It uses the statistics of the batch whatever the option says.
            continue;
        }
        if !method.trains_backbone() {
            let reason = "nothing is kept below a frozen backbone, so all fits";
            assert_eq!(parts.micro_batch, None, "{}: {reason}", method.name());
            continue;
        }
        let size = parts
            .micro_batch
            .unwrap_or_else(|| panic!("{}: all fits", method.name()));
        assert!((1..12).contains(&size), "{}: {size}", method.name());
        let found = difference(&whole, &parts);
        assert!(found < 1e-4, "{}: {found}", method.name());
        let (left, right) = (whole.epochs[1].loss, parts.epochs[1].loss);
        assert!(
            (left - right).abs() < 1e-4 * left.abs().max(1.0),
            "{}: {left} {right}",
            method.name()
        );
    }
}

#[test]
fn with_statistics_of_the_batch_parts_change_the_weights() {
    let whole = trained(&FineTune, BatchNorm::Train, None).unwrap();
    let parts = trained(&FineTune, BatchNorm::Train, Some(FEW)).unwrap();
    assert!(difference(&whole, &parts) > 1e-3);
}

#[test]
fn a_loss_of_the_whole_batch_is_refused_with_a_batch_size_to_try() {
    let error = trained(&Bss::default(), BatchNorm::Frozen, Some(FEW)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("--batch-size"), "{error}");
}

#[test]
fn a_limit_below_one_sample_is_refused_with_the_estimate() {
    let error = trained(&FineTune, BatchNorm::Frozen, Some(100)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("with one sample"), "{error}");
}
