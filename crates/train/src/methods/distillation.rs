//! Knowledge distillation (Hinton, Vinyals, Dean 2015) from an ensemble of teachers.
//!
//! `loss = (1 − w) · task + w · T² · CE(softmax(z/T), softmax(u/T))`, with z the logits and u the teachers' logits. Where
//! teachers predict shares p of classes (such as posterior predictive means of one-hot targets, which may lie outside 0..1), u is
//! the logarithm of p clamped to [1e-3, 1]. Labels: `(1 − w) · task + w · BCE(z, p)` with p clamped to 0..1. Numbers:
//! `(1 − w) · task + w · mean (z − (ȳ − μ)/s)²`.

use ranktune_nn::DeviceTensor;

use crate::error::{Error, Result};
use crate::identity::digest_of_floats;
use crate::losses::{binary_cross_entropy, cross_entropy, squared_error};
use crate::method::{CheckContext, Loss, Method, StepContext};
use crate::method_info::{MethodInfo, Need};
use crate::targets::TargetValues;
use crate::teachers::TeacherPredictions;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "distillation",
    summary: "train the logits towards the teachers' predictions (Hinton 2015)",
    needs: &[Need::Teachers],
    make: |inputs| {
        let teachers = inputs.teachers()?.clone();
        let method = Distillation::new(teachers, PredictionKind::Shares, TEMPERATURE, WEIGHT)?;
        Ok(Box::new(method))
    },
};

/// Usual values (Hinton 2015 has temperatures of 1 to 20).
const TEMPERATURE: f32 = 2.0;
const WEIGHT: f32 = 0.5;

/// What the teachers' predictions are; matters for classes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionKind {
    /// Shares of classes, roughly between 0 and 1.
    Shares,
    /// Logits.
    Logits,
}

/// Distillation.
#[derive(Clone, Debug)]
pub struct Distillation {
    teachers: TeacherPredictions,
    kind: PredictionKind,
    temperature: f32,
    weight: f32,
}

impl Distillation {
    /// Teachers' predictions and their kind, the temperature (2 is usual) and the weight of the teachers' term (0 to 1).
    ///
    /// # Errors
    /// `Input` when the temperature is not above 0 or the weight is not from 0 to 1.
    pub fn new(teachers: TeacherPredictions, kind: PredictionKind, temperature: f32, weight: f32) -> Result<Self> {
        if !(temperature.is_finite() && temperature > 0.0 && (0.0..=1.0).contains(&weight)) {
            return Err(Error::input(format!(
                "the temperature must be > 0 and the teachers' weight from 0 to 1, got {temperature} and {weight}"
            )));
        }
        Ok(Self {
            teachers,
            kind,
            temperature,
            weight,
        })
    }

    /// Softmax of the teachers' logits at the temperature, row by row.
    fn soften(&self, values: &[f32]) -> Vec<f32> {
        let mut shares = Vec::with_capacity(values.len());
        for row in values.chunks_exact(self.teachers.columns()) {
            let logits = row.iter().map(|&value| match self.kind {
                PredictionKind::Logits => value / self.temperature,
                PredictionKind::Shares => value.clamp(1e-3, 1.0).ln() / self.temperature,
            });
            let logits: Vec<f32> = logits.collect();
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
            let sum: f32 = powers.iter().sum();
            shares.extend(powers.iter().map(|power| power / sum));
        }
        shares
    }
}

impl Method for Distillation {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn describe(&self) -> String {
        let digest = digest_of_floats(&[self.teachers.values()]);
        format!(
            "distillation {:?} temperature={} weight={} views={} digest={digest}",
            self.kind,
            self.temperature,
            self.weight,
            self.teachers.n_views()
        )
    }

    fn check(&self, context: &CheckContext<'_>) -> Result<()> {
        self.teachers.check(context.targets)
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let (logits, device) = (step.logits(), step.device());
        let mut taught = self.teachers.gather(step.picks(), step.targets())?;
        let soft = match step.targets().values() {
            TargetValues::Classes { .. } => {
                let cool = logits.mul_scalar(1.0 / self.temperature);
                cross_entropy(&cool, self.soften(&taught), device)?.mul_scalar(self.temperature.powi(2))
            }
            TargetValues::MultiLabel { .. } => {
                taught.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
                binary_cross_entropy(logits, &taught, device)?
            }
            TargetValues::Regression { .. } => {
                if let (Some(centre), Some(scale)) = (step.centre(), step.scale()) {
                    for row in taught.chunks_exact_mut(centre.len()) {
                        for ((value, centre), scale) in row.iter_mut().zip(centre).zip(scale) {
                            *value = (*value - centre) / scale;
                        }
                    }
                }
                squared_error(logits, &DeviceTensor::from_values(&logits.dims(), taught, device)?)?
            }
        };
        let total = task.mul_scalar(1.0 - self.weight).add(&soft.mul_scalar(self.weight))?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("teachers", soft)],
            state: None,
        })
    }
}
