//! Settings of a training run, with their defaults and where those come from.

use std::path::PathBuf;

use serde::Serialize;

use ranktune_nn::{Device, Error, ErrorKind, Result};

/// How gradients become changes of weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum, as `torch.optim.SGD` (dampening 0).
    Sgd {
        /// 0.9 by default, as published for B-Tuning.
        momentum: f32,
        /// Nesterov's look ahead; on by default, as published.
        nesterov: bool,
    },
    /// AdamW, as `torch.optim.AdamW`: decay is not part of the moments.
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
    /// SGD as published: momentum 0.9 with Nesterov's look ahead.
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

/// How the learning rate goes over a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// It stays.
    Constant,
    /// × `factor` once `at` of the run (0 to 1) is done.
    Step {
        /// 2/3 as published.
        at: f32,
        /// 0.1 as published.
        factor: f32,
    },
    /// Half a cosine wave down to 0.
    Cosine,
}

impl Schedule {
    /// × 0.1 at two thirds of the run (JMLR 2022).
    pub const PUBLISHED: Self = Self::Step {
        at: 2.0 / 3.0,
        factor: 0.1,
    };
}

/// What weight decay is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Weights only: not what has one dimension (biases, scales of norms) or is one vector (class tokens).
    #[default]
    Weights,
    /// Everything that is trained, as published for B-Tuning.
    All,
}

/// Training samples up to which running statistics are kept.
const FEW: usize = 2000;

/// What BatchNormalization does in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNorm {
    /// Statistics of the batch; the running ones are updated.
    Train,
    /// Running statistics, as they came.
    Frozen,
    /// Running statistics, taken anew from the training samples (in the evaluation view) before the first step, and then
    /// kept.
    Adapted,
    /// Frozen up to 2,000 training samples, else of the batch: see [`crate`].
    #[default]
    Auto,
}

impl BatchNorm {
    /// What it comes to with this many training samples.
    pub fn decided(self, n_samples: usize) -> Self {
        match self {
            Self::Auto if n_samples <= FEW => Self::Frozen,
            Self::Auto => Self::Train,
            chosen => chosen,
        }
    }
}

/// Which views training takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Views {
    /// The evaluation view: no augmentation.
    Plain,
    /// A new view every epoch: view e in epoch e.
    #[default]
    Fresh,
    /// Views `0..n`, each as often as the others for every sample, beginning anywhere.
    Finite(u32),
}

/// Which weights a run ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the epoch that did best on the validation samples; the last ones where there are none.
    #[default]
    Best,
    /// Those after the last step.
    Last,
}

/// Where and when checkpoints are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// The folder; made where it is missing.
    pub folder: PathBuf,
    /// Also within an epoch, every so many steps; never by default. One is written after every epoch.
    pub every_steps: Option<u64>,
    /// Also within an epoch, once so many seconds have passed since the last; 300 by default.
    pub every_seconds: Option<f64>,
    /// Number of checkpoints kept; 2 by default.
    pub keep: usize,
    /// Go on from the newest one, if there is any; off by default.
    pub resume: bool,
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
        }
    }
}

/// Settings of a run. Those that decide which weights come out are part of a checkpoint, and have to be the same to go on
/// from it.
#[derive(Clone, Debug, Serialize)]
pub struct TrainOptions {
    /// Times that every sample is seen; 10 by default.
    pub epochs: usize,
    /// Samples a step; 32 by default. Batches are made equally large, so the last is not a small one.
    pub batch_size: usize,
    /// [`Optimizer::SGD`] by default.
    pub optimizer: Optimizer,
    /// Learning rate of the backbone; 1e-3 by default, as published.
    pub learning_rate: f32,
    /// The head learns so many times as fast; 10 by default, as published.
    pub head_multiplier: f32,
    /// Names of head parameters begin with this; `ranktune.head.` by default.
    pub head_prefix: String,
    /// [`Schedule::PUBLISHED`] by default.
    pub schedule: Schedule,
    /// Share of the run in which the rate rises from 0 in a straight line; 0 by default.
    pub warm_up: f32,
    /// 5e-4 by default, as published.
    pub weight_decay: f32,
    /// [`Decay::Weights`] by default.
    pub decay: Decay,
    /// Longest that the gradient may be; 5 by default: with statistics frozen, the first steps of a head that learns fast can otherwise
    /// leave a network from which nothing comes back (`experiments/tuning_quality`).
    pub clip: Option<f32>,
    /// Whether the gradient of the backbone and that of the head are limited apart, so that a term which only reaches the backbone,
    /// such as the teachers' of B-Tuning, does not slow the head down; yes by default.
    pub clip_apart: bool,
    /// Share of a class's target that is spread over all classes; 0 by default.
    pub label_smoothing: f32,
    /// Parameters whose names begin with one of these are not trained; none by default.
    pub freeze: Vec<String>,
    /// [`BatchNorm::Auto`] by default.
    pub batch_norm: BatchNorm,
    /// [`Views::Fresh`] by default.
    pub views: Views,
    /// Seed of the order of samples and of their views; 0 by default. (The head's is that of [`ranktune_nn::Head`].)
    pub seed: u64,
    /// [`Keep::Best`] by default.
    pub keep: Keep,
    /// Where training runs; Burn's CPU backend by default.
    #[serde(skip)]
    pub device: Device,
    /// Threads that load samples beside the step; 2 by default.
    #[serde(skip)]
    pub load_threads: usize,
    /// Batches loaded ahead of the step; 4 by default.
    #[serde(skip)]
    pub load_ahead: usize,
    /// Checkpoints; none by default.
    #[serde(skip)]
    pub checkpoints: Option<Checkpoints>,
    /// A file of JSON lines, one a step and one an epoch; none by default.
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
            views: Views::default(),
            seed: 0,
            keep: Keep::default(),
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
    /// Whether every setting can be meant.
    ///
    /// # Errors
    /// `Input` naming the first setting out of its range.
    pub fn check(&self) -> Result<()> {
        let wrong = |name: &str, expected: &str, found: String| {
            Err(Error::new(
                ErrorKind::Input,
                format!("{name} must be {expected}, got {found}"),
            ))
        };
        let share = |value: f32| (0.0..1.0).contains(&value);
        let at_least_0 = |value: f32| value.is_finite() && value >= 0.0;
        match () {
            () if self.epochs == 0 => wrong("epochs", "at least 1", "0".to_owned()),
            () if self.batch_size == 0 => wrong("the batch size", "at least 1", "0".to_owned()),
            () if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) => {
                wrong("the learning rate", "finite and > 0", self.learning_rate.to_string())
            }
            () if !at_least_0(self.head_multiplier) => wrong(
                "the head's multiplier",
                "finite and >= 0",
                self.head_multiplier.to_string(),
            ),
            () if !at_least_0(self.weight_decay) => {
                wrong("weight decay", "finite and >= 0", self.weight_decay.to_string())
            }
            () if !share(self.warm_up) => wrong("warm-up", "at least 0 and below 1", self.warm_up.to_string()),
            () if !share(self.label_smoothing) => wrong(
                "label smoothing",
                "at least 0 and below 1",
                self.label_smoothing.to_string(),
            ),
            () if self.clip.is_some_and(|clip| clip.is_nan() || clip <= 0.0) => {
                wrong("the gradient's largest length", "> 0", format!("{:?}", self.clip))
            }
            () if self.views == Views::Finite(0) => wrong("views", "at least 1", "0".to_owned()),
            () => self.check_optimizer(),
        }
    }

    fn check_optimizer(&self) -> Result<()> {
        let share = |value: f32| (0.0..1.0).contains(&value);
        let good = match self.optimizer {
            Optimizer::Sgd { momentum, nesterov } => share(momentum) && (!nesterov || momentum > 0.0),
            Optimizer::AdamW {
                beta_1,
                beta_2,
                epsilon,
            } => share(beta_1) && share(beta_2) && epsilon > 0.0,
        };
        let good = good
            && match self.schedule {
                Schedule::Step { at, factor } => (0.0..=1.0).contains(&at) && factor.is_finite() && factor >= 0.0,
                _ => true,
            };
        match good {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Input,
                format!(
                    "momentum and betas are at least 0 and below 1 (Nesterov's needs momentum), and a schedule steps within \
                     the run; got {:?} and {:?}",
                    self.optimizer, self.schedule
                ),
            )),
        }
    }
}
