//! What a caller may choose about tuning, with the defaults and where they come from.

use std::path::PathBuf;

use ranktune_data::{Augmentation, Dataset};
use ranktune_features::extract::ExtractOptions;
use ranktune_report::Ranking;
use ranktune_train::{Decay, Optimizer, Schedule, TrainOptions};

use crate::error::{Error, ErrorKind};

/// Which model is tuned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The first of the ranking.
    Best,
    /// The model of this name in the hub.
    Named(String),
}

/// Which models teach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teachers {
    /// So many of the ranking, from its top; the target itself may be one of them.
    Top(usize),
    /// The models of these names in the hub.
    Named(Vec<String>),
}

/// The weight of the teachers' term.
#[derive(Clone, Debug, PartialEq)]
pub enum Lambda {
    /// This value.
    Fixed(f64),
    /// One of these, chosen on the validation samples: 10, unless another one's measure is better by more than the standard error of
    /// the difference, and its loss no larger; the best where 10 is not among them.
    Grid(Vec<f64>),
}

impl Lambda {
    /// The usual grid. The published value is 100; 0 is fine-tuning, in every respect.
    pub fn auto() -> Self {
        Self::Grid(vec![0.0, 1.0, DEFAULT_LAMBDA, 100.0])
    }
}

/// What [`TuneOptions::lambda`] is where it is not said.
pub(crate) const DEFAULT_LAMBDA: f64 = 10.0;

/// [`TuneOptions::views`] where it is not said.
pub(crate) const VIEWS: u32 = 4;

/// Where validation samples come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// Nowhere: the last weights are kept.
    None,
    /// A stratified share of the training samples.
    Share(f64),
    /// A data set of its own.
    Data(Box<Dataset>),
}

/// How a model is tuned.
#[derive(Clone, Debug)]
pub struct TuneOptions {
    /// The model. Default: the first of the ranking.
    pub model: Target,
    /// A ranking that was made before. Default: it is made where it is needed, from cached features where there are any.
    pub ranking: Option<Ranking>,
    /// `b-tuning` (the default), `fine-tune`, `linear-probe`, `distillation`, …: see
    /// [`METHODS`](ranktune_train::methods::METHODS).
    pub method: String,
    /// Default: the three best of the ranking, as published.
    pub teachers: Teachers,
    /// Default: 10, which did best of 1, 10 and 100 with five and ten classes (`experiments/tuning_quality`; 100 is published, for a hundred and more).
    pub lambda: Lambda,
    /// The weight κ of the target's own Bayesian read-out m_t beside the head h of a model that b-tuning tunes for classes: logits are
    /// `½ (h(f) + κ m_tᵀ f)`. Default: what fits the classes of training samples best that the read-out has not seen (`calibration.rs`); 0,
    /// the head alone, is published.
    pub read_out: Option<f64>,
    /// Learning rates of the backbone, of which the validation samples choose one: that of [`TuneOptions::train`] unless another one's
    /// measure is better by more than the standard error of the difference, and its loss no larger. Up to 2,000 samples, and where [`BatchNorm::Auto`](ranktune_train::BatchNorm::Auto)
    /// leaves it open, each other rate is tried with frozen statistics and with those of batches. Default: none, so that of `train` is taken.
    pub learning_rates: Vec<f32>,
    /// τ of the teachers' shares. Default: 0.1, as published.
    pub temperature: f64,
    /// Shorter edge of the images. Default: what the model's preprocessing makes.
    pub image_size: Option<usize>,
    /// Default: a crop of 0.5 to 1 of the area and a flip.
    pub augmentation: Augmentation,
    /// Views that teachers look at, and that training then takes in turn. Default: 4 (a compromise between variety and the time
    /// that teachers take; methods without teachers draw a new view every epoch).
    pub views: Option<u32>,
    /// Default: a tenth of the training samples.
    pub validation: Validation,
    /// A data set that the tuned model is measured on at the end. Default: none.
    pub test: Option<Dataset>,
    /// The folder that the tuned model is written to.
    pub out: PathBuf,
    /// Whether to go on with what is in `out`. Default: no.
    pub resume: bool,
    /// What weight decay is for. Default: what was published with the method.
    pub decay: Option<Decay>,
    /// Everything about the training itself; [`training_defaults`] suit the data. Its seed is that of all that is drawn; its checkpoints and records are set here.
    pub train: TrainOptions,
    /// How features are extracted, for the ranking, the teachers and the metrics. `feature` names the target's feature tensor.
    pub extract: ExtractOptions,
}

/// Settings of training as they suit `dataset`: [`TrainOptions::default`] for images; for texts what encoders are tuned with (Devlin et
/// al. 2019: AdamW, weight decay 0.01, a warm-up of a tenth, gradients of at most length 1), at the rate that was best for a small one
/// (`experiments/tuning_quality/texts.md`), where 2e-5 to 5e-5 are published for large ones.
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

/// Learning rates to choose from where none is known, the default first. Image models whose training was for something else than the
/// data want 3 to 10 times as much (`experiments/tuning_quality`), and tables of word embeddings 10 to 100 times (`experiments/tuning_quality/texts.md`).
pub fn usual_rates(dataset: &Dataset) -> Vec<f32> {
    let default = training_defaults(dataset).learning_rate;
    if dataset.kind().is_text() {
        return vec![default, 1e-3, 1e-2];
    }
    vec![default, 3e-3, 1e-2]
}

impl TuneOptions {
    /// The values of λ to choose from, for the one method that has it.
    pub(crate) fn grid(&self) -> Option<&[f64]> {
        match &self.lambda {
            Lambda::Grid(grid) if self.method == "b-tuning" => Some(grid),
            _ => None,
        }
    }

    /// The learning rates to choose from.
    pub(crate) fn rates(&self) -> Option<&[f32]> {
        (!self.learning_rates.is_empty()).then_some(&self.learning_rates)
    }

    /// Whether the settings are in range and fit each other.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Arguments, message));
        for &learning_rate in self.rates().unwrap_or(&[self.train.learning_rate]) {
            let train = TrainOptions {
                learning_rate,
                ..self.train.clone()
            };
            train.check().map_err(|error| Error::new(ErrorKind::Arguments, error))?;
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return wrong(format!(
                "the temperature must be finite and > 0, got {}",
                self.temperature
            ));
        }
        let chosen = match (self.rates(), self.grid()) {
            (Some(_), _) => "the learning rate",
            (None, Some(_)) => "lambda",
            (None, None) => return Ok(()),
        };
        if self.validation == Validation::None {
            let what = "is chosen on validation samples, and there are none; leave --validation out, or name one value";
            return wrong(format!("{chosen} {what}"));
        }
        Ok(())
    }

    /// The defaults, with the tuned model in `out`.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            model: Target::Best,
            ranking: None,
            method: "b-tuning".to_owned(),
            teachers: Teachers::Top(3),
            lambda: Lambda::Fixed(DEFAULT_LAMBDA),
            read_out: None,
            learning_rates: Vec::new(),
            temperature: 0.1,
            image_size: None,
            augmentation: Augmentation::default(),
            views: None,
            validation: Validation::Share(0.1),
            test: None,
            out: out.into(),
            resume: false,
            decay: None,
            train: TrainOptions::default(),
            extract: ExtractOptions::default(),
        }
    }
}
