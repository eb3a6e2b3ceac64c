//! Loss and gradients of three steps of each method, against PyTorch: `reference.json`, written by `experiments/methods/reference.py`.

use ranktune_nn::HostTensor;
use ranktune_onnx::{Model, Tensor};
use ranktune_train::methods::{BiTuning, CoTuning, Delta, FineTune, Lora, StochNorm};
use ranktune_train::{
    BatchInputs, BatchNorm, Keep, LoadError, Method, Optimizer, Pick, Samples, Schedule, TargetValues, TrainOptions,
    TrainTargets, TrainingJob, ViewSchedule,
};
use serde_json::Value;

use crate::harness::{FEATURES, SOURCE_CLASSES, model, options, run};

/// Steps of the reference.
const STEPS: usize = 3;

fn floats(value: &Value) -> Vec<f32> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap() as f32).collect()
}

/// The samples of the reference.
struct Given(Vec<f32>);

impl Samples for Given {
    fn n_samples(&self) -> usize {
        self.0.len() / 32
    }

    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError> {
        let rows = picks
            .iter()
            .flat_map(|pick| &self.0[pick.sample * 32..(pick.sample + 1) * 32]);
        let tensor = HostTensor::floats(&[picks.len(), 2, 4, 4], rows.copied().collect())?;
        Ok(BatchInputs {
            feeds: vec![("x".to_owned(), tensor)],
            rows: None,
        })
    }
}

/// The methods of the reference, with its settings.
fn methods() -> Vec<Box<dyn Method>> {
    let relationship = (0..3 * SOURCE_CLASSES)
        .map(|at| {
            if at % SOURCE_CLASSES == at / SOURCE_CLASSES {
                0.7
            } else {
                0.1
            }
        })
        .collect();
    vec![
        Box::new(FineTune),
        Box::new(StochNorm::default()),
        Box::new(Delta::new(vec![0.3, 0.1, 0.2, 0.1, 0.2, 0.1], 0.01, 0.01).unwrap()),
        Box::new(CoTuning::new(relationship, 2.3).unwrap()),
        Box::new(BiTuning::new(4, 0.9, 0.5, 5).unwrap()),
        Box::new(Lora::new(2, 3.0).unwrap()),
    ]
}

#[test]
fn three_steps_of_each_method_have_the_losses_and_gradients_of_pytorch() {
    let reference: Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    let mut start = model(3);
    for (name, values) in reference["weights"].as_object().unwrap() {
        let dims = start.graph.initializers[name].dims.clone();
        let tensor = Tensor::from_f32(&dims, &floats(values)).unwrap();
        start.graph.initializers.insert(name.clone(), tensor);
    }
    let samples = Given(floats(&reference["x"]));
    let n_samples = samples.n_samples();
    let labels = (0..n_samples as u32).map(|sample| sample % 3).collect();
    let targets = TrainTargets::new(TargetValues::Classes { labels, n_classes: 3 }).unwrap();
    let rate = reference["rate"].as_f64().unwrap();
    assert_eq!(FEATURES, 6);
    for method in methods() {
        let name = method.name();
        let expected = reference["methods"][name].as_array().unwrap();
        assert_eq!(expected.len(), STEPS, "{name}");
        let trained = |epochs: usize| {
            let options = TrainOptions {
                epochs,
                batch_size: n_samples,
                learning_rate: rate as f32,
                optimizer: Optimizer::Sgd {
                    momentum: 0.0,
                    nesterov: false,
                },
                head_multiplier: 1.0,
                schedule: Schedule::Constant,
                weight_decay: 0.0,
                clip: None,
                batch_norm: BatchNorm::Train,
                views: ViewSchedule::Plain,
                keep: Keep::Last,
                seed: reference["seed"].as_u64().unwrap(),
                ..options()
            };
            let job = TrainingJob {
                model: &start,
                samples: &samples,
                targets: &targets,
                validation: None,
                method: method.as_ref(),
                options: &options,
            };
            run(&job).unwrap()
        };
        let weights = |model: &Model, name: &str| model.graph.initializers[name].to_f32_vec().unwrap();
        let mut before = start.clone();
        for (step, expected) in expected.iter().enumerate() {
            let after = trained(step + 1);
            let (loss, wanted) = (after.epochs[step].loss, expected["loss"].as_f64().unwrap());
            assert!(
                (loss - wanted).abs() < 1e-4 * wanted.abs(),
                "{name}, step {step}: loss {loss}, expected {wanted}"
            );
            let gradients = expected["gradients"].as_object().unwrap();
            assert!(gradients.len() >= 3, "{name}: {:?}", gradients.keys());
            for (weight, gradient) in gradients {
                let Some(_) = after.model.graph.initializers.get(weight) else {
                    // The source classifier is not written.
                    assert_eq!(weight, "source.weight", "{name}");
                    continue;
                };
                let gradient = floats(gradient);
                let largest = gradient.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                let moves = weights(&before, weight).into_iter().zip(weights(&after.model, weight));
                for (at, ((from, to), gradient)) in moves.zip(&gradient).enumerate() {
                    let found = (f64::from(from) - f64::from(to)) / rate;
                    // The difference of two weights in f32 is exact to about 1e-6 of a gradient at this rate.
                    assert!(
                        (found - f64::from(*gradient)).abs() < 1e-4 * f64::from(largest) + 2e-6,
                        "{name}, step {step}, {weight}[{at}]: {found}, expected {gradient} (largest {largest})"
                    );
                }
            }
            before = after.model;
        }
    }
}
