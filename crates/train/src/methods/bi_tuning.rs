//! Bi-Tuning (Zhong et al. 2020): two contrastive losses beside the task's, one on the classifier and one on a projector, over queues of keys.
//!
//! ```text
//! z(x) = norm(P f(x))  [128]        h(x) = norm([f(x), 1])  [d + 1]        w_j = norm([W_j, b_j])  [d + 1], held fixed
//! keys z⁺, h⁺: the same of a momentum encoder, θ⁺ ← m θ⁺ + (1 − m) θ, on the same batch; K of them are kept for each class
//! loss = task + KL(t ‖ softmax(zᵀ[z⁺(x), Z]/T)) + KL(t ‖ softmax([hᵀw_y, Hᵀw_y]/T))
//! ```
//!
//! Z `[128, cK]` are the projections in the queue before this batch, H `[d + 1, cK]` the features in the queue after it (as the authors'
//! code has it), t is `1/(K + 1)` for x itself and the K keys of its class y. The queues start from random directions. K = 40, m =
//! 0.999, T = 0.07, all three losses at weight 1, as published (`tllib`, Bi-Tuning). The paper's key sees another view of the image
//! than its query; here both see the same, so that views stay those that teachers predict, and the encoder of keys runs with its running
//! statistics. The projector, at the head's rate here, is dropped from the written model.
//!
//! Cost: a second forward pass, 1.1 to 1.3 times the time of fine-tuning, the memory of a second set of weights and of c·K·(d + 129) numbers.

use ranktune_core::random::Random;
use ranktune_nn::DeviceTensor;
use ranktune_nn::head::POOLED;
use ranktune_onnx::{Attribute, Model, Tensor};

use super::lora::node;
use crate::error::{Error, Result};
use crate::finish::{FinishContext, Finished};
use crate::method::{CheckContext, Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};
use crate::method_state::MethodState;
use crate::options::TrainOptions;
use crate::pruned::pruned;
use crate::targets::TargetValues;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "bi-tuning",
    summary: "add contrastive losses on the classifier and a projector, over queues of keys (Zhong 2020)",
    needs: &[Need::Classes],
    make: |_| Ok(Box::new(BiTuning::default())),
};

/// The output of the projector.
const PROJECTION: &str = "ranktune.projection";
/// Its weight, which is trained at the head's rate.
const PROJECTOR: &str = "ranktune.head.projector";

/// Bi-Tuning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BiTuning {
    /// K, keys of each class.
    keys: usize,
    /// m.
    momentum: f32,
    /// T.
    temperature: f32,
    /// Size of the projection.
    width: usize,
}

impl Default for BiTuning {
    /// K = 40, m = 0.999, T = 0.07 and 128 numbers in a projection, as published.
    fn default() -> Self {
        Self {
            keys: 40,
            momentum: 0.999,
            temperature: 0.07,
            width: 128,
        }
    }
}

impl BiTuning {
    /// Keys of each class, momentum, temperature, and size of the projection.
    ///
    /// # Errors
    /// `Input` when a size is 0, the momentum is not from 0 to 1, or the temperature is not above 0.
    pub fn new(keys: usize, momentum: f32, temperature: f32, width: usize) -> Result<Self> {
        let is_valid = keys > 0 && width > 0 && (0.0..=1.0).contains(&momentum);
        if !(is_valid && temperature.is_finite() && temperature > 0.0) {
            return Err(Error::input(format!(
                "keys and width must be at least 1, the momentum from 0 to 1 and the temperature > 0, got {keys}, {width}, \
                 {momentum} and {temperature}"
            )));
        }
        Ok(Self {
            keys,
            momentum,
            temperature,
            width,
        })
    }
}

/// Normal deviates (Box and Muller).
fn normal(count: usize, random: &mut Random) -> Vec<f32> {
    let mut uniform = || ((random.next() >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
    let mut one = || ((-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()) as f32;
    (0..count).map(|_| one()).collect()
}

/// `[size, count]` random directions, by column.
fn directions(size: usize, count: usize, random: &mut Random) -> Vec<f32> {
    let mut values = normal(size * count, random);
    for column in 0..count {
        let square: f32 = (0..size).map(|row| values[row * count + column].powi(2)).sum();
        let norm = square.sqrt().max(1e-12);
        (0..size).for_each(|row| values[row * count + column] /= norm);
    }
    values
}

/// Each row of `[rows, n]` divided by its length.
fn normalized(rows: &DeviceTensor) -> Result<DeviceTensor> {
    let length = rows.mul(rows)?.sum(&[1]).add_scalar(1e-24).sqrt();
    Ok(rows.div(&length)?)
}

/// The features with a 1 behind them, normalized.
fn extended(features: &DeviceTensor, step: &StepContext<'_>) -> Result<DeviceTensor> {
    let rows = features.dims()[0];
    let ones = DeviceTensor::from_values(&[rows, 1], vec![1.0; rows], step.device())?;
    normalized(&DeviceTensor::concat(&[features.clone(), ones], 1))
}

impl BiTuning {
    /// `KL(t ‖ softmax([own, queue]/T))`, own `[rows, 1]`, queue `[rows, cK]`.
    fn contrast(
        &self,
        own: &DeviceTensor,
        queue: &DeviceTensor,
        labels: &[u32],
        step: &StepContext<'_>,
    ) -> Result<DeviceTensor> {
        let logits = DeviceTensor::concat(&[own.clone(), queue.clone()], 1).mul_scalar(1.0 / self.temperature);
        let columns = logits.dims()[1];
        let share = 1.0 / (self.keys + 1) as f32;
        let mut target = vec![0.0; labels.len() * columns];
        for (row, &label) in target.chunks_exact_mut(columns).zip(labels) {
            let start = 1 + label as usize * self.keys;
            row[0] = share;
            row[start..start + self.keys].fill(share);
        }
        let target = DeviceTensor::from_values(&[labels.len(), columns], target, step.device())?;
        let sum = logits.log_softmax(1).mul(&target)?.sum(&[0, 1]);
        // Σ t ln t, which has no gradient.
        Ok(sum.mul_scalar(-1.0 / labels.len() as f32).add_scalar(share.ln()))
    }

    /// The queues with the keys of the batch in place of their classes' oldest.
    fn enqueued(&self, state: &MethodState, labels: &[u32], keys: [&DeviceTensor; 2]) -> Result<MethodState> {
        let mut next = MethodState::default();
        let mut places = state.get("next")?.values.clone();
        let taken: Vec<usize> = labels
            .iter()
            .map(|&label| {
                let place = &mut places[label as usize];
                let column = label as usize * self.keys + *place as usize;
                *place = (*place + 1.0) % self.keys as f32;
                column
            })
            .collect();
        for (name, keys) in ["features", "projections"].into_iter().zip(keys) {
            let queue = state.get(name)?;
            let (size, count) = (queue.dims[0], queue.dims[1]);
            let mut values = queue.values.clone();
            for (row, &column) in keys.detached().to_values()?.chunks_exact(size).zip(&taken) {
                for (at, value) in row.iter().enumerate() {
                    values[at * count + column] = *value;
                }
            }
            next.set(name, &queue.dims, values)?;
        }
        next.set("next", &[places.len()], places)?;
        Ok(next)
    }
}

impl Method for BiTuning {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        format!(
            "bi-tuning keys={} momentum={} temperature={} width={}",
            self.keys, self.momentum, self.temperature, self.width
        )
    }

    fn check(&self, context: &CheckContext<'_>) -> Result<()> {
        let is_classes = matches!(context.targets.values(), TargetValues::Classes { .. });
        if !is_classes || context.targets.is_by_row() {
            return Err(Error::input(
                "bi-tuning needs one class per sample; use fine-tune or b-tuning",
            ));
        }
        if context.n_features.is_none() {
            return Err(Error::model(
                "bi-tuning needs a head made by with_head, and the model has none",
            ));
        }
        Ok(())
    }

    fn prepare(&self, model: &Model, options: &TrainOptions) -> Result<Option<Model>> {
        let head = model.graph.initializers.get(ranktune_nn::head::WEIGHT);
        let n_features = head.and_then(|head| head.dims.get(1).copied());
        let n_features = n_features.ok_or_else(|| Error::model("the model has no head made by with_head"))?;
        let mut random = Random::of_stream(options.seed, 0x6269_7475);
        let weights: Vec<f32> = normal(self.width * n_features, &mut random)
            .iter()
            .map(|value| value / (n_features as f32).sqrt())
            .collect();
        let broken = |error| Error::model("the projector cannot be added").caused_by(error);
        let mut model = model.clone();
        let (weight, bias) = (format!("{PROJECTOR}.weight"), format!("{PROJECTOR}.bias"));
        let initializers = &mut model.graph.initializers;
        let tensor = Tensor::from_f32(&[self.width, n_features], &weights).map_err(broken)?;
        initializers.insert(weight.clone(), tensor);
        let tensor = Tensor::from_f32(&[self.width], &vec![0.0; self.width]).map_err(broken)?;
        initializers.insert(bias.clone(), tensor);
        let mut projector = node("Gemm", &[POOLED, &weight, &bias], PROJECTION);
        projector.attributes.insert("transB".to_owned(), Attribute::Int(1));
        model.graph.nodes.push(projector);
        Ok(Some(model))
    }

    fn initial_state(&self, context: &CheckContext<'_>) -> Result<MethodState> {
        let (classes, n_features) = (context.targets.columns(), context.n_features.unwrap_or(0));
        let mut random = Random::of_stream(context.options.seed, 0x6b65_7973);
        let count = classes * self.keys;
        let mut state = MethodState::default();
        for (name, size) in [("features", n_features + 1), ("projections", self.width)] {
            state.set(name, &[size, count], directions(size, count, &mut random))?;
        }
        state.set("next", &[classes], vec![0.0; classes])?;
        Ok(state)
    }

    fn outputs(&self) -> Vec<String> {
        vec![POOLED.to_owned(), PROJECTION.to_owned()]
    }

    fn reference_outputs(&self) -> Vec<String> {
        self.outputs()
    }

    fn reference_momentum(&self) -> Option<f32> {
        Some(self.momentum)
    }

    fn is_mean_over_rows(&self) -> bool {
        false
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let labels = step.labels()?;
        let queue = |state: &MethodState, name: &str| {
            let found = state.get(name)?;
            let values = found.values.clone();
            Ok::<_, Error>(DeviceTensor::from_values(&found.dims, values, step.device())?)
        };
        let z = normalized(&step.output(PROJECTION)?)?;
        let h = extended(&step.features()?, step)?;
        let z_key = normalized(&step.reference(PROJECTION)?.detached())?;
        let h_key = extended(&step.reference(POOLED)?.detached(), step)?;
        let own = z.mul(&z_key)?.sum(&[1]);
        let against = z.matmul(&queue(step.state(), "projections")?)?;
        let projector = self.contrast(&own, &against, &labels, step)?;

        let state = self.enqueued(step.state(), &labels, [&h_key, &z_key])?;
        let [weight, bias] = step.head()?;
        let bias = bias.reshape(&[bias.dims()[0], 1])?;
        let w = normalized(&DeviceTensor::concat(&[weight, bias], 1))?;
        let rows: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
        let own = h.mul(&w.select(0, &rows))?.sum(&[1]);
        let against = w.matmul(&queue(&state, "features")?)?.select(0, &rows);
        let classifier = self.contrast(&own, &against, &labels, step)?;

        let total = task.add(&projector)?.add(&classifier)?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("projector", projector), ("classifier", classifier)],
            state: Some(state),
        })
    }

    fn finish(&self, trained: Model, _: &FinishContext<'_>) -> Result<Option<Finished>> {
        Ok(Some(Finished::of(pruned(trained))))
    }
}
