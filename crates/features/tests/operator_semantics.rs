//! Every operator on ties, NaN, infinities, empty and broadcast inputs, integer overflow and negative axes: each engine gives
//! what ONNX's reference evaluator does, or refuses the graph, and one that is part of every build does not refuse.
//!
//! `experiments/operator_semantics` makes the table. Sizes, axes and weights are initializers there, as in files; the other
//! inputs are fed. A second run has all of them as initializers, so that constants are folded.
#![expect(clippy::unwrap_used, reason = "this is a test; what fails should fail loudly")]

mod support;

use std::collections::BTreeMap;

use ranktune_core::one_line;
use ranktune_features::engine::{Elements, Engine, EngineOptions, Input, Output};
use ranktune_onnx::{Attribute, DataType, Dim, Model, Node, Tensor, ValueInfo, transform};
use serde_json::Value;
use support::{engines, model_of, node, with};

const TABLE: &str = include_str!("operator_semantics.jsonl");

/// What neither rten nor the trainable graph runs (docs/how-to/engines.md).
const ONLY_ONNX_RUNTIME: &[&str] = &[
    "AveragePool: dilated",
    "ConvTranspose: a shape",
    "GRU: bidirectional, linear_before_reset=0",
    "GRU: forward, linear_before_reset=0",
    "GRU: reverse, linear_before_reset=0",
    "Hardmax:",
    "LSTM: lengths",
    "ReduceMean: integers",
    "GridSample: cubic",
    "GridSample: nearest",
    "GridSample: linear, border",
    "GridSample: linear, reflection",
];

/// Differences that are known and left as they are (docs/how-to/engines.md): the engine, and the beginning of the case.
const LEFT: &[(&str, &str)] = &[
    ("rten", "Relu: special values"),
    ("rten", "Clip: NaN and limits"),
    ("rten", "Clip: attributes"),
    ("burn", "Add: overflow of 32 bits wraps"),
    ("burn", "Mul: overflow of 32 bits wraps"),
];

/// A tensor of the table.
struct Entry {
    data_type: DataType,
    dims: Vec<usize>,
    values: Vec<f64>,
    is_constant: bool,
}

impl Entry {
    fn read(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let types = [
            ("f32", DataType::F32),
            ("f64", DataType::F64),
            ("f16", DataType::F16),
            ("i64", DataType::I64),
            ("i32", DataType::I32),
            ("i16", DataType::I16),
            ("i8", DataType::I8),
            ("u8", DataType::U8),
            ("bool", DataType::Bool),
        ];
        let name = object["type"].as_str().unwrap();
        let dims = object["dims"].as_array().unwrap().iter();
        Some(Self {
            data_type: types.iter().find(|(known, _)| *known == name).unwrap().1,
            dims: dims.map(|dim| dim.as_u64().unwrap() as usize).collect(),
            values: object["values"].as_array().unwrap().iter().map(number).collect(),
            is_constant: object.contains_key("constant"),
        })
    }

    fn ints(&self) -> Vec<i64> {
        // The only integers beyond 2⁵³ are the limits of i64, to which this saturates.
        self.values.iter().map(|&value| value as i64).collect()
    }

    fn tensor(&self) -> Tensor {
        let bytes: Vec<u8> = match self.data_type {
            DataType::F32 => self.values.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
            DataType::I64 => self.ints().iter().flat_map(|x| x.to_le_bytes()).collect(),
            DataType::I32 => self.ints().iter().flat_map(|&x| (x as i32).to_le_bytes()).collect(),
            _ => self.ints().iter().map(|&x| x as u8).collect(),
        };
        Tensor::new(self.data_type, &self.dims, bytes.into()).unwrap()
    }

    fn info(&self, name: &str) -> ValueInfo {
        ValueInfo {
            name: name.to_owned(),
            data_type: Some(if self.data_type == DataType::F32 {
                DataType::F32
            } else {
                DataType::I64
            }),
            shape: Some(self.dims.iter().map(|&dim| Dim::Fixed(dim)).collect()),
        }
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => f64::from(*value),
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    }
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| Attribute::Float(number.as_f64().unwrap() as f32), Attribute::Int),
        Value::String(text) => Attribute::String(text.as_bytes().to_vec()),
        Value::Array(values) => Attribute::Ints(values.iter().map(|value| value.as_i64().unwrap()).collect()),
        other => panic!("{other}"),
    }
}

/// A line of the table.
struct Case {
    name: String,
    opset: i64,
    node: Node,
    inputs: Vec<Option<Entry>>,
    outputs: Vec<Entry>,
}

impl Case {
    fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap();
        let inputs: Vec<_> = value["inputs"].as_array().unwrap().iter().map(Entry::read).collect();
        let outputs: Vec<_> = value["outputs"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Entry::read)
            .collect();
        let names = inputs.iter().enumerate().map(|(at, input)| match input {
            Some(_) => format!("x{at}"),
            None => String::new(),
        });
        Self {
            node: Node {
                inputs: names.collect(),
                outputs: (0..outputs.len()).map(|at| format!("y{at}")).collect(),
                attributes: value["attributes"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(name, value)| (name.clone(), attribute(value)))
                    .collect(),
                ..node(value["op"].as_str().unwrap(), &[], "")
            },
            name: value["name"].as_str().unwrap().to_owned(),
            opset: value["opset"].as_i64().unwrap(),
            inputs,
            outputs,
        }
    }

    /// The inputs that a caller feeds.
    fn fed(&self) -> impl Iterator<Item = (String, &Entry)> {
        let inputs = self.inputs.iter().enumerate();
        inputs.filter_map(|(at, input)| Some((format!("x{at}"), input.as_ref().filter(|input| !input.is_constant)?)))
    }

    /// Engines take f32 and i64 and give f32, so that other types are cast on both sides.
    fn model(&self, all_constant: bool) -> Model {
        let mut own = self.node.clone();
        let mut nodes = Vec::new();
        let (mut infos, mut initializers) = (Vec::new(), BTreeMap::new());
        for (at, input) in self.inputs.iter().enumerate() {
            let Some(input) = input else { continue };
            let name = format!("x{at}");
            if input.is_constant || all_constant {
                initializers.insert(name, input.tensor());
                continue;
            }
            infos.push(input.info(&name));
            if !matches!(input.data_type, DataType::F32 | DataType::I64) {
                own.inputs[at] = format!("{name}_typed");
                let to = Attribute::Int(i64::from(input.data_type.code()));
                nodes.push(with(node("Cast", &[&name], &own.inputs[at]), "to", to));
            }
        }
        nodes.push(own);
        let outputs: Vec<ValueInfo> = (0..self.outputs.len())
            .map(|at| ValueInfo {
                name: format!("z{at}"),
                data_type: Some(DataType::F32),
                shape: None,
            })
            .collect();
        for at in 0..self.outputs.len() {
            let cast = node("Cast", &[&format!("y{at}")], &format!("z{at}"));
            nodes.push(with(cast, "to", Attribute::Int(i64::from(DataType::F32.code()))));
        }
        model_of(self.opset, infos, outputs, nodes, initializers)
    }

    fn run(&self, engine: &dyn Engine, model: &[u8], feeds: bool) -> Result<Vec<Output>, ranktune_features::Error> {
        let mut session = engine.load(model, &EngineOptions::default().with_threads(1))?;
        let fed: Vec<(String, &Entry)> = if feeds { self.fed().collect() } else { Vec::new() };
        let floats: Vec<Vec<f32>> = fed
            .iter()
            .map(|(_, entry)| entry.values.iter().map(|&x| x as f32).collect())
            .collect();
        let ints: Vec<Vec<i64>> = fed.iter().map(|(_, entry)| entry.ints()).collect();
        let inputs: Vec<Input<'_>> = fed
            .iter()
            .enumerate()
            .map(|(at, (name, entry))| Input {
                name,
                shape: &entry.dims,
                elements: match entry.data_type {
                    DataType::F32 => Elements::F32(&floats[at]),
                    _ => Elements::I64(&ints[at]),
                },
            })
            .collect();
        let names: Vec<String> = (0..self.outputs.len()).map(|at| format!("z{at}")).collect();
        session.run(&inputs, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What is different, if anything.
    fn difference(&self, found: &[Output]) -> Option<String> {
        for (at, (found, expected)) in found.iter().zip(&self.outputs).enumerate() {
            if found.shape != expected.dims {
                return Some(format!(
                    "output {at} has shape {:?}, expected {:?}",
                    found.shape, expected.dims
                ));
            }
            let scale = expected
                .values
                .iter()
                .filter(|x| x.abs() < 1e30)
                .fold(1.0f64, |scale, x| scale.max(x.abs()));
            for (&found, &expected) in found.data.iter().zip(&expected.values) {
                let (found, expected) = (f64::from(found), f64::from(expected as f32));
                let close = (found - expected).abs() <= 1e-5 * expected.abs() + 1e-6 * scale;
                if !(close || found == expected || (found.is_nan() && expected.is_nan())) {
                    return Some(format!("output {at} has {found}, expected {expected}: {found:?}"));
                }
            }
        }
        None
    }
}

#[test]
fn every_engine_computes_what_the_specification_says_or_refuses() {
    let engines = engines();
    let (mut wrong, mut refused_by_all) = (Vec::new(), Vec::new());
    let mut computed = 0;
    for line in TABLE.lines() {
        let case = Case::read(line);
        // An engine is not run on nothing, but what it computes between may be empty.
        let is_empty = case.fed().any(|(_, input)| input.dims.contains(&0));
        for all_constant in [false, true] {
            let mut model = case.model(all_constant);
            if all_constant {
                transform::simplify(&mut model).unwrap();
            } else if is_empty {
                continue;
            }
            let bytes = model.to_bytes().unwrap();
            let mut reasons = Vec::new();
            for engine in &engines {
                let what = format!(
                    "{}{}, {}",
                    case.name,
                    if all_constant { ", constant" } else { "" },
                    engine.name()
                );
                match case.run(engine.as_ref(), &bytes, !all_constant) {
                    Ok(found) => {
                        computed += 1;
                        let is_left =
                            |(of, begin): &&(&str, &str)| *of == engine.name() && case.name.starts_with(begin);
                        match (case.difference(&found), LEFT.iter().find(is_left)) {
                            (Some(difference), None) => wrong.push(format!("{what}: {difference}")),
                            (None, Some(_)) => wrong.push(format!("{what}: no difference any more")),
                            _ => {}
                        }
                    }
                    Err(error) => reasons.push((engine.name(), format!("{what}: {}", one_line(&error)))),
                }
            }
            let embedded = reasons
                .iter()
                .filter(|(engine, _)| ["rten", "burn"].contains(engine))
                .count();
            let is_expected = ONLY_ONNX_RUNTIME.iter().any(|begin| case.name.starts_with(begin));
            if embedded == 2 && !is_expected {
                refused_by_all.extend(reasons.iter().map(|(_, reason)| reason.clone()));
            }
        }
    }
    assert!(computed > 1500, "{computed}");
    let refused = refused_by_all.iter().map(|reason| format!("refused: {reason}"));
    let wrong: Vec<String> = wrong.into_iter().chain(refused).collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
