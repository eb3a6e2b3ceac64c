//! One node as a model: run by the trainable graph and by rten, with its gradients checked against central differences.

use std::collections::BTreeMap;

use ranktune_nn::{DeviceTensor, GraphOptions, Mode, TrainableGraph};
use ranktune_onnx::{Attribute, DataType, Graph as OnnxGraph, Model, Node, Tensor, ValueInfo};
use rten_tensor::prelude::*;

/// How a result may differ from rten's, relative to its largest value.
const FORWARD: f64 = 2e-5;
/// How a directional derivative may differ from the central difference, relative to the larger of the gradient's parts.
const GRADIENT: f64 = 1e-2;

/// An input of a case.
#[derive(Clone)]
pub enum Input {
    /// A parameter of random numbers in a range.
    Random(Vec<usize>, f32, f32),
    /// A parameter of distinct numbers in −1..1, in random order, for operators that compare them.
    Distinct(Vec<usize>),
    /// A constant of integers.
    Ints(Vec<usize>, Vec<i64>),
    /// A constant of numbers.
    Floats(Vec<usize>, Vec<f32>),
    /// A constant of booleans.
    Bools(Vec<usize>, Vec<bool>),
    /// An absent optional input.
    Absent,
}

/// A parameter of random numbers in −1..1.
pub fn x(dims: &[usize]) -> Input {
    Input::Random(dims.to_vec(), -1.0, 1.0)
}

/// A parameter of random numbers in a range.
pub fn within(dims: &[usize], low: f32, high: f32) -> Input {
    Input::Random(dims.to_vec(), low, high)
}

/// A parameter of distinct numbers.
pub fn distinct(dims: &[usize]) -> Input {
    Input::Distinct(dims.to_vec())
}

/// A constant list of integers.
pub fn list(values: &[i64]) -> Input {
    Input::Ints(vec![values.len()], values.to_vec())
}

/// A constant number.
pub fn number(value: f32) -> Input {
    Input::Floats(vec![], vec![value])
}

/// A node for a subgraph.
pub fn inner(op_type: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: format!("inner_{output}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: BTreeMap::new(),
    }
}

/// One node with its inputs.
#[derive(Clone)]
pub struct Case {
    op: &'static str,
    attributes: BTreeMap<String, Attribute>,
    inputs: Vec<Input>,
    opset: i64,
    outputs: usize,
    captured: usize,
}

impl Case {
    pub fn new(op: &'static str, inputs: Vec<Input>) -> Self {
        Self {
            op,
            attributes: BTreeMap::new(),
            inputs,
            opset: 20,
            outputs: 1,
            captured: 0,
        }
    }

    pub fn int(self, name: &str, value: i64) -> Self {
        self.with(name, Attribute::Int(value))
    }

    pub fn ints(self, name: &str, values: &[i64]) -> Self {
        self.with(name, Attribute::Ints(values.to_vec()))
    }

    pub fn float(self, name: &str, value: f32) -> Self {
        self.with(name, Attribute::Float(value))
    }

    pub fn string(self, name: &str, value: &str) -> Self {
        self.with(name, Attribute::String(value.as_bytes().to_vec()))
    }

    pub fn opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    pub fn outputs(mut self, outputs: usize) -> Self {
        self.outputs = outputs;
        self
    }

    /// The last `captured` inputs are not the node's own but captured by its subgraphs.
    pub fn captured(mut self, captured: usize) -> Self {
        self.captured = captured;
        self
    }

    /// A subgraph of the node; `inputs` and `outputs` by name.
    pub fn body(self, name: &str, inputs: &[&str], nodes: Vec<Node>, outputs: &[&str]) -> Self {
        let info = |name: &&str| ValueInfo {
            name: (*name).to_owned(),
            data_type: None,
            shape: None,
        };
        let graph = OnnxGraph {
            name: name.to_owned(),
            nodes,
            inputs: inputs.iter().map(info).collect(),
            outputs: outputs.iter().map(info).collect(),
            ..OnnxGraph::default()
        };
        self.with(name, Attribute::Graph(Box::new(graph)))
    }

    fn with(mut self, name: &str, value: Attribute) -> Self {
        self.attributes.insert(name.to_owned(), value);
        self
    }

    fn name(&self) -> String {
        let attributes: Vec<String> = self
            .attributes
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        format!("{} [{}]", self.op, attributes.join(", "))
    }

    /// The case as a model whose parameters are `p0.x`, `p1.x`, …, and its constants `c2`, ….
    pub fn model(&self) -> Model {
        let mut initializers = BTreeMap::new();
        let mut names = Vec::new();
        let mut random = Random(7);
        for (position, input) in self.inputs.iter().enumerate() {
            // A name without a dot is not the path of a module: a single number of that name is a constant.
            let name = match input {
                Input::Random(..) | Input::Distinct(_) => format!("p{position}.x"),
                _ => format!("c{position}"),
            };
            let tensor = match input {
                Input::Absent => {
                    names.push(String::new());
                    continue;
                }
                Input::Random(dims, low, high) => {
                    let count = dims.iter().product();
                    let values: Vec<f32> = (0..count).map(|_| low + (high - low) * random.next()).collect();
                    Tensor::from_f32(dims, &values)
                }
                Input::Distinct(dims) => {
                    let count = dims.iter().product::<usize>();
                    let mut values: Vec<f32> = (0..count)
                        .map(|index| 2.0 * index as f32 / count as f32 - 1.0)
                        .collect();
                    for index in (1..count).rev() {
                        values.swap(index, (random.next() * index as f32) as usize);
                    }
                    Tensor::from_f32(dims, &values)
                }
                Input::Ints(dims, values) => Tensor::from_i64(dims, values),
                Input::Floats(dims, values) => Tensor::from_f32(dims, values),
                Input::Bools(dims, values) => {
                    let bytes: Vec<u8> = values.iter().map(|&value| u8::from(value)).collect();
                    Tensor::new(DataType::Bool, dims, bytes.into())
                }
            };
            initializers.insert(name.clone(), tensor.unwrap());
            names.push(name);
        }
        names.truncate(names.len() - self.captured);
        let outputs: Vec<String> = (0..self.outputs).map(|position| format!("y{position}")).collect();
        let graph = OnnxGraph {
            name: "case".to_owned(),
            nodes: vec![Node {
                name: "node".to_owned(),
                op_type: self.op.to_owned(),
                domain: String::new(),
                inputs: names,
                outputs: outputs.clone(),
                attributes: self.attributes.clone(),
            }],
            initializers,
            inputs: Vec::new(),
            outputs: outputs
                .into_iter()
                .map(|name| ValueInfo {
                    name,
                    data_type: Some(DataType::F32),
                    shape: None,
                })
                .collect(),
            value_info: Vec::new(),
        };
        Model {
            ir_version: 9,
            opsets: [(String::new(), self.opset)].into(),
            producer: String::new(),
            metadata: BTreeMap::new(),
            graph,
            path: None,
        }
    }

    /// Checks the outputs against rten's, then the gradients.
    pub fn check(self) {
        let found = self.forward();
        let bytes = self.model().to_bytes().unwrap();
        let engine =
            rten::Model::load(bytes).unwrap_or_else(|error| panic!("{}: rten does not load it: {error}", self.name()));
        let ids: Vec<rten::NodeId> = (0..self.outputs)
            .map(|position| engine.node_id(&format!("y{position}")).unwrap())
            .collect();
        let expected = engine
            .run(Vec::new(), &ids, None)
            .unwrap_or_else(|error| panic!("{}: rten does not run it: {error}", self.name()));
        for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
            let expected: rten_tensor::Tensor<f32> = expected.try_into().unwrap();
            let values: Vec<f32> = expected.iter().copied().collect();
            assert_eq!(found.0, expected.shape(), "{}: shape of output {position}", self.name());
            self.close(&found.1, &values, position);
        }
        self.check_gradients();
    }

    /// Checks the first output against `expected`, where rten has no such operator; then the gradients.
    pub fn check_against(self, dims: &[usize], expected: impl Fn(&[Vec<f32>]) -> Vec<f32>) {
        let model = self.model();
        let inputs: Vec<Vec<f32>> = (0..self.inputs.len())
            .map(|position| {
                model
                    .graph
                    .initializers
                    .get(&format!("p{position}.x"))
                    .and_then(Tensor::to_f32_vec)
                    .unwrap_or_default()
            })
            .collect();
        let found = self.forward();
        assert_eq!(found[0].0, dims, "{}: shape", self.name());
        self.close(&found[0].1, &expected(&inputs), 0);
        self.check_gradients();
    }

    fn close(&self, found: &[f32], expected: &[f32], position: usize) {
        assert_eq!(found.len(), expected.len(), "{}", self.name());
        let scale = expected
            .iter()
            .fold(1e-3f64, |scale, value| scale.max(f64::from(value.abs())));
        for (index, (&a, &b)) in found.iter().zip(expected).enumerate() {
            let difference = (f64::from(a) - f64::from(b)).abs();
            assert!(
                difference <= FORWARD * scale,
                "{}: output {position}, element {index}: {a}, expected {b}",
                self.name()
            );
        }
    }

    fn forward(&self) -> Vec<(Vec<usize>, Vec<f32>)> {
        let graph = self.graph();
        let pass = graph
            .evaluate(&[])
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        graph
            .outputs()
            .iter()
            .filter_map(|name| pass.output(name).ok())
            .map(|tensor| (tensor.dims(), tensor.to_values().unwrap()))
            .collect()
    }

    fn graph(&self) -> TrainableGraph {
        TrainableGraph::new(&self.model(), GraphOptions::default())
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    /// `Σ weight · output`, over all floating-point outputs.
    fn loss(&self, graph: &mut TrainableGraph, mode: Mode) -> (f64, ranktune_nn::ForwardPass, DeviceTensor) {
        let pass = graph
            .forward(&[], mode)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        let mut random = Random(99);
        let (mut exact, mut loss): (f64, Option<DeviceTensor>) = (0.0, None);
        for name in graph.outputs() {
            let Ok(output) = pass.output(name) else {
                continue;
            };
            let values = output.to_values().unwrap();
            let weights: Vec<f32> = values.iter().map(|_| random.next() * 2.0 - 1.0).collect();
            exact += values
                .iter()
                .zip(&weights)
                .map(|(&value, &weight)| f64::from(value) * f64::from(weight))
                .sum::<f64>();
            let weights = DeviceTensor::from_values(&output.dims(), weights, graph.device()).unwrap();
            let axes: Vec<usize> = (0..output.rank()).collect();
            let part = output.mul(&weights).unwrap().sum(&axes).reshape(&[]).unwrap();
            loss = Some(loss.map_or_else(|| part.clone(), |loss| loss.add(&part).unwrap()));
        }
        (exact, pass, loss.expect("a floating-point output"))
    }

    /// The gradients of all parameters against central differences, in evaluation mode.
    pub fn check_gradients(&self) {
        self.check_gradients_in(Mode::Frozen);
    }

    /// As [`Case::check_gradients`], in `mode`.
    pub fn check_gradients_in(&self, mode: Mode) {
        let mut graph = self.graph();
        let original: Vec<DeviceTensor> = (0..graph.parameters().len())
            .map(|index| graph.value(index).clone())
            .collect();
        let trainable: Vec<usize> = (0..original.len())
            .filter(|&index| graph.parameters()[index].is_trainable())
            .collect();
        if trainable.is_empty() {
            return;
        }
        let (_, pass, loss) = self.loss(&mut graph, mode);
        let mut gradients = pass
            .backward(&loss)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        for (index, value) in original.iter().enumerate() {
            graph.set_value(index, value.clone()).unwrap();
        }
        for index in trainable {
            let name = graph.parameters()[index].name.clone();
            let values = original[index].to_values().unwrap();
            let gradient = gradients
                .take(index)
                .map_or_else(|| vec![0.0; values.len()], |gradient| gradient.to_values().unwrap());
            assert_eq!(gradient.len(), values.len());
            for seed in 0..3 {
                let mut random = Random(1000 + seed);
                // Only a few coordinates move, so that the others do not hide errors.
                let direction: Vec<f32> = values
                    .iter()
                    .map(|_| {
                        if random.next() < 0.3 {
                            random.next() * 2.0 - 1.0
                        } else {
                            0.0
                        }
                    })
                    .collect();
                let terms: Vec<f64> = gradient
                    .iter()
                    .zip(&direction)
                    .map(|(&g, &d)| f64::from(g) * f64::from(d))
                    .collect();
                let analytic: f64 = terms.iter().sum();
                let step = 2e-3f32;
                let mut side = |sign: f32| {
                    let moved: Vec<f32> = values
                        .iter()
                        .zip(&direction)
                        .map(|(&value, &d)| value + sign * step * d)
                        .collect();
                    graph
                        .set_value(
                            index,
                            DeviceTensor::from_values(original[index].dims().as_slice(), moved, graph.device())
                                .unwrap(),
                        )
                        .unwrap();
                    let (exact, ..) = self.loss(&mut graph, mode);
                    for (other, value) in original.iter().enumerate() {
                        graph.set_value(other, value.clone()).unwrap();
                    }
                    exact
                };
                let numeric = (side(1.0) - side(-1.0)) / (2.0 * f64::from(step));
                let scale = terms
                    .iter()
                    .map(|term| term.abs())
                    .fold(0.0, f64::max)
                    .max(analytic.abs())
                    .max(numeric.abs())
                    .max(0.05);
                assert!(
                    (analytic - numeric).abs() <= GRADIENT * scale,
                    "{}: gradient of {name} along direction {seed}: {analytic}, by differences {numeric}",
                    self.name()
                );
            }
        }
    }
}

/// Uniform numbers in 0..1, from a fixed seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}
