//! Comparing a graph with what PyTorch computed for it. Shared by the example `conformance` and the test of that name.

use std::collections::BTreeMap;
use std::path::Path;

use ranktune_onnx::Model;
use ranktune_tuning::{DeviceTensor, Feed, Graph, HostTensor, Mode, Options};
use safetensors::{Dtype, SafeTensors};

/// The largest error that passes, relative to the largest absolute value of the reference.
pub const TOLERANCE: f64 = 1e-3;

type Failure = Box<dyn std::error::Error>;

/// Errors in one mode.
pub struct Agreement {
    pub output: f64,
    pub loss: f64,
    /// The worst gradient and its parameter.
    pub gradient: (f64, String),
    pub compared: usize,
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
        self.evaluation.passes() && training.is_none_or(|(agreement, (error, _))| agreement.passes() && *error <= TOLERANCE)
    }
}

/// Runs the graph in `folder` and compares.
pub fn compare(folder: &Path) -> Result<Outcome, Failure> {
    let model = Model::load(&folder.join("model.onnx"))?;
    let bytes = std::fs::read(folder.join("reference.safetensors"))?;
    let reference = SafeTensors::deserialize(&bytes)?;
    let mut graph = Graph::new(&model, Options::default())?;
    let feeds = reference
        .names()
        .into_iter()
        .filter_map(|name| Some((name, name.strip_prefix("input.")?)))
        .map(|(name, input)| Ok((input.to_owned(), host(&reference, name)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let evaluation = agreement(&mut graph, &feeds, &reference, Mode::Frozen, "")?;
    let training = match reference.tensor("train.output") {
        Err(_) => None,
        Ok(_) => {
            let agreement = agreement(&mut graph, &feeds, &reference, Mode::Training, "train.")?;
            Some((agreement, statistics(&graph, &model, &reference)?))
        }
    };
    Ok(Outcome { evaluation, training })
}

fn agreement(graph: &mut Graph, feeds: &[(String, HostTensor)], reference: &SafeTensors, mode: Mode, prefix: &str) -> Result<Agreement, Failure> {
    let feeds: Vec<(&str, Feed)> = feeds.iter().map(|(name, host)| (name.as_str(), Feed::from(host.clone()))).collect();
    let pass = graph.forward(&feeds, mode)?;
    let first = graph.outputs().first().map(|name| (*name).to_owned()).ok_or("the graph has no output")?;
    let output = pass.output(&first)?;
    let axes: Vec<usize> = (0..output.rank()).collect();
    let loss = output.mul(&output)?.mean(&axes).mul_scalar(0.5);
    let output_error = error(&output, &floats(reference, &format!("{prefix}output"))?)?;
    let loss_error = error(&loss, &floats(reference, &format!("{prefix}loss"))?)?;
    drop(output);
    let mut gradients = pass.backward(&loss)?;
    let mut worst = (0.0, String::new());
    let mut compared = 0;
    let wanted = format!("{prefix}grad.");
    for name in reference.names() {
        let Some(parameter) = name.strip_prefix(&wanted) else { continue };
        let index = graph.find(parameter).ok_or_else(|| format!("{parameter:?} is no parameter of the graph"))?;
        let expected = floats(reference, name)?;
        let found = match gradients.take(index) {
            Some(gradient) => error(&gradient, &expected)?,
            // What the loss does not depend on has the gradient zero.
            None if graph.parameters()[index].is_trainable() => relative(&vec![0.0; expected.len()], &expected),
            None => return Err(format!("{parameter:?} is not trained: {}", graph.parameters()[index].role).into()),
        };
        if found.is_nan() || found >= worst.0 {
            worst = (found, parameter.to_owned());
        }
        compared += 1;
    }
    Ok(Agreement { output: output_error, loss: loss_error, gradient: worst, compared })
}

/// The worst error of the running statistics, and how many there are. The reference names modules, as PyTorch does, and an
/// exporter may name their initializers otherwise: they are matched by the module's name, or by order where it is not found.
fn statistics(graph: &Graph, model: &Model, reference: &SafeTensors) -> Result<(f64, usize), Failure> {
    let mut worst: f64 = 0.0;
    let mut compared = 0;
    let known: BTreeMap<&str, usize> = graph.parameters().iter().enumerate().map(|(index, one)| (one.name.as_str(), index)).collect();
    for (kind, position) in [("running_mean", 3), ("running_var", 4)] {
        let prefix = format!("train.{kind}.");
        for name in reference.names() {
            let Some(module) = name.strip_prefix(&prefix) else { continue };
            let direct = known.get(format!("{module}.{kind}").as_str()).copied();
            let by_scale = || {
                let scale = format!("{module}.weight");
                let node = model.graph.nodes.iter().find(|node| node.is("BatchNormalization") && node.input(1) == Some(&scale))?;
                known.get(node.input(position)?).copied()
            };
            let index = direct.or_else(by_scale).ok_or_else(|| format!("no initializer holds {kind} of {module:?}"))?;
            let found = error(graph.value(index), &floats(reference, name)?)?;
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
            let values = view.data().as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
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
        Dtype::F32 => Ok(view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F64 => Ok(view.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()),
        other => Err(format!("{name}: expected floating point, found {other:?}").into()),
    }
}

fn error(found: &DeviceTensor, expected: &[f32]) -> Result<f64, Failure> {
    let values = found.to_values()?;
    match values.len() == expected.len() {
        true => Ok(relative(&values, expected)),
        false => Err(format!("{} values, expected {}", values.len(), expected.len()).into()),
    }
}

/// The largest difference, relative to the largest absolute value of what is expected.
fn relative(found: &[f32], expected: &[f32]) -> f64 {
    let scale = expected.iter().fold(0.0f64, |scale, &value| scale.max(f64::from(value).abs()));
    let mut worst = 0.0f64;
    for (&x, &y) in found.iter().zip(expected) {
        let difference = (f64::from(x) - f64::from(y)).abs();
        if difference.is_nan() {
            return f64::NAN;
        }
        worst = worst.max(difference);
    }
    if worst == 0.0 { 0.0 } else { worst / scale.max(1e-30) }
}
