//! TrainTargets by row: sentences of different lengths with a class for some of their tokens.

use std::collections::BTreeMap;

use ranktune_nn::HostTensor;
use ranktune_onnx::{DataType, Dim, Graph as OnnxGraph, Model, Node, Tensor, ValueInfo};
use ranktune_train::methods::{BTuning, FineTune};
use ranktune_train::{
    BatchInputs, LoadError, Method, Pick, Samples, TargetValues, TeacherPredictions, TrainOptions, TrainTargets,
    TrainingJob, ValidationSet,
};

use crate::harness::{noise, options, run};

/// `x [n, tokens, 4]` → a matrix product as features `[n, tokens, 3]`, and a linear layer `[n, tokens, 2]`.
fn model() -> Model {
    let node = |op_type: &str, inputs: &[&str], output: &str| Node {
        name: output.to_owned(),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: BTreeMap::new(),
    };
    let value = |name: &str, last: usize| ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::F32),
        shape: Some(vec![
            Dim::Named("n".to_owned()),
            Dim::Named("t".to_owned()),
            Dim::Fixed(last),
        ]),
    };
    let matrix = |rows: usize, columns: usize| {
        let values: Vec<f32> = (0..rows * columns).map(|at| 0.5 * noise(at, rows)).collect();
        Tensor::from_f32(&[rows, columns], &values).unwrap()
    };
    Model {
        ir_version: 9,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: OnnxGraph {
            name: "tokens".to_owned(),
            nodes: vec![
                node("MatMul", &["x", "layer.weight"], "ranktune.features"),
                node("MatMul", &["ranktune.features", "ranktune.head.weight"], "logits"),
            ],
            initializers: [
                ("layer.weight".to_owned(), matrix(4, 3)),
                ("ranktune.head.weight".to_owned(), matrix(3, 2)),
            ]
            .into(),
            inputs: vec![value("x", 4)],
            outputs: vec![value("logits", 2)],
            value_info: Vec::new(),
        },
        path: None,
    }
}

/// Sentences of 1 to 5 tokens; every token but the last of a longer one has a class.
struct Sentences;

impl Sentences {
    fn tokens(sample: usize) -> usize {
        1 + sample % 5
    }

    fn labelled(sample: usize) -> usize {
        Self::tokens(sample).saturating_sub(1).max(1)
    }

    fn class(sample: usize, token: usize) -> u32 {
        ((sample + token) % 2) as u32
    }

    fn targets() -> TrainTargets {
        let (mut labels, mut offsets) = (Vec::new(), vec![0]);
        for sample in 0..20 {
            labels.extend((0..Self::labelled(sample)).map(|token| Self::class(sample, token)));
            offsets.push(labels.len());
        }
        TrainTargets::by_row(TargetValues::Classes { labels, n_classes: 2 }, offsets).unwrap()
    }
}

impl Samples for Sentences {
    fn n_samples(&self) -> usize {
        20
    }

    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError> {
        let longest = picks.iter().map(|pick| Self::tokens(pick.sample)).max().unwrap_or(1);
        let (mut values, mut rows) = (vec![0.0; picks.len() * longest * 4], Vec::new());
        for (at, pick) in picks.iter().enumerate() {
            for token in 0..Self::tokens(pick.sample) {
                let start = (at * longest + token) * 4;
                let sign = 2.0 * Self::class(pick.sample, token) as f32 - 1.0;
                for (k, value) in values[start..start + 4].iter_mut().enumerate() {
                    *value = sign * (1.0 + k as f32) / 4.0 + 0.2 * noise(pick.sample * 5 + token, k);
                }
            }
            rows.extend((0..Self::labelled(pick.sample)).map(|token| at * longest + token));
        }
        let feeds = vec![("x".to_owned(), HostTensor::floats(&[picks.len(), longest, 4], values)?)];
        Ok(BatchInputs {
            feeds,
            rows: Some(rows),
        })
    }
}

#[test]
fn tokens_of_sentences_are_learnt_with_and_without_teachers() {
    let targets = Sentences::targets();
    let TargetValues::Classes { labels, .. } = targets.values() else {
        panic!("classes")
    };
    let taught: Vec<f32> = labels
        .iter()
        .flat_map(|&label| [1.0 - label as f32, label as f32])
        .collect();
    let teachers = TeacherPredictions::new(taught, 1, 2).unwrap();
    let b_tuning = BTuning::new(teachers, (0..6).map(|at| noise(at, 2)).collect(), 1.0).unwrap();
    let methods: [&dyn Method; 2] = [&FineTune, &b_tuning];
    for method in methods {
        let options = TrainOptions {
            epochs: 20,
            learning_rate: 0.03,
            ..options()
        };
        let trained = run(&TrainingJob {
            model: &model(),
            samples: &Sentences,
            targets: &targets,
            validation: Some(ValidationSet {
                samples: &Sentences,
                targets: &targets,
                metric: None,
            }),
            method,
            options: &options,
        })
        .unwrap();
        let value = trained.epochs[trained.chosen_epoch].validation.as_ref().unwrap().value;
        assert!(value > 0.95, "{}: {value}", method.name());
    }
}
