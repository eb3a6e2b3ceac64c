//! The options of tuning, with their defaults and the sources of those.

use std::path::PathBuf;
use std::time::Duration;

use ranktune_data::{Augmentation, Dataset};
use ranktune_features::extract::ExtractOptions;
use ranktune_report::Ranking;
use ranktune_train::{Decay, MethodInfo, Need, Optimizer, Schedule, TrainOptions, methods};

use crate::error::{Error, ErrorKind};
use crate::rank::RecordUse;

/// The model that is tuned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The first of the ranking.
    Best,
    /// The model of this name in the hub.
    Named(String),
}

/// The models that teach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teachers {
    /// The first three of the ranking, as published, or all of a hub that has fewer.
    Usual,
    /// The first models of the ranking, exactly this many; the target itself may be one of them.
    Top(usize),
    /// The models of these names in the hub.
    Named(Vec<String>),
}

/// The weight of the teachers' term.
#[derive(Clone, Debug, PartialEq)]
pub enum Lambda {
    /// This value.
    Fixed(f64),
    /// One of these, chosen on the validation samples: 10, unless the metric of another value is better by more than the standard error
    /// of the difference and its loss is no larger; the best value where 10 is not among them.
    Grid(Vec<f64>),
}

impl Lambda {
    /// The usual grid. The published value is 100; 0 is fine-tuning.
    pub fn auto() -> Self {
        Self::Grid(vec![0.0, 1.0, DEFAULT_LAMBDA, 100.0])
    }
}

/// The default of [`TuneOptions::lambda`].
pub(crate) const DEFAULT_LAMBDA: f64 = 10.0;

/// The number of [`Teachers::Usual`].
pub(crate) const USUAL_TEACHERS: usize = 3;

/// The method that chooses among fine-tune, b-tuning, linear-probe and stacked on the validation samples.
pub const AUTO: &str = "auto";

/// The default of [`TuneOptions::views`].
const VIEWS: u32 = 4;

/// The source of validation samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// No validation: the last weights are kept.
    None,
    /// A stratified share of the training samples.
    Share(f64),
    /// A data set of its own.
    Data(Box<Dataset>),
}

/// Options of tuning.
#[derive(Clone, Debug)]
pub struct TuneOptions {
    /// The model. Default: the first of the ranking.
    pub model: Target,
    /// An existing ranking. Default: it is made where it is needed, from cached features if there are any.
    pub ranking: Option<Ranking>,
    /// The name of a method of [`METHODS`](ranktune_train::methods::METHODS), or [`AUTO`]. Default: `b-tuning`.
    pub method: String,
    /// The candidates of [`AUTO`], by name. Default: linear-probe, stacked, fine-tune and b-tuning.
    pub candidates: Vec<String>,
    /// Default: the three best of the ranking, as published.
    pub teachers: Teachers,
    /// Default: 10, which did best of 1, 10 and 100 with five and ten classes (`experiments/tuning_quality`; 100 is published, for a hundred and more).
    pub lambda: Lambda,
    /// The weight κ of the target's own Bayesian read-out m_t beside the head h, of b-tuning for classes: the logits are
    /// `½ (h(f) + κ m_tᵀ f)`. Default: calibrated by cross-validation on the training samples (`calibration.rs`); 0, the head alone, is
    /// published.
    pub read_out: Option<f64>,
    /// Learning rates of the backbone, of which the validation samples choose one: that of [`TuneOptions::train`] unless the metric of
    /// another rate is better by more than the standard error of the difference and its loss is no larger. Up to 2,000 samples, and where [`BatchNorm::Auto`](ranktune_train::BatchNorm::Auto)
    /// leaves it open, each other rate is tried with frozen statistics and with those of batches. Default: none; the rate of `train` is used.
    pub learning_rates: Vec<f32>,
    /// Temperature τ of the teachers' shares. Default: 0.1, as published.
    pub temperature: f64,
    /// Shorter edge of the images. Default: what the model's preprocessing makes.
    pub image_size: Option<usize>,
    /// Default: a crop of 0.5 to 1 of the area and a flip.
    pub augmentation: Augmentation,
    /// Number of views per image that teachers predict and training cycles through, at most one per epoch. Default: 4 (a compromise
    /// between variety and the time of the teachers; methods without teachers draw a new view every epoch).
    pub views: Option<u32>,
    /// Default: a tenth of the training samples.
    pub validation: Validation,
    /// Earlier results from which the best model is predicted, where no ranking is given. Default: those that the program ships with.
    pub record: RecordUse,
    /// Time for training: no epoch, trial of a search or candidate of `auto` starts that would not fit. Reading, ranking and the final
    /// evaluation are not counted. Default: none.
    pub budget: Option<Duration>,
    /// A data set to evaluate the tuned model on. Default: none.
    pub test: Option<Dataset>,
    /// The output folder.
    pub out: PathBuf,
    /// Whether to resume the run in `out`. Default: no.
    pub resume: bool,
    /// What a run that is begun writes to `command.json` in `out`, for the program that resumes it. Default: nothing.
    pub command: Option<String>,
    /// The parameters that weight decay applies to. Default: as published with the method.
    pub decay: Option<Decay>,
    /// Options of training; [`training_defaults`] suit the data. Their seed is that of everything random; checkpoints and records are set by
    /// [`tune`](crate::tune()).
    pub train: TrainOptions,
    /// Options of extraction, for the ranking, the teachers and the metrics. `feature` names the target's feature tensor.
    pub extract: ExtractOptions,
}

/// Options of training that suit `dataset`: [`TrainOptions::default`] for images; for texts those of encoders (Devlin et al. 2019:
/// AdamW, weight decay 0.01, a warm-up of a tenth, a gradient norm of at most 1), with the learning rate that was best for a small encoder
/// (`experiments/tuning_quality/texts.md`); 2e-5 to 5e-5 are published for large ones.
///
/// # Examples
/// ```
/// use ranktune::{LoadOptions, TrainOptions};
///
/// let texts = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// assert_eq!(ranktune::training_defaults(&texts).warm_up, 0.1);
/// let images = ranktune::load("../../examples/data/digits".as_ref(), &LoadOptions::default())?;
/// assert_eq!(ranktune::training_defaults(&images).learning_rate, TrainOptions::default().learning_rate);
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn training_defaults(dataset: &Dataset) -> TrainOptions {
    let options = TrainOptions::default();
    if !dataset.kind().is_text() {
        return options;
    }
    TrainOptions {
        epochs: 5,
        optimizer: Optimizer::ADAM_W,
        learning_rate: 1e-4,
        schedule: Schedule::Cosine,
        warm_up: 0.1,
        weight_decay: 0.01,
        clip: Some(1.0),
        clip_apart: false,
        ..options
    }
}

/// Learning rates to choose from, the default first. Image models that were trained for another kind of data do best at 3 to 10 times
/// the default (`experiments/tuning_quality`), and tables of word embeddings at 10 to 100 times (`experiments/tuning_quality/texts.md`).
///
/// # Examples
/// ```
/// use ranktune::{LoadOptions, TuneOptions};
///
/// let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// let mut options = TuneOptions::new("tuned");
/// options.learning_rates = ranktune::usual_rates(&data);
/// assert_eq!(options.learning_rates, [1e-4, 1e-3, 1e-2]);
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn usual_rates(dataset: &Dataset) -> Vec<f32> {
    let default = training_defaults(dataset).learning_rate;
    if dataset.kind().is_text() {
        return vec![default, 1e-3, 1e-2];
    }
    vec![default, 3e-3, 1e-2]
}

impl TuneOptions {
    /// The values of λ to choose from, for a method that has it.
    pub(crate) fn grid(&self, method: &MethodInfo) -> Option<&[f64]> {
        match &self.lambda {
            Lambda::Grid(grid) if method.needs(Need::Lambda) => Some(grid),
            _ => None,
        }
    }

    /// How many best-ranked models teach, and whether a hub may have fewer; `None` where they are named.
    pub(crate) fn top(&self) -> Option<(usize, bool)> {
        match self.teachers {
            Teachers::Usual => Some((USUAL_TEACHERS, true)),
            Teachers::Top(count) => Some((count, false)),
            Teachers::Named(_) => None,
        }
    }

    /// The number of views where it is finite. A run sees one view of a sample per epoch, so more are never computed.
    pub(crate) fn n_views(&self) -> u32 {
        let epochs = u32::try_from(self.train.epochs).unwrap_or(u32::MAX);
        self.views.unwrap_or(VIEWS).min(epochs.max(1))
    }

    /// The learning rates to choose from.
    pub(crate) fn rates(&self) -> Option<&[f32]> {
        (!self.learning_rates.is_empty()).then_some(&self.learning_rates)
    }

    /// Checks the ranges of the options, and that they fit each other.
    pub(crate) fn check(&self, method: &MethodInfo) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Arguments, message));
        for &learning_rate in self.rates().unwrap_or(&[self.train.learning_rate]) {
            let train = TrainOptions {
                learning_rate,
                ..self.train.clone()
            };
            train.check()?;
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return wrong(format!(
                "the temperature must be finite and > 0, got {}",
                self.temperature
            ));
        }
        let chosen = match (self.rates(), self.grid(method)) {
            (Some(_), _) => "the learning rate",
            (None, Some(_)) => "lambda",
            (None, None) => return Ok(()),
        };
        if self.validation == Validation::None {
            let what = "is chosen on validation samples, and there are none; leave --validation out, or give one value";
            return wrong(format!("{chosen} {what}"));
        }
        Ok(())
    }

    /// The defaults, with the tuned model in `out`.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            model: Target::Best,
            ranking: None,
            method: methods::DEFAULT.to_owned(),
            candidates: ["linear-probe", "stacked", "fine-tune", "b-tuning"]
                .map(str::to_owned)
                .to_vec(),
            teachers: Teachers::Usual,
            lambda: Lambda::Fixed(DEFAULT_LAMBDA),
            read_out: None,
            learning_rates: Vec::new(),
            temperature: 0.1,
            image_size: None,
            augmentation: Augmentation::default(),
            views: None,
            validation: Validation::Share(0.1),
            record: RecordUse::default(),
            budget: None,
            test: None,
            out: out.into(),
            resume: false,
            command: None,
            decay: None,
            train: TrainOptions::default(),
            extract: ExtractOptions::default(),
        }
    }
}
