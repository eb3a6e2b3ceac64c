//! The written model: another engine computes what the trainable graph does, in the data's units, at any batch size.

use ranktune_nn::{Feed, GraphOptions, TrainableGraph};
use ranktune_onnx::{Dim, Model};
use ranktune_train::{
    BatchNorm, EVALUATION_VIEW, Pick, Samples, TargetValues, TrainOptions, TrainTargets, TrainingJob,
};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::harness::{Toy, methods, methods_of_classes, model, options, run};

/// Logits `[n, c]` of samples `0..n` by rten, from the written bytes.
fn by_rten(model: &Model, toy: &Toy, n: usize) -> Vec<f32> {
    let engine = rten::Model::load(model.to_bytes().unwrap()).unwrap();
    let input: Vec<f32> = (0..n)
        .flat_map(|sample| {
            toy.values(Pick {
                sample,
                view: EVALUATION_VIEW,
            })
        })
        .collect();
    let input = NdTensor::from_data([n, 2, 4, 4], input);
    let (x, logits) = (engine.node_id("x").unwrap(), engine.node_id("logits").unwrap());
    let mut outputs = engine.run(vec![(x, input.into())], &[logits], None).unwrap();
    let output: NdTensor<f32, 2> = outputs.remove(0).try_into().unwrap();
    output.to_vec()
}

fn by_graph(model: &Model, toy: &Toy, n: usize) -> Vec<f32> {
    let picks: Vec<Pick> = (0..n)
        .map(|sample| Pick {
            sample,
            view: EVALUATION_VIEW,
        })
        .collect();
    let graph = TrainableGraph::new(model, GraphOptions::default()).unwrap();
    let feeds = toy.load(&picks).unwrap().feeds;
    let feeds: Vec<(&str, Feed)> = feeds
        .iter()
        .map(|(name, tensor)| (name.as_str(), Feed::from(tensor.clone())))
        .collect();
    graph
        .evaluate(&feeds)
        .unwrap()
        .output("logits")
        .unwrap()
        .to_values()
        .unwrap()
}

#[test]
fn another_engine_computes_the_same_logits_and_the_recorded_accuracy() {
    let toy = Toy::new(30, 3);
    let targets = toy.targets();
    for method in methods_of_classes(&targets, 2) {
        for batch_norm in [BatchNorm::Train, BatchNorm::Frozen] {
            let options = TrainOptions {
                batch_norm,
                ..options()
            };
            let model = model(3);
            let job = toy.job(&model, &targets, method.as_ref(), &options);
            let trained = run(&job).unwrap();
            let graph = &trained.model.graph;
            assert_eq!(
                graph
                    .outputs
                    .iter()
                    .map(|output| output.name.as_str())
                    .collect::<Vec<_>>(),
                ["logits"]
            );
            assert!(matches!(graph.inputs[0].shape.as_ref().unwrap()[0], Dim::Named(_)));
            let (found, expected) = (by_rten(&trained.model, &toy, 30), by_graph(&trained.model, &toy, 30));
            let scale = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-3 * scale, "{found}, expected {expected}");
            }
            let right = found.chunks_exact(3).enumerate().filter(|(sample, row)| {
                let best = (0..3).max_by(|&a, &b| row[a].total_cmp(&row[b]));
                best == Some(toy.class(*sample))
            });
            let recorded = trained.epochs[trained.chosen_epoch].validation.as_ref().unwrap().value;
            assert!((right.count() as f64 / 30.0 - recorded).abs() < 1e-9);
        }
    }
}

#[test]
fn a_regression_model_gives_the_units_of_the_data() {
    let toy = Toy::new(30, 3);
    let targets = toy.numbers();
    for method in methods(&targets, 2) {
        let options = TrainOptions {
            epochs: 30,
            learning_rate: 0.005,
            ..options()
        };
        let model = model(1);
        let job = toy.job(&model, &targets, method.as_ref(), &options);
        let trained = run(&job).unwrap();
        let found = by_rten(&trained.model, &toy, 30);
        let truth: Vec<f32> = (0..30).map(|sample| 1000.0 + 60.0 * toy.class(sample) as f32).collect();
        let error = found
            .iter()
            .zip(&truth)
            .map(|(found, truth)| (found - truth).powi(2))
            .sum::<f32>()
            / 30.0;
        let r2 = 1.0 - f64::from(error) / 2400.0;
        let recorded = trained.epochs[trained.chosen_epoch].validation.as_ref().unwrap();
        let curve: Vec<f64> = trained
            .epochs
            .iter()
            .map(|epoch| epoch.validation.as_ref().map_or(0.0, |found| found.value))
            .collect();
        assert!(r2 > 0.5, "{}: r2 {r2} {curve:.2?}", method.name());
        assert!((recorded.value - r2).abs() < 0.01, "{r2}, recorded {}", recorded.value);
    }
}

#[test]
fn a_constant_regression_target_is_learnt() {
    let toy = Toy::new(8, 2);
    let targets = TrainTargets::new(TargetValues::Regression {
        values: vec![7.5; 8],
        n_outputs: 1,
    })
    .unwrap();
    let methods = methods(&targets, 2);
    let (model, options) = (model(1), options());
    let job = TrainingJob {
        validation: None,
        ..toy.job(&model, &targets, methods[0].as_ref(), &options)
    };
    let found = by_rten(&run(&job).unwrap().model, &toy, 8);
    assert!(found.iter().all(|value| (value - 7.5).abs() < 0.5), "{found:?}");
}
