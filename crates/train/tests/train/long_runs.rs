//! Early stopping, a budget of time, the moving average of the weights, and weights of classes.

use ranktune_onnx::{Model, Tensor};
use ranktune_train::methods::FineTune;
use ranktune_train::{
    Checkpoints, ClassWeights, ErrorKind, Interrupt, Keep, Schedule, Silent, Stopped, TargetValues, TrainOptions,
    TrainOutcome, TrainTargets, TrainingJob, train,
};

use crate::harness::{FEATURES, Toy, bits, model, options, run};

static TOY: Toy = Toy::new(30, 3);

#[test]
fn a_run_ends_where_its_validation_has_not_risen_for_as_long_as_it_has_patience() {
    let targets = TOY.targets();
    let start = model(3);
    let options = TrainOptions {
        epochs: 60,
        patience: Some(2),
        learning_rate: 0.05,
        ..options()
    };
    let trained = run(&TOY.job(&start, &targets, &FineTune, &options)).unwrap();
    assert_eq!(trained.stopped, Some(Stopped::Patience));
    assert_eq!(trained.epochs.len(), trained.chosen_epoch + 3);
    // Resumed, it is at its end already.
    let folder = tempfile::tempdir().unwrap();
    let with_folder = |resume: bool| TrainOptions {
        checkpoints: Some(Checkpoints {
            resume,
            ..Checkpoints::new(folder.path())
        }),
        ..options.clone()
    };
    let first = with_folder(false);
    assert!(bits(&run(&TOY.job(&start, &targets, &FineTune, &first)).unwrap().model) == bits(&trained.model));
    let second = with_folder(true);
    let again = run(&TOY.job(&start, &targets, &FineTune, &second)).unwrap();
    assert_eq!((again.steps_timed, again.stopped), (0, Some(Stopped::Patience)));
    assert!(bits(&again.model) == bits(&trained.model));
}

#[test]
fn patience_without_validation_samples_is_refused() {
    let targets = TOY.targets();
    let start = model(3);
    let options = TrainOptions {
        patience: Some(2),
        ..options()
    };
    let job = TrainingJob {
        validation: None,
        ..TOY.job(&start, &targets, &FineTune, &options)
    };
    let error = train(&job, &Silent, &Interrupt::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("hold some samples out"), "{error}");
}

#[test]
fn no_epoch_starts_that_does_not_fit_into_the_budget_and_one_always_runs() {
    let targets = TOY.targets();
    let start = model(3);
    let options = TrainOptions {
        epochs: 1000,
        seconds: Some(1e-9),
        ..options()
    };
    let trained = run(&TOY.job(&start, &targets, &FineTune, &options)).unwrap();
    assert_eq!((trained.stopped, trained.epochs.len()), (Some(Stopped::Budget), 1));
}

/// The average by hand, from the weights after each of six steps.
#[test]
fn the_written_weights_are_the_moving_average_by_hand() {
    let targets = TOY.targets();
    let start = model(3);
    let weights = |model: &Model, name: &str| model.graph.initializers[name].to_f32_vec().unwrap();
    let after = |epochs: usize, ema: Option<f32>| {
        let options = TrainOptions {
            epochs,
            ema,
            // One step an epoch, and a rate that does not depend on the number of epochs.
            batch_size: TOY.n_samples,
            schedule: Schedule::Constant,
            keep: Keep::Last,
            ..options()
        };
        run(&TOY.job(&start, &targets, &FineTune, &options)).unwrap().model
    };
    for name in ["conv.weight", "bn.running_mean", "ranktune.head.weight"] {
        let mut average: Vec<f64> = Vec::new();
        for step in 0..6 {
            let now = weights(&after(step + 1, None), name);
            if average.is_empty() {
                average = now.iter().map(|&value| f64::from(value)).collect();
                continue;
            }
            let kept = 0.3_f64.min((1.0 + step as f64) / (10.0 + step as f64));
            for (average, now) in average.iter_mut().zip(now) {
                *average = kept * *average + (1.0 - kept) * f64::from(now);
            }
        }
        let found = weights(&after(6, Some(0.3)), name);
        for (found, expected) in found.iter().zip(&average) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-6,
                "{name}: {found}, expected {expected}"
            );
        }
    }
}

#[test]
fn a_run_with_a_moving_average_resumes_to_the_same_bits() {
    let targets = TOY.targets();
    let start = model(3);
    let ema = TrainOptions {
        ema: Some(0.9),
        ..options()
    };
    let whole = run(&TOY.job(&start, &targets, &FineTune, &ema)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (pause, resume) in [(Some(1), false), (None, true)] {
        let options = TrainOptions {
            checkpoints: Some(Checkpoints {
                resume,
                pause_after: pause,
                ..Checkpoints::new(folder.path())
            }),
            ..ema.clone()
        };
        let job = TOY.job(&start, &targets, &FineTune, &options);
        match train(&job, &Silent, &Interrupt::default()).unwrap() {
            TrainOutcome::Paused(_) => assert!(pause.is_some()),
            TrainOutcome::Finished(found) => assert!(bits(&found.model) == bits(&whole.model)),
            TrainOutcome::Interrupted { .. } => panic!("nobody stopped it"),
        }
    }
    let plain = run(&TOY.job(&start, &targets, &FineTune, &options())).unwrap();
    assert!(bits(&plain.model) != bits(&whole.model));
}

#[test]
fn balanced_classes_weigh_the_rare_ones_up_and_other_targets_are_refused() {
    let toy = Toy::new(12, 3);
    let labels = (0..12).map(|sample| u32::from(sample >= 9)).collect();
    let targets = TrainTargets::new(TargetValues::Classes { labels, n_classes: 3 }).unwrap();
    let balanced = TrainOptions {
        epochs: 1,
        batch_size: 12,
        class_weights: ClassWeights::Balanced,
        ..options()
    };
    // A head whose bias favours class 0 by 2: at zero features the loss of a row is ln(e² + 2) − 2 or ln(e² + 2).
    let mut start = model(3);
    let initializers = &mut start.graph.initializers;
    for (name, dims, values) in [
        ("ranktune.head.weight", vec![3, FEATURES], vec![0.0; 3 * FEATURES]),
        ("ranktune.head.bias", vec![3], vec![2.0, 0.0, 0.0]),
    ] {
        initializers.insert(name.to_owned(), Tensor::from_f32(&dims, &values).unwrap());
    }
    let loss = |options: &TrainOptions| {
        let job = TrainingJob {
            validation: None,
            ..toy.job(&start, &targets, &FineTune, options)
        };
        run(&job).unwrap().epochs[0].loss
    };
    let rare = (2.0_f64.exp() + 2.0).ln();
    let usual = rare - 2.0;
    let plain = TrainOptions {
        class_weights: ClassWeights::None,
        ..balanced.clone()
    };
    assert!((loss(&plain) - (0.75 * usual + 0.25 * rare)).abs() < 1e-5);
    assert!((loss(&balanced) - 0.5 * (usual + rare)).abs() < 1e-5);

    let (multi, two) = (toy.labels(), model(2));
    let error = train(
        &toy.job(&two, &multi, &FineTune, &balanced),
        &Silent,
        &Interrupt::default(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("one class per sample"), "{error}");
}
