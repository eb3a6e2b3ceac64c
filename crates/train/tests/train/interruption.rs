//! Stopping and going on, checkpoints, and the records that stay whole over it.

use std::path::Path;

use ranktune_train::{
    BatchNorm, Checkpoints, ErrorKind, Interrupt, Method, Optimizer, Silent, TrainEvent, TrainObserver, TrainOptions,
    TrainOutcome, Trained, TrainingJob, train,
};

use crate::harness::{Toy, bits, methods, methods_of_classes, model, options, run};

/// Raises the flag after a number of steps.
struct StopAfter<'a> {
    steps: u64,
    interrupt: &'a Interrupt,
}

impl TrainObserver for StopAfter<'_> {
    fn event(&self, event: TrainEvent<'_>) {
        if matches!(event, TrainEvent::Step { step, .. } if step == self.steps) {
            self.interrupt.raise();
        }
    }
}

static TOY: Toy = Toy::new(30, 3);

fn with_folder(folder: &Path, options: &TrainOptions, resume: bool) -> TrainOptions {
    TrainOptions {
        checkpoints: Some(Checkpoints {
            resume,
            ..Checkpoints::new(folder.join("checkpoints"))
        }),
        log: Some(folder.join("log.jsonl")),
        tensorboard: Some(folder.join("events")),
        ..options.clone()
    }
}

/// Trains in pieces, stopped after each of `stops` steps.
fn in_pieces(method: &dyn Method, options: &TrainOptions, folder: &Path, stops: &[u64]) -> Trained {
    let targets = TOY.targets();
    let model = model(3);
    for (piece, &steps) in stops.iter().enumerate() {
        let options = with_folder(folder, options, piece > 0);
        let job = TOY.job(&model, &targets, method, &options);
        let interrupt = Interrupt::default();
        let watch = StopAfter {
            steps,
            interrupt: &interrupt,
        };
        match train(&job, &watch, &interrupt).unwrap() {
            TrainOutcome::Interrupted { step, checkpoint, .. } => {
                assert_eq!(step, steps);
                assert!(checkpoint.unwrap().is_file());
            }
            TrainOutcome::Finished(_) | TrainOutcome::Paused(_) => panic!("it was not interrupted"),
        }
    }
    let options = with_folder(folder, options, !stops.is_empty());
    run(&TOY.job(&model, &targets, method, &options)).unwrap()
}

/// The log without times.
fn log(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("log.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields = value.as_object_mut().unwrap();
            fields.remove("seconds");
            fields.remove("epoch_seconds");
            value
        })
        .collect()
}

#[test]
fn every_method_goes_on_to_the_same_bits_and_the_same_log() {
    let targets = TOY.targets();
    for method in methods_of_classes(&targets, 2) {
        for (optimizer, batch_norm) in [
            (Optimizer::SGD, BatchNorm::Train),
            (Optimizer::ADAM_W, BatchNorm::Frozen),
        ] {
            let options = TrainOptions {
                optimizer,
                batch_norm,
                ..options()
            };
            let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let expected = in_pieces(method.as_ref(), &options, whole.path(), &[]);
            // Four steps per epoch: within one, at the end of one, one more, and within the last.
            let found = in_pieces(method.as_ref(), &options, pieces.path(), &[2, 4, 5, 11]);
            assert!(bits(&expected.model) == bits(&found.model), "{}", method.name());
            assert_eq!(expected.chosen_epoch, found.chosen_epoch);
            assert_eq!(log(whole.path()), log(pieces.path()), "{}", method.name());
            assert_eq!(log(whole.path()).len(), 12 + 3);
        }
    }
}

#[test]
fn a_run_that_pauses_has_the_best_model_so_far_and_resumes_to_the_same_bits() {
    let targets = TOY.targets();
    let model = model(3);
    for method in methods_of_classes(&targets, 2) {
        let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let expected = in_pieces(method.as_ref(), &options(), whole.path(), &[]);
        // The second time it has paused there already.
        for (pause, resume) in [(1, false), (2, true), (2, true)] {
            let mut options = with_folder(pieces.path(), &options(), resume);
            options.checkpoints.as_mut().unwrap().pause_after = Some(pause);
            let job = TOY.job(&model, &targets, method.as_ref(), &options);
            let TrainOutcome::Paused(paused) = train(&job, &Silent, &Interrupt::default()).unwrap() else {
                panic!("{}: it did not pause after {pause} of 3 epochs", method.name());
            };
            assert_eq!((paused.epochs.len(), paused.steps), (pause, 4 * pause as u64));
            let records = |trained: &Trained| -> Vec<_> {
                let epochs = trained.epochs.iter().take(pause);
                epochs.map(|epoch| (epoch.loss, epoch.validation.clone())).collect()
            };
            assert_eq!(records(&paused), records(&expected), "{}", method.name());
            if paused.chosen_epoch == expected.chosen_epoch {
                assert!(bits(&paused.model) == bits(&expected.model), "{}", method.name());
            }
        }
        let options = with_folder(pieces.path(), &options(), true);
        let found = run(&TOY.job(&model, &targets, method.as_ref(), &options)).unwrap();
        assert!(bits(&expected.model) == bits(&found.model), "{}", method.name());
        assert_eq!(log(whole.path()), log(pieces.path()), "{}", method.name());
    }
}

#[test]
fn a_pause_before_the_first_epoch_is_refused() {
    let targets = TOY.targets();
    let methods = methods(&targets, 2);
    let folder = tempfile::tempdir().unwrap();
    let mut options = with_folder(folder.path(), &options(), false);
    options.checkpoints.as_mut().unwrap().pause_after = Some(0);
    let model = model(3);
    let job = TOY.job(&model, &targets, methods[0].as_ref(), &options);
    let error = train(&job, &Silent, &Interrupt::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("the epochs before a pause"), "{error}");
}

#[test]
fn what_was_logged_after_the_last_checkpoint_is_taken_back() {
    let targets = TOY.targets();
    let methods = methods(&targets, 2);
    let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    in_pieces(methods[0].as_ref(), &options(), whole.path(), &[]);
    // As kill -9 leaves it: log lines of steps that no checkpoint knows, and a checkpoint half written.
    let stopped = Interrupt::default();
    let options_a = with_folder(pieces.path(), &options(), false);
    let model = model(3);
    let job = TOY.job(&model, &targets, methods[0].as_ref(), &options_a);
    let watch = StopAfter {
        steps: 6,
        interrupt: &stopped,
    };
    assert!(matches!(
        train(&job, &watch, &stopped).unwrap(),
        TrainOutcome::Interrupted { .. }
    ));
    let path = pieces.path().join("log.jsonl");
    let text = std::fs::read_to_string(&path).unwrap() + "{\"step\":6}\n{\"ste";
    std::fs::write(&path, text).unwrap();
    std::fs::write(
        pieces
            .path()
            .join("checkpoints/.checkpoint-00000007.safetensors.incomplete"),
        b"half",
    )
    .unwrap();
    let options_b = with_folder(pieces.path(), &options(), true);
    run(&TrainingJob {
        options: &options_b,
        ..job
    })
    .unwrap();
    assert_eq!(log(whole.path()), log(pieces.path()));
}

#[test]
fn a_finished_run_resumes_to_its_result_and_old_checkpoints_go() {
    let targets = TOY.targets();
    let methods = methods(&targets, 2);
    let folder = tempfile::tempdir().unwrap();
    let first = in_pieces(methods[0].as_ref(), &options(), folder.path(), &[]);
    let options = with_folder(folder.path(), &options(), true);
    let model = model(3);
    let job = TOY.job(&model, &targets, methods[0].as_ref(), &options);
    let again = run(&job).unwrap();
    assert!(bits(&first.model) == bits(&again.model));
    assert_eq!((again.steps_timed, again.epochs.len()), (0, 3));
    assert_eq!(first.model.graph.inputs, again.model.graph.inputs);
    let files = std::fs::read_dir(folder.path().join("checkpoints")).unwrap().flatten();
    let names: Vec<String> = files.map(|file| file.file_name().into_string().unwrap()).collect();
    assert_eq!(
        names.iter().filter(|name| name.starts_with("checkpoint-")).count(),
        2,
        "{names:?}"
    );
    assert!(
        names.iter().filter(|name| name.starts_with("best-")).count() <= 2,
        "{names:?}"
    );
}

#[test]
fn a_checkpoint_of_something_else_is_refused_with_what_differs() {
    let targets = TOY.targets();
    let all = methods(&targets, 2);
    let folder = tempfile::tempdir().unwrap();
    in_pieces(all[0].as_ref(), &options(), folder.path(), &[]);
    let refused = |model: &ranktune_onnx::Model, method: &dyn Method, options: &TrainOptions, resume: bool| {
        let options = with_folder(folder.path(), options, resume);
        let job = TOY.job(model, &targets, method, &options);
        let error = train(&job, &Silent, &Interrupt::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Checkpoint, "{error}");
        error.to_string()
    };
    let same = model(3);
    let mut other = model(3);
    let bias = other.graph.initializers.get_mut("bn.bias").unwrap();
    *bias = ranktune_onnx::Tensor::from_f32(&bias.dims.clone(), &[0.2; 6]).unwrap();
    assert!(refused(&other, all[0].as_ref(), &options(), true).contains("another model"));
    assert!(refused(&same, all[1].as_ref(), &options(), true).contains("another method"));
    let faster = TrainOptions {
        learning_rate: 0.5,
        ..options()
    };
    let message = refused(&same, all[0].as_ref(), &faster, true);
    assert!(
        message.contains("learning_rate") && message.contains("0.5"),
        "{message}"
    );
    assert!(refused(&same, all[0].as_ref(), &options(), false).contains("resume"));
    let newest = folder.path().join("checkpoints/checkpoint-00000012.safetensors");
    let bytes = std::fs::read(&newest).unwrap();
    std::fs::write(&newest, &bytes[..bytes.len() - 5]).unwrap();
    assert!(refused(&same, all[0].as_ref(), &options(), true).contains("not a complete checkpoint"));
}
