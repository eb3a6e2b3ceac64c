//! B-Tuning (You et al., JMLR 2022, section 5): features are pulled to where their fixed linear read-out says what the
//! teachers say.
//!
//! `loss = task + λ · mean_{rows, c} (m_tᵀ f_t(x) − ȳ(x))²`, with m_t `[d, c]` the posterior mean of the target model's own
//! features before tuning, which stays fixed, f_t(x) `[d]` its features now, and ȳ(x) `[c]` the teachers' combined posterior
//! predictive mean for the same view. Regression: m_t and ȳ are in the targets' units, and both are divided by the targets'
//! deviation, so that λ means the same whatever those are.
//!
//! Classes: the same read-out of the tuned features, which the teachers keep true, joins the head in the model that is written,
//! `logits = ½ h(f_t(x)) + ½ κ m_tᵀ f_t(x)`: the geometric mean of what two say that have seen the same samples (a logarithmic opinion
//! pool: Genest and Zidek, Statistical Science 1986). Both are linear, so they are one layer. κ = 0, the head alone, is published.

use crate::losses::squared_error;
use crate::{Decay, Lessons, Loss, Method, Setting, StepContext, TargetValues, TrainOptions};
use ranktune_nn::head::POOLED;
use ranktune_nn::{DeviceTensor, Error, ErrorKind, Result};

/// B-Tuning.
#[derive(Clone, Debug)]
pub struct BTuning {
    lessons: Lessons,
    /// m_t `[d, c]`, row-major.
    weights: Vec<f32>,
    lambda: f32,
    /// κ.
    read_out: f32,
}

impl BTuning {
    /// Teachers' predictions, m_t `[n_features, columns]` row-major, and λ (100 as published).
    ///
    /// # Errors
    /// `Input` when m_t is not whole rows of finite numbers, or λ is negative or not finite.
    pub fn new(lessons: Lessons, weights: Vec<f32>, lambda: f32) -> Result<Self> {
        let wrong = |message: String| Error::new(ErrorKind::Input, message);
        if weights.is_empty()
            || !weights.len().is_multiple_of(lessons.columns())
            || weights.iter().any(|weight| !weight.is_finite())
        {
            return Err(wrong(format!(
                "the posterior mean has {} values, expected rows of {} finite ones",
                weights.len(),
                lessons.columns()
            )));
        }
        if !(lambda.is_finite() && lambda >= 0.0) {
            return Err(wrong(format!("lambda must be finite and >= 0, got {lambda}")));
        }
        Ok(Self {
            lessons,
            weights,
            lambda,
            read_out: 0.0,
        })
    }

    /// With the read-out in the head of the tuned model, at the weight κ (0 without).
    ///
    /// # Errors
    /// `Input` when κ is negative or not finite.
    pub fn with_read_out(self, weight: f32) -> Result<Self> {
        match weight.is_finite() && weight >= 0.0 {
            true => Ok(Self {
                read_out: weight,
                ..self
            }),
            false => Err(Error::new(
                ErrorKind::Input,
                format!("the weight of the read-out must be finite and >= 0, got {weight}"),
            )),
        }
    }
}

impl Method for BTuning {
    fn name(&self) -> &'static str {
        "b-tuning"
    }

    fn describe(&self) -> String {
        let digest = super::digest(&[self.lessons.values(), &self.weights]);
        let read_out = match self.read_out {
            0.0 => String::new(),
            weight => format!(" read-out={weight}"),
        };
        format!(
            "b-tuning lambda={} views={} digest={digest}{read_out}",
            self.lambda,
            self.lessons.n_views()
        )
    }

    fn preset(&self, options: &mut TrainOptions) {
        options.decay = Decay::All;
    }

    fn check(&self, setting: &Setting<'_>) -> Result<()> {
        self.lessons.check(setting.targets)?;
        let of_classes = matches!(setting.targets.values(), TargetValues::Classes { .. });
        if self.read_out > 0.0 && (setting.targets.is_by_row() || !of_classes) {
            return Err(Error::new(
                ErrorKind::Input,
                "the read-out joins a head that gives one class a sample, and the targets are others",
            ));
        }
        let found = self.weights.len() / self.lessons.columns();
        match setting.n_features {
            Some(expected) if expected != found => Err(Error::new(
                ErrorKind::Input,
                format!("the posterior mean is for {found} features, and the model has {expected}"),
            )),
            _ => Ok(()),
        }
    }

    fn outputs(&self) -> Vec<String> {
        vec![POOLED.to_owned()]
    }

    fn answer(&self, weight: &[f32], bias: &[f32]) -> Option<(Vec<f32>, Vec<f32>)> {
        if self.read_out == 0.0 {
            return None;
        }
        let columns = bias.len();
        let n_features = weight.len() / columns;
        let mut joined = weight.to_vec();
        for (column, row) in joined.chunks_exact_mut(n_features).enumerate() {
            for (value, read) in row.iter_mut().zip(self.weights.iter().skip(column).step_by(columns)) {
                *value = 0.5 * (*value + self.read_out * read);
            }
        }
        Some((joined, bias.iter().map(|value| 0.5 * value).collect()))
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        let task = step.task_loss()?;
        let columns = self.lessons.columns();
        let mut weights = self.weights.clone();
        if let Some(scale) = step.scale() {
            for row in weights.chunks_exact_mut(columns) {
                row.iter_mut().zip(scale).for_each(|(weight, scale)| *weight /= scale);
            }
        }
        let weights = DeviceTensor::from_values(&[weights.len() / columns, columns], weights, step.device())?;
        let read = step.features()?.matmul(&weights)?;
        let taught = squared_error(&read, &step.lessons(&self.lessons)?)?;
        let total = task.add(&taught.mul_scalar(self.lambda))?;
        Ok(Loss {
            total,
            parts: vec![("task", task), ("teachers", taught)],
        })
    }
}
