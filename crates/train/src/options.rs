//! Options of a training run, with their defaults and the sources of those.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, Result};
use ranktune_nn::Device;

/// The rule that updates weights from gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum, as `torch.optim.SGD` (dampening 0).
    Sgd {
        /// 0.9 by default, as published for B-Tuning.
        momentum: f32,
        /// Whether momentum is Nesterov's; yes by default, as published.
        nesterov: bool,
    },
    /// AdamW, as `torch.optim.AdamW`: weight decay is decoupled from the moments.
    AdamW {
        /// 0.9 by default, as in PyTorch.
        beta_1: f32,
        /// 0.999 by default, as in PyTorch.
        beta_2: f32,
        /// 1e-8 by default, as in PyTorch.
        epsilon: f32,
    },
}

impl Optimizer {
    /// SGD as published: Nesterov's momentum of 0.9.
    pub const SGD: Self = Self::Sgd {
        momentum: 0.9,
        nesterov: true,
    };
    /// AdamW with PyTorch's defaults.
    pub const ADAM_W: Self = Self::AdamW {
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
    };
}

/// The learning rate over a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// Constant.
    Constant,
    /// × `factor` after the share `at` (0 to 1) of the run.
    Step {
        /// 2/3 as published.
        at: f32,
        /// 0.1 as published.
        factor: f32,
    },
    /// Cosine decay to 0.
    Cosine,
}

impl Schedule {
    /// × 0.1 at two thirds of the run (JMLR 2022).
    pub const PUBLISHED: Self = Self::Step {
        at: 2.0 / 3.0,
        factor: 0.1,
    };
}

/// The parameters that weight decay applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Weights only: no biases, scales of norms or class tokens.
    #[default]
    Weights,
    /// All trained parameters, as published for B-Tuning.
    All,
}

/// Training samples up to which [`BatchNorm::Auto`] freezes the running statistics.
const FEW: usize = 2000;

/// How BatchNormalization runs in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNorm {
    /// With the statistics of the batch; the running ones are updated.
    Train,
    /// With the running statistics of the pre-trained model.
    Frozen,
    /// With running statistics that are recomputed from the training samples (in the evaluation view) before the first step.
    Adapted,
    /// Frozen up to 2,000 training samples, else with the statistics of the batch.
    #[default]
    Auto,
}

impl BatchNorm {
    /// The choice for this many training samples: never [`Self::Auto`].
    pub fn decided(self, n_samples: usize) -> Self {
        match self {
            Self::Auto if n_samples <= FEW => Self::Frozen,
            Self::Auto => Self::Train,
            chosen => chosen,
        }
    }
}

/// Which view of a sample an epoch trains on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewSchedule {
    /// The evaluation view: no augmentation.
    Plain,
    /// A new view every epoch: view e in epoch e.
    #[default]
    Fresh,
    /// Views `0..n` in turn, starting at a random one for each sample.
    Finite(u32),
}

/// Which weights a run keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the epoch with the best validation metric; the last ones without validation samples.
    #[default]
    Best,
    /// Those after the last step.
    Last,
}

/// Weights of the classes in the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// All classes weigh the same per sample.
    #[default]
    None,
    /// `n / (c · n_j)`: all classes weigh the same in sum (King and Zeng 2001, as scikit-learn's `balanced`).
    Balanced,
}

impl ClassWeights {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Where and when checkpoints are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// The folder; created where it is missing.
    pub folder: PathBuf,
    /// Steps between checkpoints within an epoch; none by default. One is written after every epoch.
    pub every_steps: Option<u64>,
    /// Seconds between checkpoints within an epoch; 300 by default.
    pub every_seconds: Option<f64>,
    /// Number of checkpoints kept; 2 by default.
    pub keep: usize,
    /// Whether to resume from the newest one, if any; no by default.
    pub resume: bool,
    /// Number of epochs after which the run pauses; none by default. Schedules are still those of [`TrainOptions::epochs`], so a run that
    /// is paused and resumed has the weights of one that was not.
    pub pause_after: Option<usize>,
}

impl Checkpoints {
    /// Checkpoints in `folder`, with the defaults.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every_steps: None,
            every_seconds: Some(300.0),
            keep: 2,
            resume: false,
            pause_after: None,
        }
    }
}

/// Options of a run. A checkpoint holds those that decide the weights, and is only resumed with the same.
#[derive(Clone, Debug, Serialize)]
pub struct TrainOptions {
    /// Passes over the training samples; 10 by default.
    pub epochs: usize,
    /// Maximum number of samples per step; 32 by default. Batches of an epoch have similar sizes, so the last is not a small one.
    pub batch_size: usize,
    /// Bytes that a step may take by estimate: a batch runs in parts that fit, whose gradients are added up. None by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// [`Optimizer::SGD`] by default.
    pub optimizer: Optimizer,
    /// Learning rate of the backbone; 1e-3 by default, as published.
    pub learning_rate: f32,
    /// Factor of the head's learning rate; 10 by default, as published.
    pub head_multiplier: f32,
    /// Prefix of the names of head parameters; `ranktune.head.` by default.
    pub head_prefix: String,
    /// [`Schedule::PUBLISHED`] by default.
    pub schedule: Schedule,
    /// Share of the run with a linear warm-up of the learning rate; 0 by default.
    pub warm_up: f32,
    /// 5e-4 by default, as published.
    pub weight_decay: f32,
    /// [`Decay::Weights`] by default.
    pub decay: Decay,
    /// Maximum gradient norm; 5 by default: with frozen statistics, the first steps of a head with a high learning rate can otherwise
    /// destroy the backbone's features (`experiments/tuning_quality`).
    pub clip: Option<f32>,
    /// Whether the gradients of backbone and head are clipped separately, so that a term which only reaches the backbone, such as the
    /// teachers' of B-Tuning, does not shrink the head's; yes by default.
    pub clip_apart: bool,
    /// Label smoothing; 0 by default.
    pub label_smoothing: f32,
    /// Prefixes of the names of parameters that are not trained; none by default.
    pub freeze: Vec<String>,
    /// [`BatchNorm::Auto`] by default.
    pub batch_norm: BatchNorm,
    /// [`ViewSchedule::Fresh`] by default.
    pub views: ViewSchedule,
    /// Seed of the order of samples and of their views; 0 by default. (The head has its own in [`ranktune_nn::Head`].)
    pub seed: u64,
    /// [`Keep::Best`] by default.
    pub keep: Keep,
    /// Number of epochs without a better validation after which the run ends; none by default (early stopping: Prechelt 1998).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Decay of the moving average of the weights that is validated and written in place of the weights; none by default. It is
    /// `min(decay, (1 + t)/(10 + t))` at step t, so that the first steps are forgotten soon (as in TensorFlow).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f32>,
    /// [`ClassWeights::None`] by default.
    #[serde(skip_serializing_if = "ClassWeights::is_none")]
    pub class_weights: ClassWeights,
    /// Seconds after which no further epoch starts: the run ends where the next one, as long as the longest so far, would not fit. None
    /// by default.
    #[serde(skip)]
    pub seconds: Option<f64>,
    /// Device of training; Burn's CPU backend by default.
    #[serde(skip)]
    pub device: Device,
    /// Threads that load samples; 2 by default.
    #[serde(skip)]
    pub load_threads: usize,
    /// Batches loaded ahead of the step; 4 by default.
    #[serde(skip)]
    pub load_ahead: usize,
    /// Checkpoints; none by default.
    #[serde(skip)]
    pub checkpoints: Option<Checkpoints>,
    /// A file of JSON lines, one per step and one per epoch; none by default.
    #[serde(skip)]
    pub log: Option<PathBuf>,
    /// A folder for TensorBoard's event files; none by default.
    #[serde(skip)]
    pub tensorboard: Option<PathBuf>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 32,
            memory: None,
            optimizer: Optimizer::SGD,
            learning_rate: 1e-3,
            head_multiplier: 10.0,
            head_prefix: "ranktune.head.".to_owned(),
            schedule: Schedule::PUBLISHED,
            warm_up: 0.0,
            weight_decay: 5e-4,
            decay: Decay::default(),
            clip: Some(5.0),
            clip_apart: true,
            label_smoothing: 0.0,
            freeze: Vec::new(),
            batch_norm: BatchNorm::default(),
            views: ViewSchedule::default(),
            seed: 0,
            keep: Keep::default(),
            patience: None,
            ema: None,
            class_weights: ClassWeights::default(),
            seconds: None,
            device: Device::flex(),
            load_threads: 2,
            load_ahead: 4,
            checkpoints: None,
            log: None,
            tensorboard: None,
        }
    }
}

impl TrainOptions {
    /// Checks the range of every option.
    ///
    /// # Errors
    /// `Input`, naming the first option out of its range.
    pub fn check(&self) -> Result<()> {
        let at_least_0 = |value: f32| value.is_finite() && value >= 0.0;
        if self.epochs == 0 {
            return out_of_range("epochs", "at least 1", 0);
        }
        if self
            .checkpoints
            .as_ref()
            .and_then(|checkpoints| checkpoints.pause_after)
            == Some(0)
        {
            return out_of_range("the epochs before a pause", "at least 1", 0);
        }
        if self.batch_size == 0 {
            return out_of_range("the batch size", "at least 1", 0);
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return out_of_range("the learning rate", "finite and > 0", self.learning_rate);
        }
        if !at_least_0(self.head_multiplier) {
            return out_of_range("the head multiplier", "finite and >= 0", self.head_multiplier);
        }
        if !at_least_0(self.weight_decay) {
            return out_of_range("weight decay", "finite and >= 0", self.weight_decay);
        }
        if !is_share(self.warm_up) {
            return out_of_range("warm-up", "at least 0 and below 1", self.warm_up);
        }
        if !is_share(self.label_smoothing) {
            return out_of_range("label smoothing", "at least 0 and below 1", self.label_smoothing);
        }
        if let Some(clip) = self.clip
            && (clip.is_nan() || clip <= 0.0)
        {
            return out_of_range("the maximum gradient norm", "> 0", clip);
        }
        if self.patience == Some(0) {
            return out_of_range("patience", "at least 1 epoch", 0);
        }
        if let Some(ema) = self.ema
            && !is_share(ema)
        {
            return out_of_range("the decay of the moving average", "at least 0 and below 1", ema);
        }
        if let Some(seconds) = self.seconds
            && !(seconds.is_finite() && seconds > 0.0)
        {
            return out_of_range("the budget", "a number of seconds > 0", seconds);
        }
        if self.views == ViewSchedule::Finite(0) {
            return out_of_range("the number of views", "at least 1", 0);
        }
        self.optimizer.check()?;
        self.schedule.check()
    }
}

impl Optimizer {
    fn check(self) -> Result<()> {
        match self {
            Self::Sgd { momentum, nesterov } => {
                if !is_share(momentum) {
                    return out_of_range("momentum", "at least 0 and below 1", momentum);
                }
                if nesterov && momentum == 0.0 {
                    return out_of_range("momentum", "> 0 with Nesterov's method", momentum);
                }
            }
            Self::AdamW {
                beta_1,
                beta_2,
                epsilon,
            } => {
                if let Some(beta) = [beta_1, beta_2].into_iter().find(|&beta| !is_share(beta)) {
                    return out_of_range("a beta of AdamW", "at least 0 and below 1", beta);
                }
                if epsilon.is_nan() || epsilon <= 0.0 {
                    return out_of_range("the epsilon of AdamW", "> 0", epsilon);
                }
            }
        }
        Ok(())
    }
}

impl Schedule {
    fn check(self) -> Result<()> {
        let Self::Step { at, factor } = self else { return Ok(()) };
        if !(0.0..=1.0).contains(&at) {
            return out_of_range("the step of the schedule", "from 0 to 1", at);
        }
        if !(factor.is_finite() && factor >= 0.0) {
            return out_of_range("the factor of the schedule", "finite and >= 0", factor);
        }
        Ok(())
    }
}

fn is_share(value: f32) -> bool {
    (0.0..1.0).contains(&value)
}

fn out_of_range(name: &str, expected: &str, found: impl std::fmt::Display) -> Result<()> {
    Err(Error::input(format!("{name} must be {expected}, got {found}")))
}
