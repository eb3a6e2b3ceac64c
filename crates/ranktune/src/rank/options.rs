//! The options of a ranking, their defaults, and how the document states them.

use std::time::Duration;

use ranktune_data::Task;
use ranktune_features::extract::{ExtractOptions, FeatureChoice};
use ranktune_hub::{License, TextPooling};
use ranktune_report::{Record, RecordRow};
use ranktune_scores::scores::{DefaultUse, SCORES, Score};
use ranktune_train::methods::DEFAULT as DEFAULT_METHOD;
use serde_json::{Map, Value, json};

use crate::filter::ModelFilter;
use crate::record::{protocol_of, shipped};

/// How the models of a hub are ranked.
#[derive(Clone, Debug, PartialEq)]
pub struct RankOptions {
    /// Scores by name; the first one orders the ranking. Default: `logme`, and for one class per sample also `leep`, `nce`,
    /// `shrinkage-h-score` and `loo-accuracy`.
    pub scores: Vec<String>,
    /// Maximum number of samples, drawn from every class in proportion. Default: all.
    pub max_samples: Option<usize>,
    /// Seed of the draw, of the order of the samples, of the groups and of the resampling. Default: 0.
    pub seed: u64,
    /// How a model's score follows from those of its layers, with [`FeatureChoice::Layers`]. Default: the best layer's.
    pub layers: LayerChoice,
    /// The k of `p_top_k`, the chance to be among the first k. A race looks for that many models. Default: 3.
    pub top_k: usize,
    /// Whether models race on growing prefixes of the samples instead of seeing all of them. Default: no.
    pub race: Option<RaceOptions>,
    /// How features are extracted.
    pub extract: ExtractOptions,
    /// Which models are ranked. Default: all.
    pub filter: ModelFilter,
    /// Size in bytes of one model's features above which they are added up as they arrive instead of being held in memory.
    /// Default: 256 MiB.
    pub keep_bytes: Option<usize>,
    /// Earlier results from which the best model is predicted. Default: those that the program ships with.
    pub record: RecordUse,
    /// How the predicted metric would be measured, as rows of the record say it. Default: by [`tune`](crate::tune()) with its default
    /// method.
    pub protocol: String,
}

impl Default for RankOptions {
    fn default() -> Self {
        Self {
            scores: Vec::new(),
            max_samples: None,
            seed: 0,
            layers: LayerChoice::default(),
            top_k: 3,
            race: None,
            extract: ExtractOptions::default(),
            filter: ModelFilter::default(),
            keep_bytes: None,
            record: RecordUse::Shipped,
            protocol: protocol_of(DEFAULT_METHOD),
        }
    }
}

/// The earlier results that a ranking knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RecordUse {
    /// None. How scores and accuracies relate is still that of the program's own study.
    Nothing,
    /// Published results that the program ships with.
    #[default]
    Shipped,
    /// These rows, and the shipped ones.
    Own(Record),
}

impl RecordUse {
    /// The rows.
    pub(crate) fn rows(&self) -> Vec<RecordRow> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Shipped => shipped().rows.clone(),
            Self::Own(record) => record.rows.iter().chain(&shipped().rows).cloned().collect(),
        }
    }

    /// `none`, `shipped` or `own`.
    fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Shipped => "shipped",
            Self::Own(_) => "own",
        }
    }
}

/// Default of [`RankOptions::keep_bytes`].
pub(super) const KEEP_BYTES: usize = 256 << 20;

/// How a model's score follows from those of its layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerChoice {
    /// The score of the best layer.
    #[default]
    Best,
    /// The score of the layers' mean features where all layers have the same width, otherwise the mean of their scores.
    Mean,
}

impl LayerChoice {
    /// `best` or `mean`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Mean => "mean",
        }
    }
}

/// How models race.
///
/// # Examples
/// ```
/// use ranktune::{CacheOptions, Interrupt, LoadOptions, RaceOptions, RankOptions, Silent, Sources};
///
/// let hub = Sources::from("../../examples/hub");
/// let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// let mut options = RankOptions { race: Some(RaceOptions::default()), top_k: 1, ..RankOptions::default() };
/// options.extract.cache = CacheOptions::Off;
/// let ranking = ranktune::rank(&hub, data, &options, &Silent, &Interrupt::default())?;
///
/// assert_eq!(ranking.models[0].name, "glove-50d-10k");
/// let rounds = ranking.race.expect("the models raced").rounds;
/// assert_eq!(rounds[0].models, 2);
/// assert!(rounds[0].samples < 96, "the first round has a part of the samples");
/// # Ok::<(), ranktune::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RaceOptions {
    /// Time that extraction may take. A race with a budget does not end when the first k are settled: the remaining time goes
    /// into more samples for them. Default: no time limit; the race uses at most half of the samples of a full ranking.
    pub budget: Option<Duration>,
    /// The chance to be among the first k below which a model is eliminated. Default: 0.05.
    pub threshold: f64,
}

impl Default for RaceOptions {
    fn default() -> Self {
        Self {
            budget: None,
            threshold: 0.05,
        }
    }
}

/// The scores that are computed: those of the options, or the default of the task.
pub(super) fn score_names(options: &RankOptions, task: Task) -> Vec<String> {
    if !options.scores.is_empty() {
        return options.scores.clone();
    }
    let is_of_classes = matches!(task, Task::Classification | Task::Tokens);
    let is_default = |score: &&Score| match score.default_use {
        DefaultUse::EveryTask => true,
        // Of words only statistics are kept. A word that is left out alone leaves the others of its sentence, which know it: no accuracy of
        // words by default.
        DefaultUse::Classes => is_of_classes && (task != Task::Tokens || score.is_of_statistics()),
        _ => false,
    };
    let scores = SCORES.iter().filter(is_default);
    scores.map(|score| score.name.to_owned()).collect()
}

/// The options that can change the result, by their names on the command line.
pub(super) fn options_json(options: &RankOptions, names: &[String]) -> Map<String, Value> {
    let extract = &options.extract;
    let feature = match &extract.feature {
        FeatureChoice::Auto => "auto",
        FeatureChoice::Named(name) => name,
        FeatureChoice::Layers => "layers",
    };
    let pooling = extract.pooling.as_ref().map_or("auto", TextPooling::name);
    let mut object = Map::new();
    let mut insert = |name: &str, value: Value| object.insert(name.to_owned(), value);
    insert("scores", json!(names));
    insert("feature", json!(feature));
    insert("pooling", json!(pooling));
    insert("engine", json!(extract.engine.name()));
    insert("batch_size", json!(extract.batch_size));
    insert("max_samples", json!(options.max_samples));
    insert("seed", json!(options.seed));
    insert("top_k", json!(options.top_k));
    insert("record", json!(options.record.name()));
    let filter = &options.filter;
    if !filter.licenses.is_empty() {
        let names: Vec<&str> = filter.licenses.iter().map(License::name).collect();
        insert("license", json!(names));
    }
    if let Some(max) = filter.max_parameters {
        insert("max_parameters", json!(max));
    }
    if let Some(max) = filter.max_latency {
        insert("max_latency", json!(max.as_secs_f64()));
    }
    if extract.feature == FeatureChoice::Layers {
        insert("layers", json!(options.layers.name()));
    }
    if let Some(race) = &options.race {
        insert("race", json!(true));
        insert("budget", json!(race.budget.map(|budget| budget.as_secs_f64())));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_scores_follow_from_the_task() {
        for (task, expected) in [
            (
                Task::Classification,
                vec!["logme", "leep", "nce", "shrinkage-h-score", "loo-accuracy"],
            ),
            (Task::MultiLabel, vec!["logme"]),
            (Task::Regression, vec!["logme"]),
            (Task::Tokens, vec!["logme", "shrinkage-h-score"]),
        ] {
            assert_eq!(score_names(&RankOptions::default(), task), expected, "{task}");
        }
    }
}
