//! Kernels against naive loops at every width of the machine, and graphs against the trainable graph.

use std::collections::BTreeMap;

use ranktune_core::random::Random;
use ranktune_onnx::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};

use super::InferenceGraph;
use super::convolution::{Convolution, Maps, Window};
use super::layout::{BLOCK, IMAGE_BLOCK, MapLayout};
use super::tiles::{sizes, split};
use super::width::Width;
use crate::kernels::{Activation, Range};
use crate::{Feed, GraphOptions, HostTensor, TrainableGraph};

fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).collect()
}

/// A convolution `[c, h, w]` → `[m, …]` by its definition, in double precision.
fn naive(x: &[f32], input: &MapLayout, w: &[f32], bias: &[f32], window: &Window, output: &MapLayout) -> Vec<f64> {
    let in_group = input.channels / window.groups;
    let out_group = output.channels / window.groups;
    let mut y = Vec::new();
    for (out, &bias) in bias.iter().enumerate().take(output.channels) {
        for oy in 0..output.height {
            for ox in 0..output.width {
                let mut sum = f64::from(bias);
                for within in 0..in_group {
                    let channel = out / out_group * in_group + within;
                    for kh in 0..window.kernel[0] {
                        for kw in 0..window.kernel[1] {
                            let iy = (oy * window.stride[0] + kh * window.dilation[0]).checked_sub(window.pad[0]);
                            let ix = (ox * window.stride[1] + kw * window.dilation[1]).checked_sub(window.pad[1]);
                            let inside = iy.zip(ix).filter(|&(iy, ix)| iy < input.height && ix < input.width);
                            if let Some((iy, ix)) = inside {
                                let x = x[(channel * input.height + iy) * input.width + ix];
                                let at = ((out * in_group + within) * window.kernel[0] + kh) * window.kernel[1] + kw;
                                sum += f64::from(x) * f64::from(w[at]);
                            }
                        }
                    }
                }
                y.push(sum);
            }
        }
    }
    y
}

#[test]
fn a_convolution_is_that_of_its_definition_at_every_width() {
    let mut random = Random::new(7);
    let shapes = [
        (1, 3, 24),
        (1, 33, 47),
        (1, 208, 17),
        (2, 24, 40),
        (3, 48, 33),
        (37, 37, 37),
        (1, 2, 1),
    ];
    for case in 0..140 {
        let (groups, channels, out) = shapes[case % shapes.len()];
        let (channels, out) = (channels / groups * groups, out / groups * groups);
        let kernel = [1 + random.below(4), 1 + random.below(4)];
        let pad = [random.below(3), random.below(3)];
        let window = Window {
            kernel,
            stride: [1 + random.below(3), 1 + random.below(3)],
            dilation: [1 + random.below(2), 1 + random.below(2)],
            pad,
            groups,
        };
        let border = pad[0].max(pad[1]) + random.below(2);
        let input = MapLayout {
            channels,
            height: 7 + random.below(12),
            width: 7 + random.below(30),
            border,
            block: if channels <= IMAGE_BLOCK { IMAGE_BLOCK } else { BLOCK },
        };
        let positions = |size: usize, axis: usize| {
            (size + 2 * pad[axis] - (kernel[axis] - 1) * window.dilation[axis] - 1) / window.stride[axis] + 1
        };
        let output = MapLayout {
            channels: out,
            height: positions(input.height, 0),
            width: positions(input.width, 1),
            border: random.below(2),
            block: BLOCK,
        };
        let addend = (case % 3 == 0).then_some(MapLayout {
            border: random.below(2),
            ..output
        });
        let activation = match case % 5 {
            4 => Activation::HardSigmoid { alpha: 0.3, beta: 0.4 },
            0 => Activation::NONE,
            1 => Activation::Limit(Range::RELU),
            2 => Activation::Swish { alpha: 1.0 },
            _ => Activation::HardSwish,
        };
        let x = numbers(&mut random, input.elements());
        let w = numbers(&mut random, out * (channels / groups) * kernel[0] * kernel[1]);
        let bias = numbers(&mut random, out);
        let added = numbers(&mut random, output.elements());
        let mut expected = naive(&x, &input, &w, &bias, &window, &output);
        for (y, added) in expected.iter_mut().zip(&added) {
            *y += if addend.is_some() { f64::from(*added) } else { 0.0 };
            *y = match activation {
                Activation::Limit(range) => y.max(f64::from(range.low)),
                Activation::HardSigmoid { alpha, beta } => (f64::from(alpha) * *y + f64::from(beta)).clamp(0.0, 1.0),
                Activation::HardSwish => *y * (*y / 6.0 + 0.5).clamp(0.0, 1.0),
                _ => *y / (1.0 + (-*y).exp()),
            };
        }
        for width in Width::all() {
            let maps = Maps { input, output, addend };
            let convolution = Convolution::new(width, maps, &window, (&w, Some(&bias)), activation);
            // What was in the buffers before must not matter.
            let mut blocked = vec![5.0; input.len()];
            input.fill(&x, &mut blocked);
            let second = addend.map(|map| {
                let mut values = vec![5.0; map.len()];
                map.fill(&added, &mut values);
                values
            });
            let mut result = vec![5.0; output.len()];
            convolution.run(&blocked, second.as_deref(), &mut result);
            let mut y = vec![0.0; output.elements()];
            output.read(&result, &mut y);
            for (at, (found, right)) in y.iter().zip(&expected).enumerate() {
                let error = (f64::from(*found) - right).abs();
                assert!(
                    error <= 2e-4 * right.abs().max(1.0),
                    "case {case}, {width:?}, {window:?}, {input:?}, element {at}: {found}, not {right}"
                );
            }
            let in_border = |values: &[f32]| values[..output.origin()].iter().all(|&value| value == 0.0);
            assert!(in_border(&result), "case {case}: the border is not zero");
        }
    }
}

#[test]
fn tiles_cover_a_row_with_sizes_that_have_kernels() {
    for lanes in [1, 4, 8, 16] {
        for width in 1..400 {
            let tiles = split(width, lanes);
            assert_eq!(tiles.iter().sum::<usize>(), width);
            assert!(
                tiles.iter().all(|tile| sizes(lanes).contains(tile)),
                "{lanes}: {tiles:?}"
            );
        }
    }
    assert_eq!(split(20, 16).len(), 2);
}

fn node(op_type: &str, inputs: &[&str], output: &str, ints: &[(&str, &[i64])]) -> Node {
    Node {
        name: output.to_owned(),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: ints
            .iter()
            .map(|(name, values)| ((*name).to_owned(), Attribute::Ints(values.to_vec())))
            .collect(),
    }
}

/// Every action of a plan, and nodes after it: a stem, pools, a gate, a sum of two maps, a product with a matrix.
fn model() -> Model {
    let mut random = Random::new(3);
    let mut weights = BTreeMap::new();
    let sizes: [(&str, &[usize]); 6] = [
        ("stem", &[20, 3, 3, 3]),
        ("depth", &[20, 1, 3, 3]),
        ("squeeze", &[5, 20, 1, 1]),
        ("excite", &[20, 5, 1, 1]),
        ("project", &[20, 20, 1, 1]),
        ("head", &[20, 6]),
    ];
    for (name, dims) in sizes {
        let values = numbers(&mut random, dims.iter().product());
        weights.insert(name.to_owned(), Tensor::from_f32(dims, &values).unwrap());
    }
    let mut depth = node("Conv", &["m", "depth"], "d", &[("pads", &[1, 1, 1, 1])]);
    depth.attributes.insert("group".to_owned(), Attribute::Int(20));
    let pads = ("pads", &[0, 1, 1, 1][..]);
    let three = ("kernel_shape", &[3, 3][..]);
    let mut raised = node("MaxPool", &["a"], "m", &[pads, three, ("strides", &[1, 2])]);
    raised.attributes.insert("ceil_mode".to_owned(), Attribute::Int(1));
    let nodes = vec![
        node("Conv", &["x", "stem"], "c", &[pads, ("strides", &[2, 2])]),
        node("Sigmoid", &["c"], "cs", &[]),
        node("Mul", &["c", "cs"], "a", &[]),
        raised,
        depth,
        node("Relu", &["d"], "r", &[]),
        node("GlobalAveragePool", &["r"], "g", &[]),
        node("Conv", &["g", "squeeze"], "s", &[]),
        node("Relu", &["s"], "sr", &[]),
        node("Conv", &["sr", "excite"], "e", &[]),
        node("Sigmoid", &["e"], "es", &[]),
        node("Mul", &["es", "r"], "gated", &[]),
        node("Conv", &["gated", "project"], "p", &[]),
        node("Add", &["m", "p"], "sum", &[]),
        node("AveragePool", &["sum"], "v", &[("pads", &[1, 1, 1, 1]), three]),
        node("Add", &["v", "sum"], "twice", &[]),
        node("Relu", &["twice"], "positive", &[]),
        node("Tanh", &["sum"], "bent", &[]),
        node("Add", &["positive", "bent"], "both", &[]),
        node("GlobalAveragePool", &["both"], "mean", &[]),
        node("Flatten", &["mean"], "flat", &[]),
        node("MatMul", &["flat", "head"], "y", &[]),
    ];
    let value = |name: &str, shape: Option<Vec<Dim>>| ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::F32),
        shape,
    };
    let image = vec![
        Dim::Named("batch".to_owned()),
        Dim::Fixed(3),
        Dim::Fixed(23),
        Dim::Fixed(31),
    ];
    Model {
        ir_version: 9,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: Graph {
            name: String::new(),
            nodes,
            initializers: weights,
            inputs: vec![value("x", Some(image))],
            outputs: vec![value("y", None), value("sum", None)],
            value_info: Vec::new(),
        },
        path: None,
    }
}

#[test]
fn a_graph_computes_what_the_trainable_graph_does_whatever_the_batch() {
    let model = model();
    let shape = [5, 3, 23, 31];
    let each = shape[1..].iter().product::<usize>();
    let images = numbers(&mut Random::new(5), 5 * each);
    let feed = HostTensor::floats(&shape, images.clone()).unwrap();
    let trainable = TrainableGraph::new(&model, GraphOptions::default()).unwrap();
    let pass = trainable.evaluate(&[("x", Feed::from(feed.clone()))]).unwrap();
    for width in Width::all() {
        let graph = InferenceGraph::with_width(&model, GraphOptions::default(), width).unwrap();
        assert!(graph.is_blocked());
        let found = graph.run(vec![("x", feed.clone())], &["y", "sum"]).unwrap();
        for (name, (dims, values)) in ["y", "sum"].iter().zip(&found) {
            let expected = pass.output(name).unwrap();
            assert_eq!(*dims, expected.dims(), "{name}");
            let expected = expected.to_values().unwrap();
            let largest = expected.iter().fold(0.0f32, |max, value| max.max(value.abs()));
            for (found, right) in values.iter().zip(&expected) {
                assert!(
                    (found - right).abs() <= 1e-5 * largest,
                    "{width:?}, {name}: {found}, not {right}"
                );
            }
        }
        for (at, image) in images.chunks_exact(each).enumerate() {
            let feed = HostTensor::floats(&[1, 3, 23, 31], image.to_vec()).unwrap();
            let alone = graph.run(vec![("x", feed)], &["sum"]).unwrap().remove(0).1;
            assert_eq!(alone, found[1].1[at * alone.len()..][..alone.len()], "image {at}");
        }
    }
}

#[test]
fn an_image_of_another_size_is_an_error() {
    let graph = InferenceGraph::new(&model(), GraphOptions::default()).unwrap();
    let feed = HostTensor::floats(&[1, 3, 23, 30], vec![0.0; 3 * 23 * 30]).unwrap();
    let error = graph.run(vec![("x", feed)], &["y"]).unwrap_err().to_string();
    assert_eq!(error, "expected images of shape [n, 3, 23, 31], found [1, 3, 23, 30]");
}

#[test]
fn a_graph_with_a_hostile_window_is_not_blocked() {
    for (name, values) in [
        ("pads", &[1 << 40; 4][..]),
        ("strides", &[0, 0]),
        ("dilations", &[i64::MAX, 1]),
    ] {
        let mut hostile = model();
        hostile.graph.nodes[0]
            .attributes
            .insert(name.to_owned(), Attribute::Ints(values.to_vec()));
        // Built or refused, but neither a panic nor memory for it.
        if let Ok(graph) = InferenceGraph::new(&hostile, GraphOptions::default()) {
            assert!(!graph.is_blocked(), "{name}");
        }
    }
}
