//! How far a measure is due to the samples it was taken on.

use ranktune_train::Result;
use ranktune_train::methods::FineTune;
use ranktune_train::{Interrupt, Silent, TrainOptions, TrainTargets, TrainingJob, resampled};

use crate::harness::{Toy, model, options, run, validation};

const COUNT: usize = 400;

/// Fine-tunes on the toy; the recorded measure on the same samples, and the measure on resamples of them.
fn measured(toy: &Toy, targets: &TrainTargets, options: &TrainOptions, validates: bool) -> Result<(f64, Vec<f64>)> {
    let job = TrainingJob {
        model: &model(targets.columns()),
        samples: toy,
        targets,
        validation: validation(toy, targets).filter(|_| validates),
        method: &FineTune,
        options,
    };
    let trained = run(&job)?;
    let again = || resampled(&job, &trained.model, COUNT, &Silent, &Interrupt::default());
    let values = again()?.unwrap();
    assert_eq!(values, again()?.unwrap());
    let record = trained.epochs[trained.chosen_epoch].validation.as_ref();
    Ok((record.unwrap().value, values))
}

fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (square / (values.len() - 1) as f64).sqrt())
}

#[test]
fn resampled_accuracy_deviates_as_a_binomial_share_does() {
    let toy = Toy::new(60, 4);
    // After one slow epoch some samples are still wrong.
    let options = TrainOptions {
        epochs: 1,
        learning_rate: 1e-3,
        ..options()
    };
    let (share, values) = measured(&toy, &toy.targets(), &options, true).unwrap();
    assert!(share > 0.2 && share < 0.95, "{share} leaves nothing to see");
    assert_eq!(values.len(), COUNT);
    let (mean, deviation) = moments(&values);
    let expected = (share * (1.0 - share) / 60.0).sqrt();
    // Of 400 draws the mean deviates by a twentieth of the deviation, and the deviation by a twenty-eighth of itself.
    assert!((mean - share).abs() < 0.2 * expected, "{mean} against {share}");
    assert!(
        (deviation / expected - 1.0).abs() < 0.15,
        "{deviation} against {expected}"
    );
}

#[test]
fn numbers_are_measured_in_their_own_units() {
    let toy = Toy::new(40, 4);
    let options = TrainOptions {
        epochs: 10,
        ..options()
    };
    let (r2, values) = measured(&toy, &toy.numbers(), &options, true).unwrap();
    let (mean, deviation) = moments(&values);
    assert!(
        deviation > 0.0 && (mean - r2).abs() < deviation,
        "{mean} ± {deviation} against {r2}"
    );
}

#[test]
fn without_validation_samples_there_is_nothing_to_measure_on() {
    let toy = Toy::new(12, 3);
    let error = measured(&toy, &toy.targets(), &options(), false).unwrap_err();
    assert!(error.to_string().contains("validation"), "{error}");
}
