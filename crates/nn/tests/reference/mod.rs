//! Compares a graph with the results of PyTorch. Shared by the example `conformance` and the test of that name.

use std::collections::BTreeMap;
use std::path::Path;

use ranktune_nn::{Device, DeviceTensor, Feed, GraphOptions, HostTensor, Mode, TrainableGraph};
use ranktune_onnx::Model;
use safetensors::{Dtype, SafeTensors};

/// The largest error that passes, relative to the largest absolute value of the reference.
pub const TOLERANCE: f64 = 1e-3;

type Failure = Box<dyn std::error::Error>;

/// How far a gradient may be from the reference where rounding alone moves it by more than the tolerance: this many times
/// as far as rounding the parameters to f32 differently was seen to move it.
const ROUNDING: f64 = 8.0;

/// A gradient that is zero here, apart from rounding, may be this share of the largest gradient in the reference, whose sums
/// round more.
const NOTHING: f64 = 1e-5;

/// Errors in one mode.
pub struct Agreement {
    pub output: f64,
    pub loss: f64,
    /// The worst gradient and its parameter.
    pub gradient: (f64, String),
    pub compared: usize,
    /// How many of the compared gradients are rounding noise (a bias before another normalization has the gradient zero).
    pub noise: usize,
}

/// Errors of one graph.
pub struct Outcome {
    pub evaluation: Agreement,
    /// With the worst error of running statistics, and how many there are.
    pub training: Option<(Agreement, (f64, usize))>,
}

impl Agreement {
    fn passes(&self) -> bool {
        // Written so that NaN fails.
        self.output <= TOLERANCE && self.loss <= TOLERANCE && self.gradient.0 <= TOLERANCE
    }
}

impl Outcome {
    pub fn passes(&self) -> bool {
        let training = self.training.as_ref();
        self.evaluation.passes()
            && training.is_none_or(|(agreement, (error, _))| agreement.passes() && *error <= TOLERANCE)
    }
}

/// Runs the graph in `folder` and compares.
pub fn compare(folder: &Path, device: &Device) -> Result<Outcome, Failure> {
    let model = Model::load(&folder.join("model.onnx"))?;
    let bytes = std::fs::read(folder.join("reference.safetensors"))?;
    let reference = SafeTensors::deserialize(&bytes)?;
    let settings = GraphOptions {
        device: device.clone(),
        ..GraphOptions::default()
    };
    let mut graph = TrainableGraph::new(&model, settings)?;
    let feeds = reference
        .names()
        .into_iter()
        .filter_map(|name| Some((name, name.strip_prefix("input.")?)))
        .map(|(name, input)| Ok((input.to_owned(), host(&reference, name)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let evaluation = agreement(&mut graph, &feeds, &reference, Mode::Frozen, "")?;
    if evaluation.compared == 0 {
        return Err("the reference holds no gradient".into());
    }
    let trains = reference.names().into_iter().any(|name| name.starts_with("train."));
    if !trains {
        return Ok(Outcome {
            evaluation,
            training: None,
        });
    }
    let agreement = agreement(&mut graph, &feeds, &reference, Mode::Training, "train.")?;
    let statistics = statistics(&graph, &model, &reference)?;
    if agreement.compared == 0 || statistics.1 == 0 {
        return Err("the reference holds no gradient or no running statistics of a training pass".into());
    }
    Ok(Outcome {
        evaluation,
        training: Some((agreement, statistics)),
    })
}

/// Output, loss and gradients (by parameter) of one pass.
struct Results {
    output: Vec<f32>,
    loss: Vec<f32>,
    gradients: Vec<Option<Vec<f32>>>,
}

fn results(graph: &mut TrainableGraph, feeds: &[(String, HostTensor)], mode: Mode) -> Result<Results, Failure> {
    let feeds: Vec<(&str, Feed)> = feeds
        .iter()
        .map(|(name, host)| (name.as_str(), Feed::from(host.clone())))
        .collect();
    let pass = graph.forward(&feeds, mode)?;
    let first = graph
        .outputs()
        .first()
        .map(|name| (*name).to_owned())
        .ok_or("the graph has no output")?;
    let output = pass.output(&first)?;
    let axes: Vec<usize> = (0..output.rank()).collect();
    let loss = output.mul(&output)?.mean(&axes).mul_scalar(0.5);
    let (output, loss_value) = (output.to_values()?, loss.to_values()?);
    let mut tape = pass.backward(&loss)?;
    let gradients = (0..graph.parameters().len())
        .map(|index| tape.take(index).map(|gradient| gradient.to_values()).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Results {
        output,
        loss: loss_value,
        gradients,
    })
}

fn agreement(
    graph: &mut TrainableGraph,
    feeds: &[(String, HostTensor)],
    reference: &SafeTensors,
    mode: Mode,
    prefix: &str,
) -> Result<Agreement, Failure> {
    let before: Vec<DeviceTensor> = (0..graph.parameters().len())
        .map(|index| graph.value(index).clone())
        .collect();
    let found = results(graph, feeds, mode)?;
    let wanted = format!("{prefix}grad.");
    let mut agreement = Agreement {
        output: relative(&found.output, &floats(reference, &format!("{prefix}output"))?)?,
        loss: relative(&found.loss, &floats(reference, &format!("{prefix}loss"))?)?,
        gradient: (0.0, String::new()),
        compared: 0,
        noise: 0,
    };
    let mut doubtful = Vec::new();
    let mut top = 0.0f64;
    for name in reference.names() {
        let Some(parameter) = name.strip_prefix(&wanted) else {
            continue;
        };
        let index = graph
            .find(parameter)
            .ok_or_else(|| format!("{parameter:?} is no parameter of the graph"))?;
        let expected = floats(reference, name)?;
        top = top.max(largest(&expected));
        let error = match &found.gradients[index] {
            Some(gradient) => relative(gradient, &expected)?,
            // A parameter that the loss does not depend on has the gradient zero.
            None if graph.parameters()[index].is_trainable() => relative(&vec![0.0; expected.len()], &expected)?,
            None => {
                return Err(format!("{parameter:?} is not trained: {}", graph.parameters()[index].role).into());
            }
        };
        agreement.compared += 1;
        if error <= TOLERANCE {
            agreement.gradient = worse(agreement.gradient, error, parameter);
        } else {
            doubtful.push((parameter, index, error, largest(&expected)));
        }
    }
    if !doubtful.is_empty() {
        let after: Vec<DeviceTensor> = (0..before.len()).map(|index| graph.value(index).clone()).collect();
        let moved = by_rounding(graph, feeds, mode, &before, &found)?;
        for (parameter, index, error, scale) in doubtful {
            // A gradient that does not move is not noise: it may be missing.
            let is_noise = |gradient: &[f32]| moved[index] > 0.0 && largest(gradient) <= ROUNDING * moved[index];
            let is_nothing = |gradient: &Vec<f32>| is_noise(gradient) && scale <= NOTHING * top;
            if error * scale <= ROUNDING * moved[index] || found.gradients[index].as_ref().is_some_and(is_nothing) {
                agreement.noise += 1;
            } else {
                agreement.gradient = worse(agreement.gradient, error, parameter);
            }
        }
        for (index, value) in after.into_iter().enumerate() {
            graph.set_value(index, value)?;
        }
    }
    Ok(agreement)
}

fn worse(worst: (f64, String), error: f64, parameter: &str) -> (f64, String) {
    if error.is_nan() || error >= worst.0 {
        (error, parameter.to_owned())
    } else {
        worst
    }
}

/// How far each gradient moves when the last bit of every parameter changes at random: the precision that f32 allows.
fn by_rounding(
    graph: &mut TrainableGraph,
    feeds: &[(String, HostTensor)],
    mode: Mode,
    before: &[DeviceTensor],
    found: &Results,
) -> Result<Vec<f64>, Failure> {
    let mut moved = vec![0.0f64; before.len()];
    let mut state = 1u64;
    for _ in 0..8 {
        for (index, value) in before.iter().enumerate() {
            let mut values = value.to_values()?;
            for value in values.iter_mut().filter(|_| graph.parameters()[index].is_trainable()) {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                *value *= if state >> 63 == 0 {
                    1.0 + f32::EPSILON
                } else {
                    1.0 - f32::EPSILON
                };
            }
            graph.set_value(index, DeviceTensor::from_values(&value.dims(), values, graph.device())?)?;
        }
        let other = results(graph, feeds, mode)?;
        for (index, moved) in moved.iter_mut().enumerate() {
            if let (Some(a), Some(b)) = (&found.gradients[index], &other.gradients[index]) {
                let furthest = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| f64::from((a - b).abs()))
                    .fold(0.0, f64::max);
                *moved = moved.max(furthest);
            }
        }
    }
    Ok(moved)
}

/// The worst error of the running statistics, and how many there are. The reference names modules, as PyTorch does, and an
/// exporter may name their initializers otherwise: they are matched by the module's name, or by order where it is not found.
fn statistics(graph: &TrainableGraph, model: &Model, reference: &SafeTensors) -> Result<(f64, usize), Failure> {
    let mut worst: f64 = 0.0;
    let mut compared = 0;
    let known: BTreeMap<&str, usize> = graph
        .parameters()
        .iter()
        .enumerate()
        .map(|(index, one)| (one.name.as_str(), index))
        .collect();
    for (kind, position) in [("running_mean", 3), ("running_var", 4)] {
        let prefix = format!("train.{kind}.");
        for name in reference.names() {
            let Some(module) = name.strip_prefix(&prefix) else {
                continue;
            };
            let direct = known.get(format!("{module}.{kind}").as_str()).copied();
            let by_scale = || {
                let scale = format!("{module}.weight");
                let node = model
                    .graph
                    .nodes
                    .iter()
                    .find(|node| node.is("BatchNormalization") && node.input(1) == Some(&scale))?;
                known.get(node.input(position)?).copied()
            };
            let index = direct
                .or_else(by_scale)
                .ok_or_else(|| format!("no initializer holds {kind} of {module:?}"))?;
            let found = relative(&graph.value(index).to_values()?, &floats(reference, name)?)?;
            worst = if found.is_nan() { f64::NAN } else { worst.max(found) };
            compared += 1;
        }
    }
    Ok((worst, compared))
}

fn host(reference: &SafeTensors, name: &str) -> Result<HostTensor, Failure> {
    let view = reference.tensor(name)?;
    let tensor = match view.dtype() {
        Dtype::F32 => HostTensor::floats(view.shape(), floats(reference, name)?)?,
        Dtype::I64 => {
            let values = view
                .data()
                .as_chunks::<8>()
                .0
                .iter()
                .map(|bytes| i64::from_le_bytes(*bytes))
                .collect();
            HostTensor::ints(view.shape(), values)?
        }
        Dtype::BOOL => HostTensor::bools(view.shape(), view.data().iter().map(|byte| *byte != 0).collect())?,
        other => return Err(format!("{name}: type {other:?} is not expected").into()),
    };
    Ok(tensor)
}

fn floats(reference: &SafeTensors, name: &str) -> Result<Vec<f32>, Failure> {
    let view = reference.tensor(name)?;
    match view.dtype() {
        Dtype::F32 => Ok(view
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()),
        Dtype::F64 => Ok(view
            .data()
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| f64::from_le_bytes(*bytes) as f32)
            .collect()),
        other => Err(format!("{name}: expected floating point, found {other:?}").into()),
    }
}

fn largest(values: &[f32]) -> f64 {
    values
        .iter()
        .fold(0.0f64, |scale, &value| scale.max(f64::from(value).abs()))
}

/// The largest difference, relative to the largest absolute value of what is expected.
fn relative(found: &[f32], expected: &[f32]) -> Result<f64, Failure> {
    if found.len() != expected.len() {
        return Err(format!("{} values, expected {}", found.len(), expected.len()).into());
    }
    let mut worst = 0.0f64;
    for (&x, &y) in found.iter().zip(expected) {
        let difference = (f64::from(x) - f64::from(y)).abs();
        if difference.is_nan() {
            return Ok(f64::NAN);
        }
        worst = worst.max(difference);
    }
    Ok(if worst == 0.0 {
        0.0
    } else {
        worst / largest(expected).max(1e-30)
    })
}
