//! Ranking the models of a hub on a data set.

use std::time::Instant;

use ranktune_data::{Dataset, Digest, Task};
use ranktune_features::error::one_line;
use ranktune_features::extract::{
    DataKind, ExtractOptions, Extraction, FeatureChoice, Features, Outcome, Prepared, Unusable, extract, extract_words,
};
use ranktune_features::progress::{Event, Interrupt, Progress};
use ranktune_hub::{Hub, Pooling};
use ranktune_report::Ranking;
use ranktune_report::ranking::{Data, NOT_APPLICABLE, RankedModel, SCHEMA, Seconds, SkippedModel, Unreadable};
use ranktune_scores::scores::{Prepared as ScoreData, find};
use ranktune_scores::uncertainty::ranking::{ResamplingOptions, resample};
use ranktune_scores::uncertainty::{Jackknife, groups, jackknife};
use ranktune_scores::{FeatureView, Probabilities, ScoreInputs, ScoreOptions};
use serde_json::{Map, Value, json};

use crate::copies::without_copies;
use crate::error::{Error, ErrorKind};
use crate::scoring::{Columns, check_names, probabilities, score_json};
use crate::sources::{self, Sources};
use crate::words::{self, NamedScore, WordScorer, WordScores};

/// Groups that are left out in turn for the standard errors.
const GROUPS: usize = 10;

/// How a hub is ranked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankOptions {
    /// Scores by name; the first orders the ranking. Default: `logme`, and for one class a sample also `leep`, `nce` and
    /// `h-score`, which cost little beside it.
    pub scores: Vec<String>,
    /// Samples to use at most, drawn from every class alike. Default: all.
    pub max_samples: Option<usize>,
    /// Seed of the draw, of the groups and of the resampling. Default: 0.
    pub seed: u64,
    /// How features are extracted.
    pub extract: ExtractOptions,
}

/// Ranks the models of `sources` on `dataset`, best first. A model that cannot be used is listed with its reason and stops
/// nothing.
///
/// # Errors
/// [`ErrorKind::Arguments`]: an unknown score, or one that is not defined for the task. [`ErrorKind::Hub`]: nothing there, or no
/// model that can be ranked. [`ErrorKind::Extraction`]: an engine that is not there, or too many unreadable samples.
/// [`ErrorKind::Interrupted`].
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

    let (models, mut skipped) = prepare(&hub, Some(DataKind::of(&dataset.inputs)), &options.extract, progress);
    if models.is_empty() {
        return Err(nothing_ranked(&skipped));
    }
    let (dataset, digests) = distinct(dataset, &models, progress)?;
    let scorer = Scorer {
        dataset: &dataset,
        names: &names,
        seed: options.seed,
    };
    let mut ranked = Vec::new();
    let mut skip = |index: usize, reason: String| {
        let name = models[index].name().to_owned();
        progress.event(Event::ModelSkipped {
            model: &name,
            reason: &reason,
        });
        skipped.push(SkippedModel { name, reason });
    };
    let work = Extraction {
        models: &models,
        dataset: &dataset,
        digests: &digests,
        options: &options.extract,
        progress,
        interrupt,
    };
    let unreadable = match WordScorer::new(&dataset, &names, options.seed) {
        Some(mut words) => {
            extract_words(&work, &mut words).map_err(extraction_error)?;
            for (index, result) in words.done {
                match result {
                    Ok(scores) => ranked.push(scorer.of_words(&models[index], scores)),
                    Err(reason) => skip(index, reason),
                }
            }
            Vec::new()
        }
        None => extract(&work, |index, outcome| match scorer.score(&models[index], outcome) {
            Ok(model) => ranked.push(model),
            Err(reason) => skip(index, reason),
        })
        .map_err(extraction_error)?,
    };
    if ranked.is_empty() {
        return Err(nothing_ranked(&skipped));
    }
    skipped.sort_by(|a, b| a.name.cmp(&b.name));
    for model in &mut ranked {
        let entry = hub.get(&model.document.name);
        model.document.source = entry.and_then(|entry| entry.pinned.as_ref()).map(ToString::to_string);
    }
    let samples = ranked.first().map_or(0, |model| model.samples);
    Ok(Ranking {
        schema: SCHEMA.to_owned(),
        task: task.name().to_owned(),
        data: Data {
            path: dataset.path.display().to_string(),
            samples,
            classes: dataset.targets.names().to_vec(),
            digest: digest_text(&dataset.digest_with(&digests)),
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
        skipped,
    })
}

/// The data set with the digest of every sample; without copies of samples where the evidence cannot bear them.
fn distinct(dataset: Dataset, models: &[Prepared], progress: &dyn Progress) -> Result<(Dataset, Vec<Digest>), Error> {
    let digests = dataset.input_digests();
    let n = dataset.targets.n_predicted();
    let is_of_words = dataset.targets.task() == Task::Tokens;
    if is_of_words
        || !models
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
    let dataset = dataset
        .select(&kept)
        .map_err(|error| Error::new(ErrorKind::Data, error))?;
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
    };
    let mut object = Map::new();
    object.insert("scores".to_owned(), json!(names));
    object.insert("feature".to_owned(), json!(feature));
    object.insert(
        "pooling".to_owned(),
        json!(options.extract.pooling.as_ref().map_or("auto", Pooling::name)),
    );
    object.insert("engine".to_owned(), json!(options.extract.engine.name()));
    object.insert("batch_size".to_owned(), json!(options.extract.batch_size));
    object.insert("max_samples".to_owned(), json!(options.max_samples));
    object.insert("seed".to_owned(), json!(options.seed));
    object
}

/// Reads every model of the hub; those that cannot be used are told and listed.
pub(crate) fn prepare(
    hub: &Hub,
    data: Option<DataKind>,
    options: &ExtractOptions,
    progress: &dyn Progress,
) -> (Vec<Prepared>, Vec<SkippedModel>) {
    let mut models = Vec::new();
    let mut skipped = sources::skipped(hub);
    for entry in &hub.entries {
        match Prepared::new(entry, data, options) {
            Ok(model) => {
                for note in model.side().notes() {
                    progress.event(Event::Note(&format!("{}: {note}", entry.name)));
                }
                models.push(model);
            }
            Err(unusable) => {
                let reason = match unusable {
                    Unusable::NotApplicable(reason) => format!("{NOT_APPLICABLE}{reason}"),
                    Unusable::Failed(reason) => reason,
                };
                progress.event(Event::ModelSkipped {
                    model: &entry.name,
                    reason: &reason,
                });
                skipped.push(SkippedModel {
                    name: entry.name.clone(),
                    reason,
                });
            }
        }
    }
    (models, skipped)
}

pub(crate) fn nothing_ranked(skipped: &[SkippedModel]) -> Error {
    let mut message = "no model of the hub can be used".to_owned();
    for model in skipped {
        message.push_str(&format!("\n  {}: {}", model.name, model.reason));
    }
    Error::new(ErrorKind::Hub, message)
}

pub(crate) fn extraction_error(error: ranktune_features::Error) -> Error {
    let kind = match error.kind() {
        ranktune_features::ErrorKind::Interrupted => ErrorKind::Interrupted,
        ranktune_features::ErrorKind::UnreadableInputs => ErrorKind::Data,
        _ => ErrorKind::Extraction,
    };
    Error::new(kind, error)
}

fn digest_text(digest: &Digest) -> String {
    digest.to_string()
}

/// A scored model without its place.
struct Scored {
    document: RankedModel,
    value: f64,
    samples: usize,
    jackknife: Option<Jackknife>,
}

/// What a model's features were, and what they cost.
struct Extracted {
    samples: usize,
    n_features: usize,
    seconds: Seconds,
    /// Samples that went through the engine.
    fresh: usize,
}

struct Scorer<'a> {
    dataset: &'a Dataset,
    names: &'a [String],
    seed: u64,
}

impl Scorer<'_> {
    fn score(&self, model: &Prepared, outcome: Outcome) -> Result<Scored, String> {
        let mut features = outcome.features.map_err(|error| one_line(&error))?;
        let begun = Instant::now();
        let (scores, jackknife) = self.scores(&mut features)?;
        Ok(self.scored(
            model,
            scores,
            jackknife,
            Extracted {
                samples: features.valid().iter().filter(|valid| **valid).count(),
                n_features: features.n_features(),
                seconds: Seconds {
                    extract: outcome.seconds,
                    score: begun.elapsed().as_secs_f64(),
                },
                fresh: outcome.extracted,
            },
        ))
    }

    fn of_words(&self, model: &Prepared, words: WordScores) -> Scored {
        let extracted = Extracted {
            samples: words.outcome.words,
            n_features: words.n_features,
            seconds: Seconds {
                extract: words.outcome.seconds,
                score: words.seconds,
            },
            fresh: words.outcome.words,
        };
        self.scored(model, words.scores, words.jackknife, extracted)
    }

    fn scored(
        &self,
        model: &Prepared,
        scores: Vec<NamedScore>,
        jackknife: Option<Jackknife>,
        extracted: Extracted,
    ) -> Scored {
        let value = scores.first().map_or(f64::NAN, |(_, value, _)| *value);
        #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
        let rate = (extracted.fresh > 0).then(|| json!(extracted.fresh as f64 / extracted.seconds.extract));
        let rate = Some(rate.unwrap_or(Value::Null));
        let is_images = DataKind::of(&self.dataset.inputs) == DataKind::Images;
        Scored {
            value,
            samples: extracted.samples,
            jackknife,
            document: RankedModel {
                rank: 0,
                name: model.name().to_owned(),
                source: None,
                digest: model.digest().to_owned(),
                parameters: model.parameters(),
                feature_tensor: model.feature_tensor().to_owned(),
                feature_dim: extracted.n_features,
                scores: scores
                    .into_iter()
                    .map(|(name, _, object)| (name, Value::Object(object)))
                    .collect(),
                p_best: None,
                rank_interval: None,
                seconds: extracted.seconds,
                images_per_second: rate.clone().filter(|_| is_images),
                samples_per_second: rate.filter(|_| !is_images),
            },
        }
    }

    /// Every score by name, with its JSON, and the jackknife of the first.
    fn scores(&self, features: &mut Features) -> Result<(Vec<NamedScore>, Option<Jackknife>), String> {
        let text = |error: ranktune_scores::Error| one_line(&error);
        let rows = features.features().map_err(|error| one_line(&error))?;
        let columns = Columns::of(&self.dataset.targets, features.valid());
        let source = features
            .logits()
            .map_err(|error| one_line(&error))?
            .map(|(logits, columns)| probabilities(&logits, columns));
        let targets = columns.view().map_err(text)?;
        let inputs = ScoreInputs {
            features: FeatureView::new(&rows, targets.n_samples(), features.n_features()).map_err(text)?,
            targets,
            probabilities: source
                .as_ref()
                .map(|(values, columns)| Probabilities::new(values, *columns))
                .transpose()
                .map_err(text)?,
        };
        let options = ScoreOptions::default();
        let prepared = ScoreData::new(&inputs).map_err(text)?;
        let groups = groups::assign(&targets, GROUPS.min(targets.n_samples()), self.seed).ok();
        let mut scores = Vec::new();
        let mut first_jackknife = None;
        for (place, name) in self.names.iter().enumerate() {
            let outcome = find(name).map_err(text)?.compute(&prepared, &options);
            let (value, mut object) = match outcome {
                Ok(outcome) => (outcome.value, score_json(&outcome, self.dataset.targets.names(), None)),
                // The ranking needs its first score; another one may be missing, as LEEP is for a model without a classifier.
                Err(error) if place == 0 => return Err(one_line(&error)),
                Err(error) => {
                    scores.push((
                        name.clone(),
                        f64::NAN,
                        Map::from_iter([
                            ("value".to_owned(), Value::Null),
                            ("reason".to_owned(), json!(error.to_string())),
                        ]),
                    ));
                    continue;
                }
            };
            if place == 0 || name == "logme" {
                let jackknife = groups
                    .as_ref()
                    .and_then(|groups| jackknife(&inputs, name, &options, groups).ok());
                object.insert(
                    "standard_error".to_owned(),
                    json!(jackknife.as_ref().map(|jackknife| jackknife.standard_error)),
                );
                if place == 0 {
                    first_jackknife = jackknife;
                }
            }
            scores.push((name.clone(), value, object));
        }
        Ok((scores, first_jackknife))
    }
}

/// Sorts by the first score and says how certain each place is.
fn order(mut scored: Vec<Scored>, seed: u64) -> Result<Vec<RankedModel>, Error> {
    // Names break ties, so that the same input gives the same ranking.
    scored.sort_by(|a, b| {
        b.value
            .total_cmp(&a.value)
            .then_with(|| a.document.name.cmp(&b.document.name))
    });
    // Places are resampled jointly: without a jackknife of every model there is none of any.
    let jackknives: Option<Vec<Jackknife>> = scored.iter().map(|model| model.jackknife.clone()).collect();
    let mut options = ResamplingOptions::default();
    options.seed = seed;
    let places = match jackknives {
        Some(jackknives) => {
            Some(resample(&jackknives, &options).map_err(|error| Error::new(ErrorKind::Scores, error))?)
        }
        None => None,
    };
    Ok(scored
        .into_iter()
        .enumerate()
        .map(|(index, model)| {
            let place = places.as_ref().map(|places| places[index]);
            RankedModel {
                rank: index + 1,
                p_best: place.map(|place| place.p_best),
                rank_interval: place.map(|place| [place.rank_interval.0, place.rank_interval.1]),
                ..model.document
            }
        })
        .collect())
}
