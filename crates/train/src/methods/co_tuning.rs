//! Co-Tuning (You, Kou, Long, Wang, NeurIPS 2020): the source classifier is trained on, towards the source classes of each class.
//!
//! `loss = task + λ · CE(softmax(u), p(y_s | y_t))`, with u the logits of the source classifier, which stays on the features and is
//! trained at the backbone's rate, and p(y_s | y_t) `[c, z]` the source classes of each class, learnt before training. λ = 2.3, as
//! published. The written model has the new head alone.
//!
//! Cost: the source classifier's matrix product at each step; nothing for most models. Before training, one pass over the samples and a
//! logistic regression.

use ranktune_nn::head::SOURCE_LOGITS;
use ranktune_onnx::Model;

use crate::error::{Error, Result};
use crate::finish::{FinishContext, Finished};
use crate::identity::digest_of_floats;
use crate::losses::cross_entropy;
use crate::method::{CheckContext, Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};
use crate::pruned::pruned;
use crate::targets::TargetValues;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "co-tuning",
    summary: "also train the source classifier, towards the source classes of each class (You 2020)",
    needs: &[Need::Classes, Need::SourceClasses],
    make: |inputs| Ok(Box::new(CoTuning::new(inputs.relationship()?.to_vec(), LAMBDA)?)),
};

/// The published weight of the source term.
const LAMBDA: f32 = 2.3;

/// Co-Tuning.
#[derive(Clone, Debug, PartialEq)]
pub struct CoTuning {
    /// p(y_s | y_t) `[c, z]`, row-major.
    relationship: Vec<f32>,
    lambda: f32,
}

impl CoTuning {
    /// p(y_s | y_t) `[c, z]`, row-major, and λ.
    ///
    /// # Errors
    /// `Input` when a probability is negative or not finite, or λ is.
    pub fn new(relationship: Vec<f32>, lambda: f32) -> Result<Self> {
        let is_valid = |value: f32| value.is_finite() && value >= 0.0;
        if relationship.is_empty() || !relationship.iter().copied().all(is_valid) {
            return Err(Error::input(
                "the shares of the source classes must be finite and >= 0, and there must be some",
            ));
        }
        if !is_valid(lambda) {
            return Err(Error::input(format!("lambda must be finite and >= 0, got {lambda}")));
        }
        Ok(Self { relationship, lambda })
    }
}

impl Method for CoTuning {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        let digest = digest_of_floats(&[&self.relationship]);
        format!("co-tuning lambda={} relationship={digest}", self.lambda)
    }

    fn check(&self, context: &CheckContext<'_>) -> Result<()> {
        let is_classes = matches!(context.targets.values(), TargetValues::Classes { .. });
        if !is_classes || context.targets.is_by_row() {
            return Err(Error::input(
                "co-tuning needs one class per sample; use fine-tune or b-tuning",
            ));
        }
        let columns = context.targets.columns();
        if !self.relationship.len().is_multiple_of(columns) {
            return Err(Error::input(format!(
                "the relationship has {} values, expected whole rows for {columns} classes",
                self.relationship.len()
            )));
        }
        if context.model.graph.producer_of(SOURCE_LOGITS).is_none() {
            return Err(Error::input(
                "co-tuning needs a model with its source classifier, and this one has none; use fine-tune or b-tuning",
            ));
        }
        Ok(())
    }

    fn outputs(&self) -> Vec<String> {
        vec![SOURCE_LOGITS.to_owned()]
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let logits = step.output(SOURCE_LOGITS)?;
        let z = self.relationship.len() / step.targets().columns();
        let labels = step.labels()?;
        let found: usize = logits.dims().iter().product();
        if found != labels.len() * z {
            return Err(Error::model(format!(
                "the source classifier gave {:?} logits, expected {} rows of {z}",
                logits.dims(),
                labels.len()
            )));
        }
        let logits = logits.reshape(&[labels.len(), z])?;
        let shares = labels.iter().flat_map(|&label| {
            let start = label as usize * z;
            &self.relationship[start..start + z]
        });
        let source = cross_entropy(&logits, shares.copied().collect(), step.device())?;
        let total = task.add(&source.mul_scalar(self.lambda))?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("source", source)],
            state: None,
        })
    }

    fn finish(&self, trained: Model, _: &FinishContext<'_>) -> Result<Option<Finished>> {
        Ok(Some(Finished::of(pruned(trained))))
    }
}
