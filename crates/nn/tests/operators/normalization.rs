//! Normalizations, in both modes.

use ranktune_nn::{GraphOptions, Mode, TrainableGraph};

use crate::harness::{Case, Input, within, x};

#[test]
fn layer_normalization_agrees() {
    Case::new("LayerNormalization", vec![x(&[2, 3, 8]), x(&[8]), x(&[8])]).check();
    // Rows that do not fill a register, and more rows than one block of sums.
    Case::new("LayerNormalization", vec![x(&[3, 41, 37]), x(&[37]), x(&[37])]).check();
    Case::new("LayerNormalization", vec![x(&[2, 3, 8]), x(&[8])])
        .float("epsilon", 1e-2)
        .check();
    Case::new("LayerNormalization", vec![x(&[2, 3, 8]), x(&[3, 8]), x(&[3, 8])])
        .int("axis", 1)
        .check();
    Case::new("RMSNormalization", vec![x(&[2, 8]), x(&[8])])
        .opset(23)
        .check_against(&[2, 8], |inputs| {
            let rows = inputs[0].chunks(8);
            rows.flat_map(|row| {
                let scale = (row.iter().map(|x| x * x).sum::<f32>() / 8.0 + 1e-5).sqrt();
                row.iter().zip(&inputs[1]).map(move |(x, gain)| x / scale * gain)
            })
            .collect()
        });
}

#[test]
fn instance_and_group_normalization_agree() {
    Case::new("InstanceNormalization", vec![x(&[2, 3, 4, 5]), x(&[3]), x(&[3])]).check();
    Case::new("GroupNormalization", vec![x(&[2, 4, 3, 3]), x(&[4]), x(&[4])])
        .int("num_groups", 2)
        .opset(21)
        .check_against(&[2, 4, 3, 3], |inputs| {
            let mut values = Vec::new();
            for (group, part) in inputs[0].chunks(18).enumerate() {
                let mean = part.iter().sum::<f32>() / 18.0;
                let variance = part.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 18.0;
                for (index, x) in part.iter().enumerate() {
                    let channel = group % 2 * 2 + index / 9;
                    values.push((x - mean) / (variance + 1e-5).sqrt() * inputs[1][channel] + inputs[2][channel]);
                }
            }
            values
        });
    Case::new("MeanVarianceNormalization", vec![x(&[2, 3, 4, 5])]).check_gradients();
    for p in [1, 2] {
        Case::new("LpNormalization", vec![x(&[3, 5])])
            .int("p", p)
            .check_against(&[3, 5], |inputs| {
                inputs[0]
                    .chunks(5)
                    .flat_map(|row| {
                        let norm = match p {
                            1 => row.iter().map(|x| x.abs()).sum::<f32>(),
                            _ => row.iter().map(|x| x * x).sum::<f32>().sqrt(),
                        };
                        row.iter().map(move |x| x / norm)
                    })
                    .collect()
            });
    }
}

fn batch_norm(dims: &[usize]) -> Case {
    let channels = dims[1];
    let inputs = vec![
        x(dims),
        x(&[channels]),
        x(&[channels]),
        x(&[channels]),
        within(&[channels], 0.5, 2.0),
    ];
    Case::new("BatchNormalization", inputs)
        .float("momentum", 0.8)
        .float("epsilon", 1e-3)
}

#[test]
fn batch_normalization_with_running_statistics_agrees() {
    batch_norm(&[2, 3, 4, 5]).check();
    batch_norm(&[2, 19, 3, 3]).check();
    batch_norm(&[4, 3]).check_gradients();
}

#[test]
fn batch_normalization_with_batch_statistics_has_right_gradients() {
    batch_norm(&[2, 3, 4, 5]).check_gradients_in(Mode::Training);
    batch_norm(&[2, 19, 3, 3]).check_gradients_in(Mode::Training);
    batch_norm(&[8, 3]).check_gradients_in(Mode::Training);
}

#[test]
fn running_statistics_follow_the_batch() {
    let model = batch_norm(&[2, 3, 4, 5]).model();
    let mut graph = TrainableGraph::new(&model, GraphOptions::default()).unwrap();
    let values = |graph: &TrainableGraph, name: &str| graph.value(graph.find(name).unwrap()).to_values().unwrap();
    let (x, mean, variance) = (values(&graph, "p0.x"), values(&graph, "p3.x"), values(&graph, "p4.x"));
    graph.forward(&[], Mode::Frozen).unwrap();
    assert_eq!(values(&graph, "p3.x"), mean, "frozen statistics stay as they are");
    graph.forward(&[], Mode::Training).unwrap();
    for channel in 0..3 {
        let of_channel: Vec<f64> = x
            .iter()
            .enumerate()
            .filter(|(index, _)| index / 20 % 3 == channel)
            .map(|(_, &x)| f64::from(x))
            .collect();
        let centre = of_channel.iter().sum::<f64>() / 40.0;
        let unbiased = of_channel.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / 39.0;
        let expected = [
            0.8 * f64::from(mean[channel]) + 0.2 * centre,
            0.8 * f64::from(variance[channel]) + 0.2 * unbiased,
        ];
        let found = [values(&graph, "p3.x")[channel], values(&graph, "p4.x")[channel]];
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-6,
                "{found}, expected {expected}"
            );
        }
    }
}

#[test]
fn one_value_a_channel_has_no_batch_statistics() {
    let case = Case::new(
        "BatchNormalization",
        vec![
            x(&[1, 2]),
            x(&[2]),
            x(&[2]),
            x(&[2]),
            Input::Floats(vec![2], vec![1.0, 1.0]),
        ],
    );
    let mut graph = TrainableGraph::new(&case.model(), GraphOptions::default()).unwrap();
    let error = graph.forward(&[], Mode::Training).unwrap_err().to_string();
    assert!(error.contains("more than one value"), "{error}");
}
