//! Heads on tokens: pooling and pairs against sums by hand, their gradients against differences, and rten on the same graphs.

use std::collections::BTreeMap;

use ranktune_nn::head::{POOLED, WEIGHT};
use ranktune_nn::{
    FeatureLayout, Feed, GraphOptions, Head, HeadRows, HostTensor, Mode, SequencePooling, TrainableGraph, with_head,
};
use ranktune_onnx::{DataType, Dim, Graph as OnnxGraph, Model, Node, Tensor, ValueInfo};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::harness::noise;

/// Rows of the embedding, and features of a token.
const WORDS: usize = 7;
const WIDTH: usize = 3;

/// `input_ids [batch, sequence]` → rows of a table, and a mask that only a head may need.
fn model(opset: i64) -> Model {
    let input = |name: &str| ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::I64),
        shape: Some(["batch", "sequence"].map(|name| Dim::Named(name.to_owned())).to_vec()),
    };
    Model {
        ir_version: 9,
        opsets: [(String::new(), opset)].into(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: OnnxGraph {
            name: "tokens".to_owned(),
            nodes: vec![Node {
                name: "lookup".to_owned(),
                op_type: "Gather".to_owned(),
                domain: String::new(),
                inputs: vec!["table".to_owned(), "input_ids".to_owned()],
                outputs: vec!["hidden".to_owned()],
                attributes: BTreeMap::new(),
            }],
            initializers: [("table".to_owned(), table())].into(),
            inputs: vec![input("input_ids"), input("attention_mask")],
            outputs: vec![ValueInfo {
                name: "hidden".to_owned(),
                data_type: Some(DataType::F32),
                shape: None,
            }],
            value_info: Vec::new(),
        },
        path: None,
    }
}

fn table() -> Tensor {
    let values: Vec<f32> = (0..WORDS * WIDTH).map(|at| noise(at, 5)).collect();
    Tensor::from_f32(&[WORDS, WIDTH], &values).unwrap()
}

fn tokens(pooling: SequencePooling, masked: bool) -> FeatureLayout {
    FeatureLayout::Tokens {
        pooling,
        mask: masked.then(|| "attention_mask".to_owned()),
    }
}

fn head(layout: FeatureLayout, rows: HeadRows) -> Head {
    Head {
        layout,
        rows,
        deviation: 0.5,
        ..Head::new("hidden", WIDTH, 2)
    }
}

/// Sequences and their mask, `[rows, length]`.
struct Batch {
    rows: usize,
    ids: Vec<i64>,
    mask: Vec<i64>,
}

impl Batch {
    fn length(&self) -> usize {
        self.ids.len() / self.rows
    }

    fn tensors(&self) -> [(&'static str, HostTensor); 2] {
        let dims = [self.rows, self.length()];
        [("input_ids", &self.ids), ("attention_mask", &self.mask)]
            .map(|(name, values)| (name, HostTensor::ints(&dims, values.clone()).unwrap()))
    }

    fn feeds(&self) -> [(&'static str, Feed); 2] {
        self.tensors().map(|(name, tensor)| (name, Feed::from(tensor)))
    }

    /// The features of the tokens of a row that count, by hand.
    fn features(&self, row: usize, masked: bool) -> Vec<Vec<f64>> {
        let table = table().to_f32_vec().unwrap();
        let places = row * self.length()..(row + 1) * self.length();
        let counts = places.filter(|&at| !masked || self.mask[at] == 1);
        counts
            .map(|at| {
                let word = self.ids[at] as usize * WIDTH;
                table[word..word + WIDTH]
                    .iter()
                    .map(|&value| f64::from(value))
                    .collect()
            })
            .collect()
    }

    /// The pooled features of a row, by hand.
    fn pooled(&self, row: usize, pooling: SequencePooling, masked: bool) -> Vec<f64> {
        let features = self.features(row, masked);
        let zeros = vec![0.0; WIDTH];
        match pooling {
            SequencePooling::First => features.first().cloned().unwrap_or(zeros),
            SequencePooling::Last => features.last().cloned().unwrap_or(zeros),
            SequencePooling::Mean => {
                let count = features.len().max(1) as f64;
                (0..WIDTH)
                    .map(|at| features.iter().map(|token| token[at]).sum::<f64>() / count)
                    .collect()
            }
        }
    }
}

/// Padding behind, before, nowhere and everywhere; a batch of another size and length.
fn batches() -> [Batch; 2] {
    [
        Batch {
            rows: 4,
            ids: vec![1, 2, 3, 0, 0, 0, 4, 5, 6, 1, 2, 1, 0, 0, 0, 0],
            mask: vec![1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
        },
        Batch {
            rows: 2,
            ids: vec![6, 5, 4, 3, 3, 1, 2, 0, 0, 0],
            mask: vec![1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
        },
    ]
}

fn close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (f64::from(*found) - expected).abs() < 1e-5,
            "{what}: {found}, expected {expected}"
        );
    }
}

fn run(model: &Model, batch: &Batch, output: &str) -> (Vec<usize>, Vec<f32>) {
    let options = GraphOptions {
        outputs: vec![output.to_owned()],
        ..GraphOptions::default()
    };
    let pass = TrainableGraph::new(model, options)
        .unwrap()
        .evaluate(&batch.feeds())
        .unwrap();
    let found = pass.output(output).unwrap();
    (found.dims(), found.to_values().unwrap())
}

fn logits_by_rten(model: &Model, batch: &Batch) -> Vec<f32> {
    let engine = rten::Model::load(model.to_bytes().unwrap()).unwrap();
    let shape = [batch.rows, batch.length()];
    let narrow = |values: &[i64]| values.iter().map(|&value| value as i32).collect::<Vec<i32>>();
    let inputs = [("input_ids", &batch.ids), ("attention_mask", &batch.mask)];
    let inputs = inputs.map(|(name, values)| {
        let tensor = NdTensor::from_data(shape, narrow(values));
        (engine.node_id(name).unwrap(), tensor.into())
    });
    let wanted = engine.node_id("logits").unwrap();
    let [logits] = engine.run_n(inputs.to_vec(), [wanted], None).unwrap();
    let logits: rten_tensor::Tensor<f32> = logits.try_into().unwrap();
    logits.to_vec()
}

#[test]
fn tokens_are_pooled_as_by_hand_wherever_the_padding_is() {
    for opset in [12, 17, 18] {
        for pooling in [SequencePooling::Mean, SequencePooling::First, SequencePooling::Last] {
            for masked in [true, false] {
                let headed = with_head(&model(opset), &head(tokens(pooling, masked), HeadRows::Single)).unwrap();
                for batch in batches() {
                    let (dims, found) = run(&headed, &batch, POOLED);
                    let what = format!("{pooling:?}, masked {masked}, opset {opset}");
                    assert_eq!(dims, [batch.rows, WIDTH], "{what}");
                    let rows = (0..batch.rows).flat_map(|row| batch.pooled(row, pooling, masked));
                    close(&found, &rows.collect::<Vec<f64>>(), &what);
                }
            }
        }
    }
}

#[test]
fn pairs_are_two_rows_that_become_one() {
    let headed = with_head(&model(17), &head(tokens(SequencePooling::Mean, true), HeadRows::Pairs)).unwrap();
    assert_eq!(headed.metadata["ranktune.pairs"], "interleaved");
    for batch in batches() {
        let (dims, found) = run(&headed, &batch, POOLED);
        assert_eq!(dims, [batch.rows / 2, 4 * WIDTH]);
        let expected = (0..batch.rows / 2).flat_map(|pair| {
            let [u, v] = [0, 1].map(|one| batch.pooled(2 * pair + one, SequencePooling::Mean, true));
            let distance: Vec<f64> = u.iter().zip(&v).map(|(u, v)| (u - v).abs()).collect();
            let product: Vec<f64> = u.iter().zip(&v).map(|(u, v)| u * v).collect();
            [u, v, distance, product].concat()
        });
        close(&found, &expected.collect::<Vec<f64>>(), "pairs");
    }
}

#[test]
fn every_token_has_logits_of_its_own() {
    let headed = with_head(&model(17), &head(FeatureLayout::EveryToken, HeadRows::Single)).unwrap();
    let weights = headed.graph.initializers[WEIGHT].to_f32_vec().unwrap();
    for batch in batches() {
        let (dims, found) = run(&headed, &batch, "logits");
        assert_eq!(dims, [batch.rows, batch.length(), 2]);
        let tokens = (0..batch.rows).flat_map(|row| batch.features(row, false));
        let expected = tokens.flat_map(|token| {
            let logit = |class: usize| {
                (0..WIDTH)
                    .map(|at| token[at] * f64::from(weights[at * 2 + class]))
                    .sum::<f64>()
            };
            [logit(0), logit(1)]
        });
        close(&found, &expected.collect::<Vec<f64>>(), "tokens");
    }
}

/// The gradient of a weighted sum of the logits by the tape, against central differences of the same graph.
#[test]
fn gradients_go_back_through_pooling_and_pairs() {
    let cases = [
        (tokens(SequencePooling::Mean, true), HeadRows::Single),
        (tokens(SequencePooling::First, true), HeadRows::Single),
        (tokens(SequencePooling::Last, true), HeadRows::Single),
        (tokens(SequencePooling::Mean, true), HeadRows::Pairs),
        (FeatureLayout::EveryToken, HeadRows::Single),
    ];
    let [batch, _] = batches();
    for (layout, rows) in cases {
        let what = format!("{layout:?} {rows:?}");
        let headed = with_head(&model(17), &head(layout, rows)).unwrap();
        let loss = |model: &Model| -> f64 {
            let (_, logits) = run(model, &batch, "logits");
            logits
                .iter()
                .enumerate()
                .map(|(at, &value)| f64::from(value) * f64::from(noise(at, 3)))
                .sum()
        };
        let mut graph = TrainableGraph::new(&headed, GraphOptions::default()).unwrap();
        let pass = graph.forward(&batch.feeds(), Mode::Training).unwrap();
        let logits = pass.output("logits").unwrap();
        let dims = logits.dims();
        let weights = (0..dims.iter().product()).map(|at| noise(at, 3)).collect();
        let weights = ranktune_nn::DeviceTensor::from_values(&dims, weights, graph.device()).unwrap();
        let sum = logits.mul(&weights).unwrap().sum(&(0..dims.len()).collect::<Vec<_>>());
        let mut gradients = pass.backward(&sum).unwrap();
        for name in ["table", WEIGHT] {
            let gradient = gradients.take(graph.find(name).unwrap()).unwrap().to_values().unwrap();
            let tensor = &headed.graph.initializers[name];
            let values = tensor.to_f32_vec().unwrap();
            for at in 0..values.len() {
                let moved = |step: f32| {
                    let mut values = values.clone();
                    values[at] += step;
                    let mut model = headed.clone();
                    let tensor = Tensor::from_f32(&tensor.dims, &values).unwrap();
                    model.graph.initializers.insert(name.to_owned(), tensor);
                    loss(&model)
                };
                let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                let found = f64::from(gradient[at]);
                assert!(
                    (found - expected).abs() < 2e-3,
                    "{what}, {name}[{at}]: {found}, expected {expected}"
                );
            }
        }
    }
}

#[test]
fn rten_gives_the_same_logits_for_any_batch_and_sequence() {
    let cases = [
        (tokens(SequencePooling::Mean, true), HeadRows::Single),
        (tokens(SequencePooling::First, true), HeadRows::Single),
        (tokens(SequencePooling::Last, true), HeadRows::Single),
        (tokens(SequencePooling::Last, false), HeadRows::Single),
        (tokens(SequencePooling::Mean, false), HeadRows::Single),
        (tokens(SequencePooling::Mean, true), HeadRows::Pairs),
        (FeatureLayout::EveryToken, HeadRows::Single),
    ];
    for (layout, rows) in cases {
        let what = format!("{layout:?} {rows:?}");
        let headed = with_head(&model(17), &head(layout, rows)).unwrap();
        for batch in batches() {
            let (_, found) = run(&headed, &batch, "logits");
            let expected: Vec<f64> = logits_by_rten(&headed, &batch).into_iter().map(f64::from).collect();
            close(&found, &expected, &what);
        }
    }
}

#[test]
fn a_head_on_a_model_that_was_tuned_before_takes_its_features() {
    let first = with_head(&model(17), &head(tokens(SequencePooling::Mean, true), HeadRows::Pairs)).unwrap();
    let second = Head {
        n_features: 4 * WIDTH,
        feature: POOLED.to_owned(),
        ..head(FeatureLayout::Flat, HeadRows::Single)
    };
    let again = with_head(&first, &second).unwrap();
    let [batch, _] = batches();
    assert_eq!(run(&again, &batch, POOLED), run(&first, &batch, POOLED));
    assert_eq!(again.metadata["ranktune.pairs"], "interleaved");
}

#[test]
fn a_mask_that_is_not_there_and_an_opset_that_is_too_old_are_refused() {
    let mask = Some("segments".to_owned());
    let wrong = head(
        FeatureLayout::Tokens {
            pooling: SequencePooling::Mean,
            mask,
        },
        HeadRows::Single,
    );
    let error = with_head(&model(17), &wrong).unwrap_err().to_string();
    assert!(error.contains("no input \"segments\""), "{error}");
    let error = with_head(&model(10), &head(tokens(SequencePooling::Last, true), HeadRows::Single)).unwrap_err();
    assert!(error.to_string().contains("opset 11"), "{error}");
}
