use ranktune_onnx::{Attribute, DataType, Dim, Graph, Node, Tensor, ValueInfo};

use super::*;

const C: usize = 4;
const SHAPE: [usize; 4] = [2, C, 9, 6];

fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: String::new(),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: Default::default(),
    }
}

fn depthwise(input: &str, output: &str) -> Node {
    let mut node = node("Conv", &[input, "w", "b"], output);
    node.attributes.insert("group".to_owned(), Attribute::Int(C as i64));
    node.attributes.insert("pads".to_owned(), Attribute::Ints(vec![1; 4]));
    node
}

fn tensor(name: &str, dims: &[usize]) -> (String, Tensor) {
    let values: Vec<f32> = (0..dims.iter().product()).map(|i| (i as f32 * 2.3).sin()).collect();
    (name.to_owned(), Tensor::from_f32(dims, &values).unwrap())
}

fn value(name: &str) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::F32),
        shape: Some(vec![Dim::Unknown; 4]),
    }
}

fn model(nodes: Vec<Node>, outputs: &[&str]) -> ranktune_onnx::Model {
    let mut input = value("x");
    input.shape = Some([&[Dim::Named("n".to_owned())], &SHAPE.map(Dim::Fixed)[1..]].concat());
    ranktune_onnx::Model {
        ir_version: 8,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: Default::default(),
        graph: Graph {
            nodes,
            initializers: [
                tensor("w", &[C, 1, 3, 3]),
                tensor("b", &[C]),
                tensor("p", &[C, C, 1, 1]),
            ]
            .into(),
            inputs: vec![input],
            outputs: outputs.iter().map(|name| value(name)).collect(),
            ..Graph::default()
        },
        path: None,
    }
}

/// Two branches of different depth that meet again, a skip connection over both, a constant that two stages share, and
/// convolutions whose outputs are the graph's.
fn branches() -> ranktune_onnx::Model {
    let mut three = node("Constant", &[], "three");
    three.attributes.insert("value_float".to_owned(), Attribute::Float(3.0));
    let nodes = vec![
        three,
        node("Neg", &["three"], "minus_three"),
        node("Clip", &["x", "minus_three", "three"], "clipped"),
        depthwise("clipped", "a1"),
        node("Relu", &["a1"], "a2"),
        depthwise("a2", "a3"),
        node("Conv", &["x", "p"], "b1"),
        depthwise("b1", "b2"),
        node("Clip", &["b2", "minus_three", "three"], "b3"),
        node("Add", &["a3", "b3"], "met"),
        node("Add", &["met", "clipped"], "y"),
        depthwise("y", "z"),
    ];
    model(nodes, &["y", "z", "a2", "b2"])
}

fn run(program: Program, wanted: &[&str]) -> Vec<Output> {
    let x: Vec<f32> = (0..SHAPE.iter().product())
        .map(|i| (i as f32 * 0.61).sin() * 5.0)
        .collect();
    let input = Input {
        name: "x",
        shape: &SHAPE,
        elements: Elements::F32(&x),
    };
    let mut session = RtenSession {
        program,
        pool: Arc::new(ThreadPool::with_num_threads(2)),
    };
    session.run(&[input], wanted).unwrap()
}

#[test]
fn a_graph_cut_into_stages_computes_what_the_whole_graph_does() {
    let mut model = branches();
    assert!(prepare::prepare(&mut model).unwrap(), "rten needs the kernel's shape");
    for wanted in [&["y", "z", "a2", "b2"][..], &["z"], &["b2"], &["y", "a2", "y"]] {
        let program = Program::in_stages(&model).unwrap();
        assert_eq!(program.stages.len(), 4);
        let (cut, whole) = (
            run(program, wanted),
            run(Program::whole(model.to_bytes().unwrap()).unwrap(), wanted),
        );
        for ((cut, whole), name) in cut.iter().zip(&whole).zip(wanted) {
            assert_eq!(cut.shape, whole.shape, "{name}");
            let apart = cut.data.iter().zip(&whole.data).map(|(a, b)| (a - b).abs());
            // Sums of 9 terms of size 5, through three layers.
            assert!(apart.fold(0.0, f32::max) < 1e-3, "{name}");
        }
    }
}

#[test]
fn several_convolutions_may_read_one_value() {
    let nodes = vec![
        node("Relu", &["x"], "r"),
        depthwise("r", "a"),
        depthwise("r", "c"),
        node("Add", &["a", "c"], "y"),
        depthwise("y", "z"),
        node("Add", &["z", "r"], "sum"),
    ];
    let mut model = model(nodes, &["y", "sum", "a"]);
    assert!(prepare::prepare(&mut model).unwrap(), "rten needs the kernel's shape");
    for wanted in [&["y", "a"][..], &["sum"]] {
        let cut = run(Program::in_stages(&model).unwrap(), wanted);
        let whole = run(Program::whole(model.to_bytes().unwrap()).unwrap(), wanted);
        for (cut, whole) in cut.iter().zip(&whole) {
            let apart = cut.data.iter().zip(&whole.data).map(|(a, b)| (a - b).abs());
            // Sums of 9 terms of size 5, through two layers.
            assert!(apart.fold(0.0, f32::max) < 1e-3, "{wanted:?}");
        }
        if let [y, a] = cut.as_slice() {
            assert!(y.data.iter().zip(&a.data).all(|(y, a)| *y == 2.0 * a));
        }
    }
}

#[test]
fn a_graph_is_left_whole_if_cutting_gains_nothing_or_may_be_wrong() {
    let with = |change: fn(&mut Node)| {
        let mut conv = depthwise("x", "y");
        change(&mut conv);
        model(vec![conv], &["y"])
    };
    type Change = fn(&mut Node);
    let cases: [(&str, Change); 8] = [
        ("a single group", |node| drop(node.attributes.remove("group"))),
        ("automatic padding", |node| {
            node.attributes
                .insert("auto_pad".to_owned(), Attribute::String(b"SAME_UPPER".to_vec()));
        }),
        ("weights that are computed", |node| node.inputs[1] = "x".to_owned()),
        ("a bias that is computed", |node| node.inputs[2] = "x".to_owned()),
        ("no stride", |node| {
            node.attributes
                .insert("strides".to_owned(), Attribute::Ints(vec![0, 1]));
        }),
        ("padding beyond the kernel", |node| {
            node.attributes
                .insert("pads".to_owned(), Attribute::Ints(vec![1 << 40; 4]));
        }),
        ("a dilation that overflows", |node| {
            node.attributes
                .insert("dilations".to_owned(), Attribute::Ints(vec![i64::MAX; 2]));
        }),
        ("another operator", |node| node.domain = "com.example".to_owned()),
    ];
    for (case, change) in cases {
        assert!(stages::stages(&with(change)).is_none(), "{case}");
    }
    assert!(stages::stages(&with(|_| ())).is_some());
    assert!(stages::stages(&model(vec![node("Relu", &["x"], "y")], &["y"])).is_none());
    assert!(
        stages::stages(&model(vec![depthwise("x", "y")], &["y", "x"])).is_none(),
        "an input as output"
    );
}

#[test]
fn an_error_within_a_stage_names_its_node() {
    // 3 channels where 4 are expected, behind a node that hides it from the check of inputs.
    let mut model = model(vec![node("Relu", &["x"], "r"), depthwise("r", "y")], &["y"]);
    model.graph.nodes[1].name = "the_conv".to_owned();
    model.graph.inputs[0].shape = None;
    let mut session = open()
        .load(&model.to_bytes().unwrap(), &EngineOptions::default())
        .unwrap();
    let input = Input {
        name: "x",
        shape: &[1, 3, 2, 2],
        elements: Elements::F32(&[0.0; 12]),
    };
    let error = session.run(&[input], &["y"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Inference);
    assert!(error.to_string().contains("\"the_conv\" (Conv)"), "{error}");
}
