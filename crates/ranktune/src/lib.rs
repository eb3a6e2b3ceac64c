//! Rank pre-trained models for a data set without fine-tuning any of them.
//!
//! ```
//! use ranktune::{CacheOptions, Interrupt, LoadOptions, RankOptions, Silent, Sources};
//!
//! let hub = Sources::from("../../examples/hub");
//! let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
//! let mut options = RankOptions::default();
//! options.extract.cache = CacheOptions::Off;
//! let ranking = ranktune::rank(&hub, data, &options, &Silent, &Interrupt::default())?;
//! println!("{}", ranking.table());
//! assert_eq!(ranking.models[0].name, "glove-50d-10k");
//! # Ok::<(), ranktune::Error>(())
//! ```
//!
//! The examples of this crate run in its own folder, on the small hub and the data sets of the repository. Most of them switch the
//! feature cache off, so that they leave nothing behind.

mod compare;
mod download_report;
mod ensemble;
mod error;
mod evaluate;
mod excerpt;
mod export;
mod filter;
mod hub;
mod hub_data;
mod labels;
mod models;
mod predict;
mod predictor;
mod rank;
pub mod record;
mod refine;
mod score;
mod scoring;
mod search;
mod sources;
mod study;
mod tagger;
mod tune;
mod unknown_tokens;
mod verify;

pub use compare::{CompareOutcome, compare};
pub use error::{Error, ErrorKind};
pub use evaluate::{evaluate, evaluate_samples, is_tagger};
pub use export::{Export, export_features};
pub use filter::ModelFilter;
pub use hub::list;
pub use hub_data::{LocalData, fetch_data, is_hub_data};
pub use predict::predict;
pub use rank::{LayerChoice, RaceOptions, RankOptions, RecordUse, plan_ranking, rank};
pub use ranktune_core::{Event, Interrupt, Progress, Silent};
pub use ranktune_data::arrays::{ArraySource, MemoryArray};
pub use ranktune_data::image::thumbnail;
pub use ranktune_data::{
    Augmentation, Dataset, DatasetTargets, Error as DataError, LoadOptions, Split, TagScheme, Task,
};
pub use ranktune_features::engine::EngineChoice;
pub use ranktune_features::engine::library::set_host_environment;
pub use ranktune_features::extract::{CacheOptions, ExtractOptions, FeatureChoice, WordPooling};
pub use ranktune_features::store::CachePrecision;
pub use ranktune_hub::remote::{Connection, RemoteOptions};
pub use ranktune_hub::{Hub, License, SearchQuery, SearchSort, Source, TextPooling, WeightPrecision};
pub use ranktune_nn::DeviceChoice;
pub use ranktune_report::{
    Comparison, Evaluation, HubListing, Parameters, Predictions, Pull, Ranking, RankingPlan, Record, RecordRow, Scores,
    SearchListing, Study, StudyPlan, Training, Verification,
};
pub use ranktune_scores::evidence::Fit;
pub use ranktune_scores::scores::{Needs, SCORES, Score};
pub use ranktune_scores::{ColumnEvidence, Compat, Precision as ProductPrecision};
pub use ranktune_train::methods::{DEFAULT as DEFAULT_METHOD, METHODS};
pub use ranktune_train::{BatchNorm, ClassWeights, Decay, Keep, MethodInfo, Need, Optimizer, Schedule, TrainOptions};
pub use refine::{RefineOptions, Refined, refine};
pub use score::{Fitted, SavedStatistics, ScoreFileOptions, ScoreFiles, StandardErrors, fit, score};
pub use search::search;
pub use sources::{Sources, pull, remote_from_env};
pub use study::{StudyInput, StudyOptions, StudyRun, study};
pub use tune::{
    AUTO, Lambda, Target, Teachers, TuneOptions, Validation, list_parameters, training_defaults, tune, usual_rates,
};
pub use verify::verify;

use std::path::Path;

/// Reads a data set: class folders, or a table; see [`LoadOptions`].
///
/// # Errors
/// [`ErrorKind::Data`], with file, line and column where there are any.
///
/// # Examples
/// ```
/// use ranktune::{LoadOptions, Task};
///
/// let digits = ranktune::load("../../examples/data/digits".as_ref(), &LoadOptions::default())?;
/// assert_eq!(digits.targets.task(), Task::Classification);
/// assert_eq!((digits.n_samples(), digits.targets.names().len()), (400, 10));
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset, Error> {
    Ok(ranktune_data::load(path, options)?)
}

/// Reads the test split beside the training data at `path`, such as `test/` beside `train/`, with the same options. `None` where
/// `path` has no test split, or `options` read another split than the training one.
///
/// # Errors
/// [`ErrorKind::Data`], as [`load`].
///
/// # Examples
/// ```
/// use ranktune::LoadOptions;
///
/// let test = ranktune::load_test_split("../../examples/data/digits".as_ref(), &LoadOptions::default())?;
/// assert_eq!(test.map(|digits| digits.n_samples()), Some(200));
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn load_test_split(path: &Path, options: &LoadOptions) -> Result<Option<Dataset>, Error> {
    let trains_on_train = matches!(options.split, None | Some(Split::Train));
    let has = |split| ranktune_data::has_split(path, split, options);
    if !(trains_on_train && has(Split::Train) && has(Split::Test)) {
        return Ok(None);
    }
    let options = LoadOptions {
        split: Some(Split::Test),
        ..options.clone()
    };
    load(path, &options).map(Some)
}
