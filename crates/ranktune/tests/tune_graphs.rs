//! `tune` of graphs as exporters write them: for one sample at a time, and with names that a new head has too.

use std::collections::BTreeMap;
use std::path::Path;

use ranktune::{CacheOptions, Dataset, Error, ErrorKind, Interrupt, LoadOptions, Silent, Sources, Target, Training};
use ranktune::{TuneOptions, load, tune};
use ranktune_onnx::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo, check};

fn digits() -> Dataset {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/digits");
    let all = load(&path, &LoadOptions::default()).expect("the digits of the repository");
    all.subsample(60, 1)
}

fn node(op_type: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) -> Node {
    Node {
        name: format!("{output}/{op_type}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    }
}

/// A convolutional network without a classifier, whose features are called `logits`. `ends` are the nodes from the average
/// `p [n, 16, 1, 1]` on, and `batch` is that of its input.
fn model(batch: Dim, ends: Vec<Node>) -> Model {
    let value = |name: &str, shape: Vec<Dim>| ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::F32),
        shape: Some(shape),
    };
    let weights: Vec<f32> = (0..16 * 3 * 4 * 4).map(|at| (at as f32 * 1.7).sin() / 4.0).collect();
    let strides = [("strides", Attribute::Ints(vec![4, 4]))];
    let mut nodes = vec![
        node("Conv", &["x", "w"], "c", &strides),
        node("Relu", &["c"], "r", &[]),
        node("GlobalAveragePool", &["r"], "p", &[]),
    ];
    nodes.extend(ends);
    let ints = |values: &[i64]| Tensor::from_i64(&[values.len()], values).expect("as many as there are");
    let initializers = [
        (
            "w",
            Tensor::from_f32(&[16, 3, 4, 4], &weights).expect("as many as there are"),
        ),
        ("flat", ints(&[1, 16])),
        ("first", ints(&[0])),
    ];
    let sizes = [3, 32, 32].map(Dim::Fixed);
    Model {
        ir_version: 8,
        opsets: BTreeMap::from([(String::new(), 17)]),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: Graph {
            name: "g".to_owned(),
            nodes,
            initializers: initializers.map(|(name, tensor)| (name.to_owned(), tensor)).into(),
            inputs: vec![value("x", [&[batch.clone()][..], &sizes].concat())],
            outputs: vec![value("logits", vec![batch, Dim::Fixed(16)])],
            value_info: Vec::new(),
        },
        path: None,
    }
}

/// Tunes `model` for one epoch; also returns the tuned model.
fn tuned(model: &Model) -> Result<(Training, Model), Error> {
    let place = tempfile::tempdir().expect("a folder for the test");
    let folder = place.path().join("m");
    std::fs::create_dir(&folder).expect("an empty folder");
    model
        .save(&folder.join("model.onnx"))
        .expect("a graph that can be written");
    let mut options = TuneOptions::new(place.path().join("tuned"));
    options.method = "fine-tune".to_owned();
    options.model = Target::Named("m".to_owned());
    options.train.epochs = 1;
    options.extract.cache = CacheOptions::Off;
    let training = tune(
        &Sources::from(folder.as_path()),
        &digits(),
        &options,
        &Silent,
        &Interrupt::default(),
    )?;
    let tuned = Model::load(&options.out.join("model.onnx")).expect("what was written can be read");
    check(&tuned).expect("a graph that is right");
    Ok((training, tuned))
}

#[test]
fn features_that_are_called_logits_are_no_obstacle() {
    let open = Dim::Named("batch".to_owned());
    let (training, tuned) = tuned(&model(open, vec![node("Flatten", &["p"], "logits", &[])])).unwrap();
    assert_eq!(training.history.len(), 1);
    assert!(training.metrics.train["accuracy"].is_number());
    assert_eq!(tuned.graph.outputs[0].name, "logits");
}

#[test]
fn a_graph_of_one_sample_is_trained_with_a_batch() {
    let ends = vec![node("Reshape", &["p", "flat"], "logits", &[])];
    let (training, tuned) = tuned(&model(Dim::Fixed(1), ends)).unwrap();
    assert!(training.metrics.train["accuracy"].is_number());
    let batch = tuned.graph.inputs[0].shape.as_ref().and_then(|shape| shape.first());
    assert_eq!(batch.and_then(Dim::fixed), None);
}

#[test]
fn a_graph_that_takes_its_sample_out_of_the_batch_is_refused_with_the_way_out() {
    let axes = [("axes", Attribute::Ints(vec![2, 3])), ("keepdims", Attribute::Int(0))];
    let ends = vec![
        node("Gather", &["p", "first"], "g", &[]),
        node("ReduceMean", &["g"], "logits", &axes),
    ];
    let error = tuned(&model(Dim::Fixed(1), ends)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Hub);
    let text = ranktune_core::one_line(&error);
    assert!(
        text.contains("1 sample at a time") && text.contains("dynamic_shapes"),
        "{text}"
    );
}
