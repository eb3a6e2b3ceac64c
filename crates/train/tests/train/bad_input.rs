//! Bad input and bad luck end in errors that say what to do.

use ranktune_train::{
    BatchInputs, BatchNorm, Checkpoints, ErrorKind, Interrupt, LoadError, Pick, Samples, Silent, TargetValues,
    TrainOptions, TrainTargets, TrainingJob, ViewSchedule, train,
};

use crate::harness::{Toy, methods, model, options};

static TOY: Toy = Toy::new(24, 3);

/// The error of a fine-tuning run with these settings.
fn error(
    samples: &dyn Samples,
    targets: &TrainTargets,
    outputs: usize,
    options: &TrainOptions,
) -> ranktune_train::Error {
    let methods = methods(targets, 2);
    let job = TrainingJob {
        model: &model(outputs),
        samples,
        targets,
        validation: None,
        method: methods[0].as_ref(),
        options,
    };
    train(&job, &Silent, &Interrupt::default()).unwrap_err()
}

#[test]
fn a_diverging_loss_stops_with_the_step_and_a_rate_to_try_and_keeps_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    for batch_norm in [BatchNorm::Train, BatchNorm::Frozen] {
        let options = TrainOptions {
            epochs: 50,
            learning_rate: 1e4,
            batch_norm,
            checkpoints: Some(Checkpoints::new(folder.path().join(format!("{batch_norm:?}")))),
            ..options()
        };
        let error = error(&TOY, &TOY.targets(), 3, &options);
        assert_eq!(error.kind(), ErrorKind::Diverged);
        let text = error.to_string();
        assert!(
            text.contains("step") && text.contains("try a learning rate of 1e3"),
            "{text}"
        );
    }
}

#[test]
fn targets_that_do_not_fit_samples_or_the_head_are_refused_before_training() {
    let fewer = Toy::new(20, 3);
    let text = error(&TOY, &fewer.targets(), 3, &options()).to_string();
    assert!(text.contains("24") && text.contains("20"), "{text}");
    let wrong_head = error(&TOY, &TOY.targets(), 4, &options());
    assert_eq!(wrong_head.kind(), ErrorKind::Model);
    let bad = TrainTargets::new(TargetValues::Classes {
        labels: vec![0, 3],
        n_classes: 3,
    });
    assert!(bad.unwrap_err().to_string().contains("class 3"));
    let nan = TrainTargets::new(TargetValues::Regression {
        values: vec![0.0, f32::NAN],
        n_outputs: 1,
    });
    assert_eq!(nan.unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn views_that_no_teacher_saw_are_refused() {
    let targets = TOY.targets();
    let methods = methods(&targets, 2);
    let taught = methods.iter().find(|method| method.name() == "b-tuning").unwrap();
    let options = TrainOptions {
        views: ViewSchedule::Fresh,
        ..options()
    };
    let model = model(3);
    let job = TrainingJob {
        validation: None,
        ..TOY.job(&model, &targets, taught.as_ref(), &options)
    };
    let error = train(&job, &Silent, &Interrupt::default()).unwrap_err();
    assert!(error.to_string().contains("2 views"), "{error}");
}

#[test]
fn settings_out_of_range_are_named() {
    for (options, name) in [
        (TrainOptions { epochs: 0, ..options() }, "epochs"),
        (
            TrainOptions {
                learning_rate: f32::NAN,
                ..options()
            },
            "learning rate",
        ),
        (
            TrainOptions {
                label_smoothing: 1.0,
                ..options()
            },
            "label smoothing",
        ),
        (
            TrainOptions {
                freeze: vec!["nothing.".to_owned()],
                ..options()
            },
            "nothing.",
        ),
    ] {
        let error = error(&TOY, &TOY.targets(), 3, &options);
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Breaks at one sample.
struct Broken;

impl Samples for Broken {
    fn n_samples(&self) -> usize {
        24
    }

    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError> {
        if picks.iter().any(|pick| pick.sample == 13) {
            return Err("rose/13.jpg: not an image".into());
        }
        TOY.load(picks)
    }
}

#[test]
fn a_sample_that_cannot_be_loaded_is_the_cause_of_the_error() {
    let error = error(&Broken, &TOY.targets(), 3, &options());
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "rose/13.jpg: not an image");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let options = TrainOptions {
        checkpoints: Some(Checkpoints::new(file.join("checkpoints"))),
        ..options()
    };
    let error = error(&TOY, &TOY.targets(), 3, &options);
    assert_eq!(error.kind(), ErrorKind::File);
    assert!(error.to_string().contains("checkpoints"), "{error}");
}
