//! What every method of the list passes.

use ranktune_train::{
    BatchInputs, BatchNorm, Keep, LoadError, Optimizer, Pick, Samples, Schedule, TrainOptions, TrainingJob,
    ViewSchedule,
};

use crate::harness::{Toy, bits, methods, model, options, run, validation};

#[test]
fn every_method_learns_a_separable_task() {
    let toy = Toy::new(60, 3);
    let targets = toy.targets();
    for method in methods(&targets, 2) {
        for batch_norm in [BatchNorm::Train, BatchNorm::Frozen] {
            let mut options = TrainOptions {
                epochs: 15,
                batch_norm,
                ..options()
            };
            method.preset(&mut options);
            let model = model(3);
            let job = toy.job(&model, &targets, method.as_ref(), &options);
            let trained = run(&job).unwrap();
            let (first, last) = (&trained.epochs[0], &trained.epochs[14]);
            let name = method.name();
            assert!(
                last.loss < 0.9 * first.loss,
                "{name} {batch_norm:?}: {} to {}",
                first.loss,
                last.loss
            );
            let found = trained.epochs[trained.chosen_epoch].validation.as_ref().unwrap();
            assert!(found.value > 0.9, "{name} {batch_norm:?}: accuracy {}", found.value);
            assert_eq!(found.metric, "accuracy");
        }
    }
}

#[test]
fn every_method_takes_every_task() {
    let toy = Toy::new(24, 3);
    for (targets, outputs) in [(toy.labels(), 2), (toy.numbers(), 1)] {
        for method in methods(&targets, 2) {
            let options = TrainOptions { epochs: 8, ..options() };
            let model = model(outputs);
            let job = toy.job(&model, &targets, method.as_ref(), &options);
            let trained = run(&job).unwrap();
            let (first, last) = (trained.epochs[0].loss, trained.epochs[7].loss);
            assert!(
                last < first,
                "{} on {outputs} outputs: {first} to {last}",
                method.name()
            );
        }
    }
}

#[test]
fn one_sample_one_class_and_fewer_samples_than_a_batch_are_fine() {
    for (n_samples, n_classes) in [(1, 1), (1, 3), (5, 1), (5, 3)] {
        let toy = Toy::new(n_samples, n_classes);
        let targets = toy.targets();
        for method in methods(&targets, 1) {
            for batch_norm in [BatchNorm::Train, BatchNorm::Frozen, BatchNorm::Auto] {
                let options = TrainOptions {
                    batch_norm,
                    ..options()
                };
                let model = model(n_classes);
                let job = TrainingJob {
                    validation: None,
                    ..toy.job(&model, &targets, method.as_ref(), &options)
                };
                let trained =
                    run(&job).unwrap_or_else(|error| panic!("{} {n_samples} {n_classes}: {error}", method.name()));
                assert_eq!((trained.epochs.len(), trained.steps), (3, 3));
                assert!(trained.epochs.iter().all(|epoch| epoch.loss.is_finite()));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_weights_bit_for_bit_and_another_does_not() {
    let toy = Toy::new(30, 3);
    let targets = toy.targets();
    for method in methods(&targets, 2) {
        let weights = |seed, load_threads| {
            let options = TrainOptions {
                seed,
                load_threads,
                ..options()
            };
            let model = model(3);
            let job = TrainingJob {
                validation: None,
                ..toy.job(&model, &targets, method.as_ref(), &options)
            };
            bits(&run(&job).unwrap().model)
        };
        let first = weights(1, 1);
        assert!(first == weights(1, 3), "{}", method.name());
        assert!(first != weights(2, 1), "{}", method.name());
    }
}

#[test]
fn linear_probing_leaves_the_backbone_as_it_was() {
    let toy = Toy::new(20, 2);
    let targets = toy.targets();
    let methods = methods(&targets, 2);
    let probe = methods.iter().find(|method| method.name() == "linear-probe").unwrap();
    for views in [ViewSchedule::Plain, ViewSchedule::Fresh] {
        let options = TrainOptions {
            views,
            batch_norm: BatchNorm::Train,
            ..options()
        };
        let model = model(2);
        let job = toy.job(&model, &targets, probe.as_ref(), &options);
        let trained = run(&job).unwrap();
        for ((name, before), (_, after)) in bits(&model).iter().zip(&bits(&trained.model)) {
            assert_eq!(before == after, !name.starts_with("ranktune.head."), "{name}");
        }
    }
}

#[test]
fn frozen_prefixes_and_schedules_and_clipping_and_adam_w_go_together() {
    let toy = Toy::new(30, 3);
    let targets = toy.targets();
    let methods = methods(&targets, 2);
    let options = TrainOptions {
        epochs: 6,
        optimizer: Optimizer::ADAM_W,
        schedule: Schedule::Cosine,
        warm_up: 0.2,
        clip: Some(1.0),
        label_smoothing: 0.1,
        freeze: vec!["conv.".to_owned()],
        ..options()
    };
    let model = model(3);
    let job = toy.job(&model, &targets, methods[0].as_ref(), &options);
    let trained = run(&job).unwrap();
    assert!(trained.epochs[5].loss < trained.epochs[0].loss);
    let weight = |model: &ranktune_onnx::Model| model.graph.initializers["conv.weight"].to_f32_vec();
    assert_eq!(weight(&model), weight(&trained.model));
}

/// The toy, counting samples loaded.
struct Counting(Toy, std::sync::atomic::AtomicUsize);

impl Samples for Counting {
    fn n_samples(&self) -> usize {
        self.0.n_samples
    }

    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError> {
        self.1.fetch_add(picks.len(), std::sync::atomic::Ordering::SeqCst);
        self.0.load(picks)
    }
}

#[test]
fn linear_probing_without_augmentation_loads_every_sample_once_and_validates_as_the_written_model_does() {
    let toy = Toy::new(20, 2);
    let targets = toy.targets();
    let counting = Counting(toy, std::sync::atomic::AtomicUsize::new(0));
    let methods = methods(&targets, 2);
    let probe = methods.iter().find(|method| method.name() == "linear-probe").unwrap();
    let options = TrainOptions {
        views: ViewSchedule::Plain,
        keep: Keep::Last,
        ..options()
    };
    let model = model(2);
    let job = TrainingJob {
        model: &model,
        samples: &counting,
        targets: &targets,
        validation: validation(&counting.0, &targets),
        method: probe.as_ref(),
        options: &options,
    };
    let trained = run(&job).unwrap();
    assert_eq!(counting.1.load(std::sync::atomic::Ordering::SeqCst), 20);
    assert_eq!(trained.batch_norm, "frozen");
    // One more epoch of the whole graph at a rate of nearly nothing validates the same weights.
    let still = TrainOptions {
        epochs: 1,
        learning_rate: 1e-30,
        views: ViewSchedule::Finite(1),
        ..options.clone()
    };
    let again = run(&TrainingJob {
        model: &trained.model,
        samples: &counting.0,
        options: &still,
        ..job
    })
    .unwrap();
    let (first, second) = (
        trained.epochs[2].validation.clone().unwrap(),
        again.epochs[0].validation.clone().unwrap(),
    );
    assert!(
        (first.loss - second.loss).abs() < 1e-5,
        "{} and {}",
        first.loss,
        second.loss
    );
    assert_eq!(first.value, second.value);
}
