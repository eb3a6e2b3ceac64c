//! B-Tuning (You et al., JMLR 2022, section 5): the fixed linear read-out of the features is trained towards the teachers'
//! predictions.
//!
//! `loss = task + λ · mean_{rows, c} (m_tᵀ f_t(x) − ȳ(x))²`, with m_t `[d, c]` the posterior mean of the target model's own
//! features before tuning, which stays fixed, f_t(x) `[d]` its features now, and ȳ(x) `[c]` the teachers' combined posterior
//! predictive mean for the same view. Regression: m_t and ȳ are in the targets' units, and both are divided by the targets'
//! deviation, so that λ does not depend on the units.
//!
//! Classes: the same read-out of the tuned features, which training keeps accurate, is combined with the head in the exported
//! model, `logits = ½ h(f_t(x)) + ½ κ m_tᵀ f_t(x)`: the geometric mean of two predictions from the same samples (a logarithmic
//! opinion pool: Genest and Zidek, Statistical Science 1986). Both are linear, so they are one layer. The paper exports the head
//! alone, κ = 0.

use ranktune_nn::DeviceTensor;
use ranktune_nn::head::POOLED;

use crate::error::{Error, Result};
use crate::identity::digest_of_floats;
use crate::losses::squared_error;
use crate::method::{CheckContext, Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};
use crate::options::{Decay, TrainOptions};
use crate::targets::TargetValues;
use crate::teachers::TeacherPredictions;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "b-tuning",
    summary: "train all weights, with the features' Bayesian read-out taught by the best-ranked models (JMLR 2022)",
    needs: &[Need::Teachers, Need::ReadOut, Need::Lambda],
    make: |inputs| {
        let read_out = inputs.read_out()?;
        let method = BTuning::new(inputs.teachers()?.clone(), read_out.weights.to_vec(), inputs.lambda)?;
        Ok(Box::new(method.with_read_out(read_out.head_weight)?))
    },
};

/// B-Tuning.
#[derive(Clone, Debug)]
pub struct BTuning {
    teachers: TeacherPredictions,
    /// m_t `[d, c]`, row-major.
    weights: Vec<f32>,
    lambda: f32,
    /// κ.
    head_weight: f32,
}

impl BTuning {
    /// Teachers' predictions, m_t `[n_features, columns]` row-major, and λ (100 as published).
    ///
    /// # Errors
    /// `Input` when m_t does not consist of whole rows of finite numbers, or λ is negative or not finite.
    pub fn new(teachers: TeacherPredictions, weights: Vec<f32>, lambda: f32) -> Result<Self> {
        let columns = teachers.columns();
        if weights.is_empty() || !weights.len().is_multiple_of(columns) {
            return Err(Error::input(format!(
                "the read-out has {} values, expected whole rows of {columns}",
                weights.len()
            )));
        }
        if weights.iter().any(|weight| !weight.is_finite()) {
            return Err(Error::input("the read-out has a value that is not finite"));
        }
        if !(lambda.is_finite() && lambda >= 0.0) {
            return Err(Error::input(format!("lambda must be finite and >= 0, got {lambda}")));
        }
        Ok(Self {
            teachers,
            weights,
            lambda,
            head_weight: 0.0,
        })
    }

    /// Combines the read-out with the head of the exported model, at the weight κ (0 for the head alone).
    ///
    /// # Errors
    /// `Input` when κ is negative or not finite.
    pub fn with_read_out(self, head_weight: f32) -> Result<Self> {
        if !(head_weight.is_finite() && head_weight >= 0.0) {
            return Err(Error::input(format!(
                "the weight of the read-out must be finite and >= 0, got {head_weight}"
            )));
        }
        Ok(Self { head_weight, ..self })
    }
}

impl Method for BTuning {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        let digest = digest_of_floats(&[self.teachers.values(), &self.weights]);
        let read_out = match self.head_weight {
            0.0 => String::new(),
            weight => format!(" read-out={weight}"),
        };
        format!(
            "b-tuning lambda={} views={} digest={digest}{read_out}",
            self.lambda,
            self.teachers.n_views()
        )
    }

    fn preset(&self, options: &mut TrainOptions) {
        options.decay = Decay::All;
    }

    fn check(&self, context: &CheckContext<'_>) -> Result<()> {
        self.teachers.check(context.targets)?;
        let is_classes = matches!(context.targets.values(), TargetValues::Classes { .. });
        if self.head_weight > 0.0 && (context.targets.is_by_row() || !is_classes) {
            return Err(Error::input(
                "the read-out can be combined with the head only where every sample has one class; set its weight to 0",
            ));
        }
        let found = self.weights.len() / self.teachers.columns();
        if let Some(expected) = context.n_features
            && expected != found
        {
            return Err(Error::input(format!(
                "the read-out is of {found} features, and the model has {expected}"
            )));
        }
        Ok(())
    }

    fn outputs(&self) -> Vec<String> {
        vec![POOLED.to_owned()]
    }

    fn export_head(&self, weight: &[f32], bias: &[f32]) -> Option<(Vec<f32>, Vec<f32>)> {
        if self.head_weight == 0.0 {
            return None;
        }
        let columns = bias.len();
        let n_features = weight.len() / columns;
        let mut joined = weight.to_vec();
        for (column, row) in joined.chunks_exact_mut(n_features).enumerate() {
            for (value, read) in row.iter_mut().zip(self.weights.iter().skip(column).step_by(columns)) {
                *value = 0.5 * (*value + self.head_weight * read);
            }
        }
        Some((joined, bias.iter().map(|value| 0.5 * value).collect()))
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let columns = self.teachers.columns();
        let mut weights = self.weights.clone();
        if let Some(scale) = step.scale() {
            for row in weights.chunks_exact_mut(columns) {
                row.iter_mut().zip(scale).for_each(|(weight, scale)| *weight /= scale);
            }
        }
        let weights = DeviceTensor::from_values(&[weights.len() / columns, columns], weights, step.device())?;
        let read = step.features()?.matmul(&weights)?;
        let taught = squared_error(&read, &step.teacher_predictions(&self.teachers)?)?;
        let total = task.add(&taught.mul_scalar(self.lambda))?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("teachers", taught)],
            state: None,
        })
    }
}
