//! Whole graphs: parameters and their roles, errors, writing back, new heads, threads. No test needs a file.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

use std::collections::BTreeMap;

use ranktune_nn::head::{BIAS, POOLED, WEIGHT};
use ranktune_nn::{
    ErrorKind, FeatureLayout, Feed, GraphOptions, Head, HostTensor, Mode, ParameterRole, TrainableGraph, with_head,
};
use ranktune_onnx::{Attribute, DataType, Dim, Graph as OnnxGraph, Model, Node, Tensor, ValueInfo};

fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: format!("node_{output}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: BTreeMap::new(),
    }
}

fn value(name: &str, dims: &[usize]) -> ValueInfo {
    let shape = std::iter::once(Dim::Named("batch".to_owned()))
        .chain(dims.iter().map(|&dim| Dim::Fixed(dim)))
        .collect();
    ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::F32),
        shape: Some(shape),
    }
}

fn floats(dims: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_f32(dims, values).unwrap()
}

/// `x [n, 2, 3, 3]` → 1×1 convolution → BatchNormalization → Clip to 0..6 → the mean over the map, in a scale that was
/// stored once with the bias → a linear layer.
fn model() -> Model {
    let mut gemm = node("Gemm", &["flat", "fc.weight", "fc.bias"], "logits");
    gemm.attributes.insert("transB".to_owned(), Attribute::Int(1));
    let initializers = [
        ("conv.weight", floats(&[3, 2, 1, 1], &[0.5, -0.2, 0.3, 0.8, -0.6, 0.1])),
        ("bn.weight", floats(&[3], &[1.0, 1.0, 1.0])),
        ("bn.bias", floats(&[3], &[0.5, 0.5, 0.5])),
        ("bn.running_mean", floats(&[3], &[0.0; 3])),
        ("bn.running_var", floats(&[3], &[1.0; 3])),
        ("low", floats(&[], &[0.0])),
        ("high", floats(&[], &[6.0])),
        ("half", floats(&[], &[0.5])),
        ("fc.weight", floats(&[2, 3], &[0.1, 0.2, 0.3, -0.1, -0.2, -0.3])),
        ("fc.bias", floats(&[2], &[0.0, 0.1])),
        ("left.over", floats(&[1], &[1.0])),
    ];
    Model {
        ir_version: 9,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: OnnxGraph {
            name: "test".to_owned(),
            nodes: vec![
                node("Conv", &["x", "conv.weight"], "a"),
                node(
                    "BatchNormalization",
                    &["a", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"],
                    "b",
                ),
                node("Clip", &["b", "low", "high"], "c"),
                node("Mul", &["c", "half"], "d"),
                node("GlobalAveragePool", &["d"], "pooled"),
                node("Flatten", &["pooled"], "e"),
                node("Identity", &["bn.weight"], "gain.weight"),
                node("Mul", &["e", "gain.weight"], "flat"),
                gemm,
            ],
            initializers: initializers
                .into_iter()
                .map(|(name, tensor)| (name.to_owned(), tensor))
                .collect(),
            inputs: vec![value("x", &[2, 3, 3])],
            outputs: vec![value("logits", &[2])],
            value_info: Vec::new(),
        },
        path: None,
    }
}

fn image() -> HostTensor {
    let values = (0..36).map(|index| ((index * 7 % 11) as f32 - 5.0) / 4.0).collect();
    HostTensor::floats(&[2, 2, 3, 3], values).unwrap()
}

fn logits(model: &Model) -> Vec<f32> {
    let graph = TrainableGraph::new(model, GraphOptions::default()).unwrap();
    let name = graph.outputs()[0].to_owned();
    graph
        .evaluate(&[("x", Feed::from(image()))])
        .unwrap()
        .output(&name)
        .unwrap()
        .to_values()
        .unwrap()
}

#[test]
fn every_initializer_has_a_role() {
    let graph = TrainableGraph::new(&model(), GraphOptions::default()).unwrap();
    let role = |name: &str| graph.parameters()[graph.find(name).unwrap()].role;
    for name in [
        "conv.weight",
        "bn.weight",
        "bn.bias",
        "fc.weight",
        "fc.bias",
        "gain.weight",
    ] {
        assert_eq!(role(name), ParameterRole::Trainable, "{name}");
    }
    assert_eq!(role("bn.running_var"), ParameterRole::Statistics);
    assert_eq!(role("low"), ParameterRole::Setting);
    assert_eq!(role("half"), ParameterRole::LoneNumber);
    assert_eq!(role("left.over"), ParameterRole::Unused);
}

#[test]
fn a_training_step_lowers_the_loss_and_is_written_back() {
    let mut onnx = model();
    let mut graph = TrainableGraph::new(&onnx, GraphOptions::default()).unwrap();
    let mut losses = Vec::new();
    for _ in 0..5 {
        let pass = graph.forward(&[("x", Feed::from(image()))], Mode::Frozen).unwrap();
        let output = pass.output("logits").unwrap();
        let loss = output.mul(&output).unwrap().mean(&[0, 1]);
        losses.push(loss.to_values().unwrap()[0]);
        let mut gradients = pass.backward(&loss).unwrap();
        for index in 0..graph.parameters().len() {
            if let Some(gradient) = gradients.take(index) {
                let expected = graph.value(index).sub(&gradient.mul_scalar(0.1)).unwrap();
                graph.descend(index, gradient, 0.1).unwrap();
                // One rounding less than in two operations.
                let [expected, found] = [&expected, graph.value(index)].map(|value| value.to_values().unwrap());
                let near = expected
                    .iter()
                    .zip(&found)
                    .all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs().max(1.0));
                assert!(near, "{expected:?} {found:?}");
            }
        }
    }
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    let expected = graph
        .evaluate(&[("x", Feed::from(image()))])
        .unwrap()
        .output("logits")
        .unwrap()
        .to_values()
        .unwrap();
    graph.write_back(&mut onnx).unwrap();
    assert!(
        onnx.graph.nodes.iter().all(|node| node.op_type != "Identity"),
        "the copy has an initializer of its own"
    );
    assert_ne!(
        onnx.graph.initializers["gain.weight"],
        onnx.graph.initializers["bn.weight"]
    );
    for (a, b) in logits(&onnx).iter().zip(&expected) {
        assert!((a - b).abs() < 1e-6, "{a}, expected {b}");
    }
}

#[test]
fn statistics_are_written_back_in_the_type_they_had() {
    let mut onnx = model();
    let name = "bn.running_mean";
    onnx.graph.initializers.insert(
        name.to_owned(),
        Tensor::new(DataType::F16, &[3], vec![0; 6].into()).unwrap(),
    );
    let mut graph = TrainableGraph::new(&onnx, GraphOptions::default()).unwrap();
    graph.forward(&[("x", Feed::from(image()))], Mode::Training).unwrap();
    graph.write_back(&mut onnx).unwrap();
    let tensor = &onnx.graph.initializers[name];
    assert_eq!(tensor.data_type, DataType::F16);
    let expected = graph.value(graph.find(name).unwrap()).to_values().unwrap();
    for (a, b) in tensor.to_f32_vec().unwrap().iter().zip(expected) {
        assert!((a - b).abs() < 1e-3 && *a != 0.0, "{a}, expected {b}");
    }
}

#[test]
fn frozen_parameters_get_no_gradient() {
    let mut graph = TrainableGraph::new(&model(), GraphOptions::default()).unwrap();
    assert_eq!(graph.freeze(|name| name.starts_with("bn.")), 2);
    let pass = graph.forward(&[("x", Feed::from(image()))], Mode::Training).unwrap();
    let loss = pass.output("logits").unwrap().sum(&[0, 1]);
    let mut gradients = pass.backward(&loss).unwrap();
    assert!(gradients.take(graph.find("bn.bias").unwrap()).is_none());
    assert!(gradients.take(graph.find("conv.weight").unwrap()).is_some());
}

#[test]
fn kept_statistics_are_taken_in_training_and_do_not_change() {
    let mut graph = TrainableGraph::new(&model(), GraphOptions::default()).unwrap();
    assert_eq!(graph.keep_statistics(|name| name.starts_with("bn.")), 2);
    let index = graph.find("bn.running_mean").unwrap();
    assert_eq!(graph.parameters()[index].role, ParameterRole::Frozen);
    let before = graph.value(index).to_values().unwrap();
    let mut logits = |mode| {
        let pass = graph.forward(&[("x", Feed::from(image()))], mode).unwrap();
        pass.output("logits").unwrap().to_values().unwrap()
    };
    assert_eq!(logits(Mode::Training), logits(Mode::Frozen));
    assert_eq!(graph.value(index).to_values().unwrap(), before);
}

#[test]
fn a_loss_that_depends_on_nothing_trainable_is_refused() {
    let mut graph = TrainableGraph::new(&model(), GraphOptions::default()).unwrap();
    graph.freeze(|_| true);
    let pass = graph.forward(&[("x", Feed::from(image()))], Mode::Training).unwrap();
    let loss = pass.output("logits").unwrap().sum(&[0, 1]);
    assert_eq!(pass.backward(&loss).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn a_new_head_follows_the_features() {
    for (feature, layout) in [
        ("flat", FeatureLayout::Flat),
        ("pooled", FeatureLayout::Flat),
        ("d", FeatureLayout::Map),
    ] {
        let head = Head {
            layout,
            ..Head::new(feature, 3, 4)
        };
        let headed = with_head(&model(), &head).unwrap();
        assert!(headed.to_bytes().is_ok());
        assert!(!headed.graph.initializers.contains_key("fc.weight"));
        let options = GraphOptions {
            outputs: vec!["logits".to_owned(), POOLED.to_owned()],
            ..GraphOptions::default()
        };
        let graph = TrainableGraph::new(&headed, options).unwrap();
        let pass = graph.evaluate(&[("x", Feed::from(image()))]).unwrap();
        let (logits, features) = (pass.output("logits").unwrap(), pass.output(POOLED).unwrap());
        assert_eq!((logits.dims(), features.dims()), (vec![2, 4], vec![2, 3]), "{feature}");
        let weights = headed.graph.initializers[WEIGHT].to_f32_vec().unwrap();
        let first: f32 = features
            .to_values()
            .unwrap()
            .iter()
            .zip(&weights)
            .take(3)
            .map(|(x, w)| x * w)
            .sum();
        assert!((logits.to_values().unwrap()[0] - first).abs() < 1e-6);
        assert!(
            headed.graph.initializers[BIAS]
                .to_f32_vec()
                .unwrap()
                .iter()
                .all(|&value| value == 0.0)
        );
    }
    assert_eq!(
        with_head(&model(), &Head::new("nothing", 3, 4)).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_new_head_collides_with_no_name_of_the_graph() {
    // The features have the name of the new output, and a head from before is still in use behind them.
    let mut onnx = model();
    let rename = |onnx: &mut Model, old: &str, new: &str| {
        for node in &mut onnx.graph.nodes {
            for name in node
                .inputs
                .iter_mut()
                .chain(&mut node.outputs)
                .filter(|name| *name == old)
            {
                *name = new.to_owned();
            }
        }
        if let Some(tensor) = onnx.graph.initializers.remove(old) {
            onnx.graph.initializers.insert(new.to_owned(), tensor);
        }
    };
    rename(&mut onnx, "flat", POOLED);
    rename(&mut onnx, "fc.weight", WEIGHT);
    rename(&mut onnx, "fc.bias", BIAS);
    onnx.graph.nodes.last_mut().unwrap().name = "logits/Gemm".to_owned();
    let before = TrainableGraph::new(&onnx, GraphOptions::default()).unwrap();
    let before = before.evaluate(&[("x", Feed::from(image()))]).unwrap();
    let features = before.output("logits").unwrap().to_values().unwrap();

    let headed = with_head(&onnx, &Head::new("logits", 2, 4)).unwrap();
    ranktune_onnx::check(&headed).unwrap();
    let names: Vec<&String> = headed.graph.nodes.iter().map(|node| &node.name).collect();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), distinct.len(), "{names:?}");
    let graph = TrainableGraph::new(&headed, GraphOptions::default()).unwrap();
    let pass = graph.evaluate(&[("x", Feed::from(image()))]).unwrap();
    let logits = pass.output("logits").unwrap().to_values().unwrap();
    let weights = headed.graph.initializers[WEIGHT].to_f32_vec().unwrap();
    for (logits, features) in logits.chunks(4).zip(features.chunks(2)) {
        for (logit, weights) in logits.iter().zip(weights.chunks(2)) {
            let expected = features[0] * weights[0] + features[1] * weights[1];
            assert!((logit - expected).abs() < 1e-6, "{logit}, expected {expected}");
        }
    }
}

#[test]
fn an_unknown_operator_is_named_before_anything_runs() {
    let mut onnx = model();
    onnx.graph.nodes[2].op_type = "NonMaxSuppression".to_owned();
    let error = TrainableGraph::new(&onnx, GraphOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.node(), Some("\"node_c\" (NonMaxSuppression)"));
}

#[test]
fn an_unknown_attribute_and_an_unknown_domain_are_refused() {
    let mut onnx = model();
    onnx.graph.nodes[0]
        .attributes
        .insert("mystery".to_owned(), Attribute::Int(1));
    let error = TrainableGraph::new(&onnx, GraphOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("mystery"), "{error}");
    let mut onnx = model();
    onnx.graph.nodes[0].domain = "com.example".to_owned();
    assert_eq!(
        TrainableGraph::new(&onnx, GraphOptions::default()).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn wrong_feeds_are_named() {
    let graph = TrainableGraph::new(&model(), GraphOptions::default()).unwrap();
    let kind = |feeds: &[(&str, Feed)]| graph.evaluate(feeds).unwrap_err().kind();
    assert_eq!(kind(&[]), ErrorKind::Input);
    assert_eq!(
        kind(&[("x", HostTensor::ints(&[2, 2, 3, 3], vec![0; 36]).unwrap().into())]),
        ErrorKind::Input
    );
    assert_eq!(
        kind(&[("x", HostTensor::floats(&[2, 18], vec![0.0; 36]).unwrap().into())]),
        ErrorKind::Input
    );
    let error = graph
        .evaluate(&[("x", HostTensor::floats(&[1, 4, 3, 3], vec![0.0; 36]).unwrap().into())])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
    assert!(error.to_string().contains("node_a"), "{error}");
}

#[test]
fn an_output_that_is_not_there_is_refused() {
    let options = GraphOptions {
        outputs: vec!["nothing".to_owned()],
        ..GraphOptions::default()
    };
    assert_eq!(
        TrainableGraph::new(&model(), options).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

/// The logits after `steps` steps of SGD.
fn trained(steps: usize) -> Vec<f32> {
    let mut onnx = model();
    let mut graph = TrainableGraph::new(&onnx, GraphOptions::default()).unwrap();
    for _ in 0..steps {
        let pass = graph.forward(&[("x", Feed::from(image()))], Mode::Training).unwrap();
        let logits = pass.output("logits").unwrap();
        let loss = logits.mul(&logits).unwrap().mean(&[0, 1]);
        let mut gradients = pass.backward(&loss).unwrap();
        for index in 0..graph.parameters().len() {
            if let Some(gradient) = gradients.take(index) {
                graph.descend(index, gradient, 0.1).unwrap();
            }
        }
    }
    graph.write_back(&mut onnx).unwrap();
    logits(&onnx)
}

#[test]
fn a_graph_is_not_disturbed_by_graphs_of_other_threads() {
    let alone = trained(20);
    std::thread::scope(|scope| {
        // Graphs that are built and dropped while the others train.
        let brief = scope.spawn(|| (0..20).map(|_| trained(1)).collect::<Vec<_>>());
        let long: Vec<_> = (0..2).map(|_| scope.spawn(|| trained(20))).collect();
        for thread in long {
            assert_eq!(thread.join().unwrap(), alone);
        }
        let brief = brief.join().unwrap();
        assert!(brief.iter().all(|logits| *logits == brief[0]));
    });
}
