//! The memory of a step, estimated from the shapes of the graph, and how many samples of a batch fit into a limit.
//!
//! ```text
//! bytes(n) = weights · copies + n · activations
//! ```
//! `copies` are the weights, their gradients, the optimizer's moments, and what the method keeps. Activations are the outputs of all nodes that
//! depend on a trained weight, which the backward pass needs, twice: once for their gradients and the kernels' own buffers. Below a frozen
//! prefix nothing is kept; the largest two outputs there are in memory together.
//!
//! An estimate: fused nodes keep less, and a convolution's buffers may take more.

use std::collections::{BTreeMap, HashMap, HashSet};

use ranktune_nn::TrainableGraph;
use ranktune_onnx::{Model, shapes};

use crate::error::{Error, Result};
use crate::options::Optimizer;
use crate::samples::BatchInputs;

/// Bytes of a value.
const WIDTH: u64 = 4;

/// Estimates by the shapes of a sample's inputs.
pub(crate) struct MemoryPlan<'a> {
    model: &'a Model,
    limit: u64,
    /// Bytes that do not depend on the batch.
    fixed: u64,
    trained: HashSet<String>,
    known: HashMap<Vec<Vec<usize>>, u64>,
}

impl<'a> MemoryPlan<'a> {
    /// A plan for `limit` bytes. `kept` is the number of further copies of the weights that the run keeps.
    pub(crate) fn new(model: &'a Model, graph: &TrainableGraph, limit: u64, optimizer: Optimizer, kept: u64) -> Self {
        let (mut all, mut trained_elements, mut trained) = (0, 0, HashSet::new());
        for (index, parameter) in graph.parameters().iter().enumerate() {
            let elements = graph.value(index).dims().iter().product::<usize>() as u64;
            all += elements;
            if parameter.is_trainable() {
                trained_elements += elements;
                trained.insert(parameter.name.clone());
            }
        }
        let changing = 1 + moments(optimizer);
        Self {
            model,
            limit,
            fixed: WIDTH * (all * (1 + kept) + trained_elements * changing),
            trained,
            known: HashMap::new(),
        }
    }

    /// The most samples of a batch with these inputs that fit, at least one and at most `count`.
    ///
    /// # Errors
    /// `Input` where one sample does not fit, with the estimate.
    pub(crate) fn samples(&mut self, inputs: &BatchInputs, count: usize) -> Result<usize> {
        let Some(per_sample) = self.per_sample(inputs) else {
            return Ok(count);
        };
        let left = self.limit.saturating_sub(self.fixed);
        let fits = usize::try_from(left / per_sample.max(1)).unwrap_or(usize::MAX);
        if fits == 0 {
            let (limit, needed) = (mebibytes(self.limit), mebibytes(self.fixed + per_sample));
            return Err(Error::input(format!(
                "a step takes about {needed} with one sample, more than the limit of {limit}; try a smaller image size, a smaller \
                 model, --method linear-probe, or a higher --memory"
            )));
        }
        Ok(fits.min(count))
    }

    /// Bytes of a sample; `None` where the graph does not determine shapes.
    fn per_sample(&mut self, inputs: &BatchInputs) -> Option<u64> {
        let key: Vec<Vec<usize>> = inputs
            .feeds
            .iter()
            .map(|(_, tensor)| tensor.dims().get(1..).unwrap_or_default().to_vec())
            .collect();
        if let Some(&bytes) = self.known.get(&key) {
            return Some(bytes);
        }
        let sizes: BTreeMap<String, Vec<usize>> = inputs
            .feeds
            .iter()
            .zip(&key)
            .map(|((name, _), sizes)| (name.clone(), [&[1], sizes.as_slice()].concat()))
            .collect();
        let bytes = activations(self.model, &sizes, &self.trained)?;
        self.known.insert(key, bytes);
        Some(bytes)
    }
}

/// Bytes of activations of one sample.
fn activations(model: &Model, sizes: &BTreeMap<String, Vec<usize>>, trained: &HashSet<String>) -> Option<u64> {
    let shapes = shapes::infer_with(model, sizes).ok()?;
    let elements = |name: &str| -> Option<u64> {
        if shapes.constant(name).is_some() {
            return Some(0);
        }
        let dims = shapes.shape(name)?;
        dims.iter().map(|dim| dim.fixed().map(|size| size as u64)).product()
    };
    let mut tracked: HashSet<&str> = trained.iter().map(String::as_str).collect();
    let (mut kept, mut largest) = (0, 0);
    for node in &model.graph.nodes {
        let depends = node.inputs.iter().any(|name| tracked.contains(name.as_str()));
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            // A value whose shape is not known is rarely a large one.
            let bytes = WIDTH * elements(name).unwrap_or(0);
            if depends {
                tracked.insert(name);
                kept += bytes;
            } else {
                largest = largest.max(bytes);
            }
        }
    }
    Some(2 * kept + 2 * largest)
}

/// Copies of a weight that the optimizer keeps.
fn moments(optimizer: Optimizer) -> u64 {
    match optimizer {
        Optimizer::Sgd { momentum, .. } => u64::from(momentum > 0.0),
        Optimizer::AdamW { .. } => 2,
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
