//! Ranking the models of a hub on a data set.

use ranktune_core::one_line;
use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::{Dataset, Digest, Task};
use ranktune_features::extract::{
    CacheOptions, ExtractOptions, Extraction, Extractor, FeatureChoice, Features, Prepared, extract,
};
use ranktune_hub::TextPooling;
use ranktune_report::Ranking;
use ranktune_report::ranking::{Data, RaceSummary, SCHEMA, SkippedModel, Unreadable};
use serde_json::{Map, Value, json};

use crate::copies::without_copies;
use crate::error::Error;
use crate::models::{check_pooling, nothing_ranked, prepare};
use crate::race::{self, RaceOptions};
use crate::scorer::{Scored, Scorer, order};
use crate::scoring::{Columns, check_names};
use crate::sources::Sources;
use crate::stream;
use crate::words;

/// How a hub is ranked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankOptions {
    /// Scores by name; the first orders the ranking. Default: `logme`, and for one class a sample also `leep`, `nce` and
    /// `h-score`, which cost little beside it.
    pub scores: Vec<String>,
    /// Samples to use at most, drawn from every class alike. Default: all.
    pub max_samples: Option<usize>,
    /// Seed of the draw, of the order in which samples are taken, of the groups and of the resampling. Default: 0.
    pub seed: u64,
    /// Which score of a model's layers is the model's, where features are those of [`FeatureChoice::Layers`].
    pub layers: LayerChoice,
    /// Whether models race instead of seeing all samples each. Default: no.
    pub race: Option<RaceOptions>,
    /// How features are extracted.
    pub extract: ExtractOptions,
    /// Bytes of one model's features beyond which they are not held in memory, but summed as they come. Default: 256 MiB.
    pub keep_bytes: Option<usize>,
}

const KEEP_BYTES: usize = 256 << 20;

/// Which score of a model's layers is the model's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerChoice {
    /// That of the best layer.
    #[default]
    Best,
    /// That of the layers' mean features, where all have one width; else the mean of their scores.
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

/// Ranks the models of `sources` on `dataset`, best first. A model that cannot be used is listed with its reason and stops
/// nothing.
///
/// # Errors
/// [`ErrorKind::Arguments`](crate::ErrorKind::Arguments): an unknown score, or one that is not defined for the task. [`ErrorKind::Hub`](crate::ErrorKind::Hub): nothing there, or no
/// model that can be ranked. [`ErrorKind::Extraction`](crate::ErrorKind::Extraction): an engine that is not there, or too many unreadable samples.
/// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
pub fn rank(
    sources: &Sources,
    dataset: Dataset,
    options: &RankOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Ranking, Error> {
    let task = dataset.targets.task();
    let names = score_names(options, task);
    match task {
        Task::Tokens => words::check_names(&names)?,
        _ => check_names(
            &names,
            &Columns::of(&dataset.targets, &vec![true; dataset.n_samples()]),
            task.name(),
        )?,
    }
    check_pooling(&options.extract, dataset.kind())?;
    let hub = sources.open(progress, interrupt)?;
    let dataset = match options.max_samples {
        Some(limit) => dataset.subsample(limit, options.seed),
        None => dataset,
    };
    for note in &dataset.notes {
        progress.event(Event::Note(note));
    }
    progress.event(Event::Note(&format!(
        "task: {} ({})",
        dataset.inferred.task, dataset.inferred.reason
    )));

    let (models, mut skipped) = prepare(&hub, Some(dataset.kind()), &options.extract, progress);
    if models.is_empty() {
        return Err(nothing_ranked(&skipped));
    }
    let (dataset, digests) = distinct(dataset, &models, options.race.is_some(), progress)?;
    let digest = digest_text(&dataset.digest_with(&digests));
    let (dataset, digests) = match (task, &options.race) {
        // Sums are the same in any order, and nothing of words is kept that a race could go on from.
        (Task::Tokens, None) => (dataset, digests),
        _ => in_draw_order(dataset, &digests, options.seed)?,
    };
    let scorer = Scorer {
        dataset: &dataset,
        names: &names,
        layers: options.layers,
        seed: options.seed,
        keep_bytes: options.keep_bytes.unwrap_or(KEEP_BYTES),
        groups: match &options.race {
            Some(_) if task != Task::Tokens => Some(race::samples::groups(&dataset)?),
            _ => None,
        },
    };
    let work = Extraction {
        models: &models,
        dataset: &dataset,
        digests: &digests,
        options: &options.extract,
        progress,
        interrupt,
    };
    let mut failed = |model: &Prepared, reason: String| {
        skipped.push(SkippedModel {
            name: model.name().to_owned(),
            reason,
        });
    };
    let (mut ranked, mut unreadable, race) = match (task, &options.race) {
        (Task::Tokens, None) => words::score_all(&work, &scorer, &mut failed)?,
        (Task::Tokens, Some(race)) => words::race::race(&work, &scorer, race, &mut failed)?,
        (_, Some(race)) => race::samples::race(&work, &scorer, race, &mut failed)?,
        // Without a store somebody would have to hold the features, and nobody has to.
        (_, None) if is_streamed(&work, &scorer) => stream::score_streamed(&work, &scorer, &mut failed)?,
        (_, None) => score_all(&work, &scorer, &mut failed)?,
    };
    if ranked.is_empty() {
        return Err(nothing_ranked(&skipped));
    }
    skipped.sort_by(|a, b| a.name.cmp(&b.name));
    for model in &mut ranked {
        let entry = hub.get(&model.document.name);
        model.document.source = entry.and_then(|entry| entry.pinned.as_ref()).map(ToString::to_string);
    }
    let samples = ranked.iter().map(|model| model.samples).max().unwrap_or(0);
    unreadable.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(Ranking {
        schema: SCHEMA.to_owned(),
        task: task.name().to_owned(),
        data: Data {
            path: dataset.path.display().to_string(),
            samples,
            classes: dataset.targets.names().to_vec(),
            digest,
            skipped: dataset.skipped,
            unreadable: unreadable
                .into_iter()
                .map(|sample| Unreadable {
                    file: sample.file.display().to_string(),
                    reason: sample.reason,
                })
                .collect(),
        },
        options: options_json(options, &names),
        models: order(ranked, options.seed)?,
        race,
        skipped,
    })
}

/// What is told of a model that cannot be ranked.
pub(crate) type Failed<'a> = dyn FnMut(&Prepared, String) + 'a;

/// Models with their scores, samples that cannot be read, and how the race went if there was one.
pub(crate) type Ranked = (
    Vec<Scored>,
    Vec<ranktune_features::extract::Unreadable>,
    Option<RaceSummary>,
);

/// Whether features are too many to be held, and are to be held nowhere else.
fn is_streamed(work: &Extraction<'_>, scorer: &Scorer<'_>) -> bool {
    let columns = work.models.iter().filter_map(Prepared::feature_dim).max().unwrap_or(0);
    let bytes = work.dataset.n_samples().saturating_mul(columns).saturating_mul(4);
    work.options.cache == CacheOptions::Off
        && work.options.feature != FeatureChoice::Layers
        && bytes > scorer.keep_bytes
        && stream::is_possible(scorer.names)
}

/// Every model on every sample.
fn score_all(work: &Extraction<'_>, scorer: &Scorer<'_>, failed: &mut Failed<'_>) -> Result<Ranked, Error> {
    let mut ranked = Vec::new();
    let unreadable = extract(work, |index, outcome| {
        let model = &work.models[index];
        let cost = (outcome.seconds, outcome.extracted);
        let features = outcome.features.map_err(|error| one_line(&error));
        match features.and_then(|mut features| scorer.score(model, &mut features, cost)) {
            Ok(scored) => ranked.push(scored),
            Err(reason) => {
                work.progress.event(Event::ModelSkipped {
                    model: model.name(),
                    reason: &reason,
                });
                failed(model, reason);
            }
        }
    })?;
    Ok((ranked, unreadable, None))
}

/// Looks at the first rows of a model, with errors in a line.
pub(crate) fn look<T>(
    extractor: &mut Extractor<'_>,
    model: usize,
    samples: usize,
    look: impl FnOnce(&mut Features) -> Result<T, String>,
) -> Result<T, String> {
    let looked = extractor.look(model, samples, |features| Ok(look(features)));
    looked.map_err(|error| one_line(&error))?
}

/// The samples in the order in which every prefix is a stratified draw, which a race needs; every ranking takes it, so that the
/// features of one serve the other.
fn in_draw_order(dataset: Dataset, digests: &[Digest], seed: u64) -> Result<(Dataset, Vec<Digest>), Error> {
    let order = dataset.draw_order(seed);
    let digests = order.iter().map(|&index| digests[index]).collect();
    Ok((dataset.select(&order)?, digests))
}

/// The data set with the digest of every sample; without copies of samples where the evidence cannot bear them.
fn distinct(
    dataset: Dataset,
    models: &[Prepared],
    is_race: bool,
    progress: &dyn Progress,
) -> Result<(Dataset, Vec<Digest>), Error> {
    let digests = dataset.input_digests();
    let n = dataset.targets.n_predicted();
    let is_of_words = dataset.targets.task() == Task::Tokens;
    // A race begins on few samples, whatever their number is in the end.
    if is_of_words
        || !is_race
            && !models
                .iter()
                .any(|model| model.feature_dim().is_none_or(|features| n <= features))
    {
        return Ok((dataset, digests));
    }
    let kept = without_copies(&dataset, &digests);
    if kept.len() == n {
        return Ok((dataset, digests));
    }
    let note = format!(
        "{} of {n} samples are exact copies of others with the same target, and are left out",
        n - kept.len()
    );
    progress.event(Event::Note(&note));
    let dataset = dataset.select(&kept)?;
    let digests = kept.iter().map(|&index| digests[index]).collect();
    Ok((dataset, digests))
}

fn score_names(options: &RankOptions, task: Task) -> Vec<String> {
    if !options.scores.is_empty() {
        return options.scores.clone();
    }
    let default: &[&str] = match task {
        Task::Classification => &["logme", "leep", "nce", "h-score"],
        Task::Tokens => &["logme", "h-score"],
        _ => &["logme"],
    };
    default.iter().map(|&name| name.to_owned()).collect()
}

fn options_json(options: &RankOptions, names: &[String]) -> Map<String, Value> {
    let feature = match &options.extract.feature {
        FeatureChoice::Auto => "auto",
        FeatureChoice::Named(name) => name,
        FeatureChoice::Layers => "layers",
    };
    let mut object = Map::new();
    object.insert("scores".to_owned(), json!(names));
    object.insert("feature".to_owned(), json!(feature));
    object.insert(
        "pooling".to_owned(),
        json!(options.extract.pooling.as_ref().map_or("auto", TextPooling::name)),
    );
    object.insert("engine".to_owned(), json!(options.extract.engine.name()));
    object.insert("batch_size".to_owned(), json!(options.extract.batch_size));
    object.insert("max_samples".to_owned(), json!(options.max_samples));
    object.insert("seed".to_owned(), json!(options.seed));
    if options.extract.feature == FeatureChoice::Layers {
        object.insert("layers".to_owned(), json!(options.layers.name()));
    }
    if let Some(race) = &options.race {
        object.insert("race".to_owned(), json!(true));
        object.insert("top_k".to_owned(), json!(race.top_k));
        object.insert(
            "budget".to_owned(),
            json!(race.budget.map(|budget| budget.as_secs_f64())),
        );
    }
    object
}

fn digest_text(digest: &Digest) -> String {
    digest.to_string()
}
