//! Graphs that contradict themselves, hostile sizes, and nodes to fold: what each side says of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use ranktune_onnx::graph::display_shape;
use ranktune_onnx::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo, shapes};

use crate::walk::{Miss, show, walk};

struct Case {
    title: &'static str,
    op_type: &'static str,
    /// Of the input `x`; 0 stands for `batch`. Nodes of constants alone have none.
    x: Option<Vec<usize>>,
    constants: Vec<Tensor>,
    attributes: Vec<(&'static str, Attribute)>,
    outputs: usize,
}

fn case(title: &'static str, op_type: &'static str, x: &[usize], constants: Vec<Tensor>) -> Case {
    Case {
        title,
        op_type,
        x: Some(x.to_vec()),
        constants,
        attributes: Vec::new(),
        outputs: 1,
    }
}

fn folded(title: &'static str, op_type: &'static str, constants: Vec<Tensor>) -> Case {
    Case {
        x: None,
        ..case(title, op_type, &[], constants)
    }
}

impl Case {
    fn with(mut self, name: &'static str, value: Attribute) -> Self {
        self.attributes.push((name, value));
        self
    }

    fn model(&self) -> Model {
        let names = (0..self.constants.len()).map(|position| format!("c{position}"));
        let x = self.x.iter().map(|_| "x".to_owned());
        let dim = |&size: &usize| {
            if size == 0 {
                Dim::Named("batch".to_owned())
            } else {
                Dim::Fixed(size)
            }
        };
        let info = |name: &str, shape: Option<Vec<Dim>>| ValueInfo {
            name: name.to_owned(),
            data_type: shape.is_some().then_some(DataType::F32),
            shape,
        };
        let outputs: Vec<String> = (0..self.outputs).map(|position| format!("y{position}")).collect();
        let node = Node {
            name: "node".to_owned(),
            op_type: self.op_type.to_owned(),
            domain: String::new(),
            inputs: x.chain(names.clone()).collect(),
            outputs: outputs.clone(),
            attributes: self
                .attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        };
        let graph = Graph {
            name: "g".to_owned(),
            nodes: vec![node],
            initializers: names.zip(self.constants.iter().cloned()).collect(),
            inputs: self
                .x
                .iter()
                .map(|x| info("x", Some(x.iter().map(dim).collect())))
                .collect(),
            outputs: outputs.iter().map(|name| info(name, None)).collect(),
            value_info: Vec::new(),
        };
        Model {
            ir_version: 8,
            opsets: BTreeMap::from([(String::new(), 17)]),
            producer: String::new(),
            metadata: BTreeMap::new(),
            graph,
            path: None,
        }
    }
}

fn ints(values: &[i64]) -> Tensor {
    Tensor::from_i64(&[values.len()], values).expect("one axis")
}

fn number(value: i64) -> Tensor {
    Tensor::from_i64(&[], &[value]).expect("a scalar")
}

fn matrix(rows: usize, values: &[i64]) -> Tensor {
    Tensor::from_i64(&[rows, values.len() / rows], values).expect("whole rows")
}

fn floats(values: &[f32]) -> Tensor {
    Tensor::from_f32(&[values.len()], values).expect("one axis")
}

fn weights(dims: &[usize]) -> Tensor {
    Tensor::from_f32(dims, &vec![0.5; dims.iter().product()]).expect("as many as the shape says")
}

fn list(values: &[i64]) -> Attribute {
    Attribute::Ints(values.to_vec())
}

fn contradictions() -> Vec<Case> {
    vec![
        case(
            "weight of other channels",
            "Conv",
            &[0, 3, 8, 8],
            vec![weights(&[4, 5, 3, 3])],
        ),
        case(
            "window larger than the image",
            "Conv",
            &[0, 3, 2, 2],
            vec![weights(&[4, 3, 5, 5])],
        ),
        case("stride of 0", "Conv", &[0, 3, 8, 8], vec![weights(&[4, 3, 3, 3])]).with("strides", list(&[0, 0])),
        case("matrix that does not fit", "MatMul", &[0, 4], vec![weights(&[5, 7])]),
        case("matrix that does not fit", "Gemm", &[0, 4], vec![weights(&[5, 7])]),
        case(
            "statistics of other channels",
            "BatchNormalization",
            &[0, 4, 8, 8],
            vec![weights(&[4]), weights(&[4]), weights(&[4]), weights(&[3])],
        ),
        case(
            "scale of another length",
            "LayerNormalization",
            &[0, 7, 4],
            vec![weights(&[5])],
        ),
        case("other number of elements", "Reshape", &[2, 3], vec![ints(&[4, -1])]),
        case("shapes do not broadcast", "Add", &[0, 3], vec![weights(&[4])]),
        case("shapes do not expand", "Expand", &[0, 3], vec![ints(&[1, 4])]),
        case("other sizes beside the axis", "Concat", &[2, 3], vec![weights(&[4, 3])]).with("axis", Attribute::Int(1)),
        case("axis given twice", "Transpose", &[0, 3, 4], vec![]).with("perm", list(&[0, 1, 1])),
        case("axis out of range", "Gather", &[0, 3], vec![ints(&[0])]).with("axis", Attribute::Int(5)),
        case("squeezed axis of 3", "Squeeze", &[0, 3], vec![ints(&[1])]),
        Case {
            outputs: 2,
            ..case("parts do not add up", "Split", &[0, 7], vec![ints(&[3, 5])]).with("axis", Attribute::Int(1))
        },
        case("more than there are", "TopK", &[0, 9], vec![ints(&[12])]),
    ]
}

fn hostile() -> Vec<Case> {
    vec![
        case(
            "step of 0",
            "Slice",
            &[4, 9],
            vec![ints(&[1]), ints(&[5]), ints(&[1]), ints(&[0])],
        ),
        case("axis given twice", "Unsqueeze", &[4, 9], vec![ints(&[3, 3])]),
        folded("no bounds", "Range", vec![ints(&[]), ints(&[]), ints(&[])]),
        folded("−2³¹ ÷ −1", "Div", vec![ints(&[i64::from(i32::MIN)]), ints(&[-1])]),
        folded("65536 · 65536", "Mul", vec![ints(&[65536]), ints(&[65536])]),
        folded("2³¹ − 1 + 1", "Add", vec![ints(&[i64::from(i32::MAX)]), ints(&[1])]),
        folded(
            "−2⁴⁰ + 2⁴⁰ + 1",
            "Add",
            vec![ints(&[-(1 << 40)]), ints(&[(1 << 40) + 1])],
        ),
        case("size of 2³² + 3", "Relu", &[0, (1 << 32) + 3], vec![]),
        folded("lengths 2 and 3", "Add", vec![ints(&[1, 2]), ints(&[1, 2, 3])]),
        folded("numbers chosen between", "Where", vec![number(1), number(2), number(3)]),
        case("volumes", "Conv", &[0, 3, 8, 8, 8], vec![weights(&[4, 3, 3, 3, 3])]),
        case("40 axes", "Relu", &[1; 40], vec![]),
        case("2³⁰ squared", "Expand", &[1, 1], vec![ints(&[1 << 30, 1 << 35])]),
        // 2³¹ − 1 in a file; here what this machine can hold.
        folded("20,000,000 sevens", "ConstantOfShape", vec![ints(&[20_000_000])])
            .with("value", Attribute::Tensor(ints(&[7]))),
    ]
}

fn folding() -> Vec<Case> {
    let half = Tensor::new(DataType::F16, &[2], Bytes::from_static(&[0, 0x3c, 0, 0x3e])).expect("two elements");
    vec![
        folded("weight", "Transpose", vec![weights(&[2, 3])]),
        folded("f16 weight", "Cast", vec![half]).with("to", Attribute::Int(1)),
        folded("integer matrix", "Transpose", vec![matrix(2, &[1, 2, 3, 4])]),
        folded("matrices", "Concat", vec![matrix(2, &[1, 2, 3, 4]), matrix(2, &[5, 6])])
            .with("axis", Attribute::Int(1)),
        folded("floats", "Mul", vec![floats(&[0.5, 1.5]), floats(&[2.5])]),
        folded("floats", "Sqrt", vec![floats(&[4.0, 9.0])]),
        folded("integers", "Add", vec![ints(&[1, 2]), ints(&[3])]),
        folded("7 ÷ 2", "Div", vec![ints(&[7]), ints(&[2])]),
        folded("floats 7 ÷ 2", "Div", vec![floats(&[7.0]), floats(&[2.0])]),
        folded(
            "backwards",
            "Slice",
            vec![
                ints(&[1, 2, 3]),
                ints(&[-1]),
                ints(&[i64::MIN]),
                ints(&[0]),
                ints(&[-1]),
            ],
        ),
        folded("product", "ReduceProd", vec![ints(&[2, 3, 4])]),
        folded("comparison", "Less", vec![ints(&[1, 5]), ints(&[3])]),
        folded("to a matrix", "Reshape", vec![ints(&[1, 2, 3, 4]), ints(&[2, 2])]),
    ]
}

pub fn run() {
    println!("bytes of one element: {}", size_of::<rten_shape_inference::SymExpr>());
    for (title, cases) in [
        ("Contradictions", contradictions()),
        ("Hostile sizes", hostile()),
        ("Constants to fold", folding()),
    ] {
        println!("\n## {title}");
        for case in cases {
            let model = case.model();
            println!("{} ({})", case.op_type, case.title);
            println!("    ranktune: {}", ours(&model));
            println!("    library:  {}", theirs(&model));
        }
    }
}

fn ours(model: &Model) -> String {
    match catch_unwind(AssertUnwindSafe(|| shapes::infer(model))) {
        Ok(Ok(shapes)) => {
            let shape = shapes.shape("y0").map_or_else(|| "unknown".to_owned(), display_shape);
            let values = shapes.constant("y0").map(|constant| {
                let ints = constant
                    .to_i64_vec()
                    .map(|values| format!("{:?}", &values[..values.len().min(8)]));
                let floats = || {
                    constant
                        .to_f32_vec()
                        .map(|values| format!("{:?}", &values[..values.len().min(8)]))
                };
                format!(" = {}", ints.or_else(floats).unwrap_or_default())
            });
            format!("{shape}{}", values.unwrap_or_default())
        }
        Ok(Err(error)) => format!("ERROR {error}"),
        Err(_) => "PANIC".to_owned(),
    }
}

fn theirs(model: &Model) -> String {
    let walk = walk(model, &BTreeMap::new());
    match walk.missed.get(&0) {
        Some(Miss::NoRule) => "no rule".to_owned(),
        Some(Miss::Error(error)) => format!("ERROR {error}"),
        Some(Miss::Panic(text)) => format!("PANIC {text}"),
        None => show(walk.values.get("y0")),
    }
}
