//! LoRA (Hu et al., ICLR 2022): the weights stay, and low-rank changes of them are trained.
//!
//! `W' = W + (α/r) P Q` for every linear layer and every 1×1 convolution of the backbone, with P `[rows, r]` and Q `[r, columns]`. Of the
//! two, the one on the side of the input starts from U(−1/√n, 1/√n), n its inputs, the other from zero, so that training starts from the
//! model as it is. r = 8 and α = 16, as in the authors' code (`loralib`, GLUE). Biases, norms, running statistics and other convolutions
//! are frozen; the head is trained as ever. The adapters are merged: the written graph is that of the model.
//!
//! Cost: time of a step as fine-tuning, less the gradients of frozen layers; memory of the optimizer for the adapters alone. Rates
//! that suit adapters are larger than those of fine-tuning: choose with several.

use std::collections::{BTreeMap, BTreeSet};

use ranktune_core::random::Random;
use ranktune_nn::Mode;
use ranktune_onnx::{Attribute, DataType, Model, Node, Tensor};

use crate::error::{Error, Result};
use crate::finish::{FinishContext, Finished};
use crate::method::{Loss, Method, StepContext};
use crate::method_info::MethodInfo;
use crate::options::TrainOptions;
use crate::pruned::pruned;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "lora",
    summary: "train low-rank changes of linear layers and 1×1 convolutions, merged at the end (Hu 2022)",
    needs: &[],
    make: |_| Ok(Box::new(Lora::default())),
};

/// What the names of adapters begin with.
const PREFIX: &str = "ranktune.lora.";

/// LoRA.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lora {
    rank: usize,
    alpha: f32,
}

impl Default for Lora {
    /// r = 8, α = 16, as in the authors' code.
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0 }
    }
}

/// A weight that gets an adapter, as a matrix.
struct Adapted {
    name: String,
    rows: usize,
    columns: usize,
    /// Whether the columns are the inputs of the layer, `[outputs, inputs]`.
    inputs_last: bool,
}

impl Lora {
    /// Rank r and α.
    ///
    /// # Errors
    /// `Input` when r is 0 or α is not above 0.
    pub fn new(rank: usize, alpha: f32) -> Result<Self> {
        if rank == 0 || !(alpha.is_finite() && alpha > 0.0) {
            return Err(Error::input(format!(
                "the rank must be at least 1 and alpha > 0, got {rank} and {alpha}"
            )));
        }
        Ok(Self { rank, alpha })
    }

    fn scale(self) -> f32 {
        self.alpha / self.rank as f32
    }
}

/// A node of the standard operators.
pub(super) fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: output.to_owned(),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: BTreeMap::new(),
    }
}

/// The weight of `node` that an adapter suits.
fn adapted(model: &Model, node: &Node, options: &TrainOptions) -> Option<Adapted> {
    let name = node.input(1)?;
    let tensor = model.graph.initializers.get(name)?;
    let is_head = name.starts_with(&options.head_prefix);
    let is_frozen = options.freeze.iter().any(|prefix| name.starts_with(prefix.as_str()));
    if is_head || is_frozen || tensor.data_type != DataType::F32 {
        return None;
    }
    let dims = tensor.dims.as_slice();
    let (rows, columns) = match (node.op_type.as_str(), dims) {
        ("Gemm" | "MatMul", &[rows, columns]) => (rows, columns),
        ("Conv", &[rows, columns, ref kernel @ ..]) => {
            let is_pointwise = kernel.iter().all(|&size| size == 1);
            let groups = node.attributes.get("group");
            let is_whole = groups.is_none_or(|group| *group == Attribute::Int(1));
            if !(is_pointwise && is_whole) {
                return None;
            }
            (rows, columns)
        }
        _ => return None,
    };
    let is_transposed = node.attributes.get("transB") == Some(&Attribute::Int(1));
    Some(Adapted {
        name: name.to_owned(),
        rows,
        columns,
        inputs_last: node.is("Conv") || is_transposed,
    })
}

/// Uniform numbers between −`bound` and `bound`.
fn uniform(count: usize, bound: f64, random: &mut Random) -> Vec<f32> {
    let mut one = || (random.next() >> 11) as f64 / (1u64 << 53) as f64;
    (0..count).map(|_| (bound * (2.0 * one() - 1.0)) as f32).collect()
}

impl Method for Lora {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        format!("lora rank={} alpha={}", self.rank, self.alpha)
    }

    fn prepare(&self, model: &Model, options: &TrainOptions) -> Result<Option<Model>> {
        let mut model = model.clone();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut added: Vec<Node> = Vec::new();
        let broken = |error| Error::model("an adapter cannot be added").caused_by(error);
        for position in 0..model.graph.nodes.len() {
            let Some(layer) = adapted(&model, &model.graph.nodes[position], options) else {
                continue;
            };
            let changed = format!("{PREFIX}{}", layer.name);
            model.graph.nodes[position].inputs[1].clone_from(&changed);
            if !seen.insert(layer.name.clone()) {
                continue;
            }
            let part = |part: &str| format!("{changed}.{part}");
            let mut random = Random::of_stream(options.seed, 0x6c6f_7261 + seen.len() as u64);
            let rank = self.rank.min(layer.rows).min(layer.columns);
            let inputs = if layer.inputs_last { layer.columns } else { layer.rows };
            let bound = 1.0 / (inputs as f64).sqrt();
            let (mut left, mut right) = (vec![0.0; layer.rows * rank], vec![0.0; rank * layer.columns]);
            if layer.inputs_last {
                right = uniform(right.len(), bound, &mut random);
            } else {
                left = uniform(left.len(), bound, &mut random);
            }
            let dims = model.graph.initializers[&layer.name].dims.clone();
            let scale = Tensor::from_f32(&[1], &[self.scale()]).map_err(broken)?;
            let left = Tensor::from_f32(&[layer.rows, rank], &left).map_err(broken)?;
            let right = Tensor::from_f32(&[rank, layer.columns], &right).map_err(broken)?;
            let initializers = &mut model.graph.initializers;
            initializers.insert(part("left"), left);
            initializers.insert(part("right"), right);
            initializers.insert(part("scale"), scale);
            added.push(node("MatMul", &[&part("left"), &part("right")], &part("product")));
            added.push(node("Mul", &[&part("product"), &part("scale")], &part("change")));
            let mut change = part("change");
            if dims.len() != 2 {
                let shape: Vec<i64> = dims.iter().map(|&size| size as i64).collect();
                let shape = Tensor::from_i64(&[shape.len()], &shape).map_err(broken)?;
                model.graph.initializers.insert(part("shape"), shape);
                added.push(node("Reshape", &[&change, &part("shape")], &part("kernel")));
                change = part("kernel");
            }
            added.push(node("Add", &[&layer.name, &change], &changed));
        }
        if added.is_empty() {
            return Err(Error::input(
                "lora adapts linear layers and 1×1 convolutions, and the backbone has none that is trained; use fine-tune",
            ));
        }
        added.append(&mut model.graph.nodes);
        model.graph.nodes = added;
        Ok(Some(model))
    }

    fn trains(&self, name: &str) -> bool {
        name.starts_with(PREFIX) && !name.ends_with(".scale")
    }

    fn mode(&self, _: Mode, _: u64, _: u64) -> Mode {
        Mode::Frozen
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }

    fn finish(&self, trained: Model, _: &FinishContext<'_>) -> Result<Option<Finished>> {
        Ok(Some(Finished::of(merged(trained, self.scale())?)))
    }
}

/// `model` with its adapters added to the weights.
fn merged(mut model: Model, scale: f32) -> Result<Model> {
    let names: Vec<String> = model
        .graph
        .initializers
        .keys()
        .filter_map(|name| Some(name.strip_prefix(PREFIX)?.strip_suffix(".left")?.to_owned()))
        .collect();
    let missing = || Error::model("an adapter cannot be merged");
    for name in names {
        let values = |name: &str| {
            let tensor = model.graph.initializers.get(name).ok_or_else(missing)?;
            Ok::<_, Error>((tensor.dims.clone(), tensor.to_f32_vec().ok_or_else(missing)?))
        };
        let (dims, mut weights) = values(&name)?;
        let (left_dims, left) = values(&format!("{PREFIX}{name}.left"))?;
        let (right_dims, right) = values(&format!("{PREFIX}{name}.right"))?;
        let (rank, columns) = (left_dims[1], right_dims[1]);
        for (row, weights) in weights.chunks_exact_mut(columns).enumerate() {
            for (column, weight) in weights.iter_mut().enumerate() {
                let terms =
                    (0..rank).map(|at| f64::from(left[row * rank + at]) * f64::from(right[at * columns + column]));
                *weight = (f64::from(*weight) + f64::from(scale) * terms.sum::<f64>()) as f32;
            }
        }
        let tensor = Tensor::from_f32(&dims, &weights).map_err(|error| missing().caused_by(error))?;
        model.graph.initializers.insert(name, tensor);
    }
    let is_weight = |name: &str| model.graph.initializers.contains_key(name);
    for node in &mut model.graph.nodes {
        if let Some(weight) = node.inputs.get_mut(1)
            && let Some(own) = weight.strip_prefix(PREFIX)
            && is_weight(own)
        {
            *weight = own.to_owned();
        }
    }
    Ok(pruned(model))
}
