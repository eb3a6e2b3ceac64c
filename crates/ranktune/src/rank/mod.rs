//! Ranking the models of a hub on a data set: one driver for every kind of data.
//!
//! ```text
//! hub ──► models ready for the data ─┐
//! data set ──► samples in draw order ┴─► track ──rounds──► scores of every model ──► order, with its uncertainty ──► document
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `options` | what can be chosen, and its defaults |
//! | `track` | the trait of the samples that models run on |
//! | `samples`, `streamed`, `words` | its implementations: rows that are kept, rows that are added to statistics, words of sentences |
//! | `row_sums`, `word_sums` | statistics by group, of rows and of words |
//! | `scores`, `layers` | every score of a model; the score of a model from those of its layers |
//! | `race` | the rounds; a plain ranking is a race of one round |
//! | `order` | places, and how certain they are |
//! | `decide`, `asked` | which model is expected to be the best after tuning |
//! | `baseline` | scores without features and of permuted labels |
//! | `enough` | whether there are samples enough for standard errors |
//! | `company` | scores that a model has among others only |
//! | `copies` | samples that occur more than once |
//! | `drawn` | the samples that models see, in their order |
//! | `plan`, `measure` | what a ranking will cost, from a run on a few samples |

mod asked;
mod baseline;
mod classes;
mod company;
pub(crate) mod copies;
pub(crate) mod decide;
mod drawn;
mod enough;
mod layers;
mod measure;
mod options;
mod order;
mod plan;
mod race;
mod row_sums;
mod samples;
mod scores;
mod streamed;
mod track;
mod word_sums;
mod words;

use std::sync::OnceLock;

use ranktune_core::{Event, Interrupt, Progress, one_line};
use ranktune_data::{Dataset, Task};
use ranktune_features::extract::{Extraction, PreparedModel};
use ranktune_hub::Hub;
use ranktune_report::Ranking;
use ranktune_report::ranking::{Data, SCHEMA, SkippedModel, Unreadable};
use ranktune_scores::uncertainty::groups;

use crate::error::Error;
use crate::models::{check_pooling, nothing_ranked, prepare};
use crate::scoring::{Columns, check_scores};
use crate::sources::Sources;
use crate::unknown_tokens;
use drawn::DrawnSamples;
use enough::Enough;
use order::{Ranked, in_order};
use race::{Race, Raced};
use samples::WholeRows;
use scores::{GROUPS, Scoring};
use streamed::StreamedRows;
use words::{Deal, TaggedWords};

pub(crate) use asked::{Answered, Asked};
pub use options::{LayerChoice, RaceOptions, RankOptions, RecordUse};
pub use plan::plan_ranking;

/// Ranks the models of `sources` on `dataset`, best first. A model that cannot be used is skipped, and listed with the reason.
///
/// # Errors
/// [`ErrorKind::Arguments`](crate::ErrorKind::Arguments): an unknown score, or one that is not defined for the task.
/// [`ErrorKind::Hub`](crate::ErrorKind::Hub): no hub, or no model that can be ranked.
/// [`ErrorKind::Extraction`](crate::ErrorKind::Extraction): an engine that is not available.
/// [`ErrorKind::Data`](crate::ErrorKind::Data): too many unreadable samples.
/// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
///
/// # Examples
/// The models of images in the hub do not take texts, and are skipped.
/// ```
/// use ranktune::{CacheOptions, Interrupt, LoadOptions, RankOptions, Silent, Sources};
///
/// let hub = Sources::from("../../examples/hub");
/// let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// let mut options = RankOptions::default();
/// options.scores = vec!["logme".to_owned(), "h-score".to_owned()];
/// options.extract.cache = CacheOptions::Off;
/// let ranking = ranktune::rank(&hub, data, &options, &Silent, &Interrupt::default())?;
///
/// let [first, second] = &ranking.models[..] else { panic!("the hub has two models of texts") };
/// assert_eq!((&*first.name, &*second.name), ("glove-50d-10k", "glove-50d-1k"));
/// assert!(first.score("logme") > second.score("logme") && first.score("h-score") > second.score("h-score"));
/// assert!(ranking.skipped.iter().all(|model| model.is_not_applicable()));
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn rank(
    sources: &Sources,
    dataset: Dataset,
    options: &RankOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Ranking, Error> {
    rank_with(sources, dataset, options, (progress, interrupt), &mut |asked| {
        Ok(asked.answer(options))
    })
}

/// Ranks as [`rank`], with `decide` to put the scored models in their order.
///
/// # Errors
/// As [`rank`], and those of `decide`.
pub(crate) fn rank_with(
    sources: &Sources,
    dataset: Dataset,
    options: &RankOptions,
    (progress, interrupt): (&dyn Progress, &Interrupt),
    decide: &mut dyn FnMut(Asked<'_>) -> Result<Answered, Error>,
) -> Result<Ranking, Error> {
    let task = dataset.targets.task();
    let all_names = options::score_names(options, task);
    let (names, company) = company::split(all_names.clone(), task)?;
    check_names(&names, task)?;
    let kind = dataset.kind();
    check_pooling(&options.extract, kind)?;
    let mut hub = sources.open(progress, interrupt)?;
    let dataset = subsampled(dataset, options, progress);
    let (models, mut skipped) = candidates(&mut hub, &dataset, options, (progress, interrupt))?;
    if models.is_empty() {
        return Err(nothing_ranked(&skipped));
    }
    let unknown: Vec<String> = models
        .iter()
        .filter_map(|model| Some(format!("{}: {}", model.name(), unknown_tokens::note(model, &dataset)?)))
        .collect();
    let samples = DrawnSamples::of(dataset, &models, options, progress)?;
    let dataset = &samples.dataset;
    let enough = Enough::of(&dataset.targets);
    let scoring = Scoring {
        dataset,
        names: &names,
        company: &company,
        layers: options.layers,
        seed: options.seed,
        keep_bytes: options.keep_bytes.unwrap_or(options::KEEP_BYTES),
        groups: match &options.race {
            Some(_) if task != Task::Tokens => Some(even_groups(dataset)?),
            _ => None,
        },
        too_few: enough.too_few.clone(),
        permutations: OnceLock::new(),
    };
    let work = Extraction {
        models: &models,
        dataset,
        digests: &samples.digests,
        options: &options.extract,
        progress,
        interrupt,
    };
    let race = Race {
        models: models.iter().map(PreparedModel::name).collect(),
        options: options.race.as_ref(),
        top_k: options.top_k,
        n_columns: dataset.targets.names().len(),
        seed: options.seed,
        progress,
    };
    let mut raced = run(&race, &work, &scoring)?;
    let mut ranked = Vec::new();
    for (model, raced) in models.iter().zip(raced.models) {
        match raced.scores {
            Ok(scores) => {
                let source = hub.get(model.name()).and_then(|entry| entry.pinned.as_ref());
                ranked.push(Ranked {
                    model,
                    source: source.map(ToString::to_string),
                    scores,
                    record: raced.record,
                    cost: raced.cost,
                });
            }
            Err(error) => skipped.push(SkippedModel {
                name: model.name().to_owned(),
                reason: one_line(&error),
            }),
        }
    }
    if ranked.is_empty() {
        return Err(nothing_ranked(&skipped));
    }
    company::fill(&mut ranked, &company);
    skipped.sort_by(|a, b| a.name.cmp(&b.name));
    raced.unreadable.sort_by(|a, b| a.file.cmp(&b.file));
    let data = Data {
        path: dataset.path.display().to_string(),
        samples: ranked.iter().map(|model| model.scores.n_samples).max().unwrap_or(0),
        classes: dataset.targets.names().to_vec(),
        digest: samples.digest.to_string(),
        skipped: dataset.skipped,
        notes: dataset.notes.clone(),
        unreadable: raced
            .unreadable
            .into_iter()
            .map(|sample| Unreadable {
                file: sample.file.display().to_string(),
                reason: sample.reason,
            })
            .collect(),
    };
    let found = baseline::Found::of(&ranked);
    let mut models = in_order(ranked, kind, options.top_k, options.seed)?;
    let baseline = found.beside(&models, &names, &dataset.targets)?;
    let mut warnings: Vec<String> = enough.warning.into_iter().collect();
    warnings.extend(unknown);
    warnings.extend(names.first().and_then(|name| baseline::warning(&baseline, name)));
    warnings.extend(baseline::saturated(&models, &names));
    let question = asked::question(&models, &hub, (&data, enough.too_few), (task, &options.protocol));
    let Answered { decision, undecided } = decide(Asked {
        question: &question,
        models: &mut models,
        hub: &hub,
    })?;
    Ok(Ranking {
        schema: SCHEMA.to_owned(),
        task: task.name().to_owned(),
        data,
        options: options::options_json(options, &all_names),
        models,
        decision,
        undecided,
        baseline: Some(baseline),
        warnings,
        race: raced.summary,
        skipped,
    })
}

/// Runs the models on the track that suits the data.
fn run(race: &Race<'_>, work: &Extraction<'_>, scoring: &Scoring<'_>) -> Result<Raced, Error> {
    if work.dataset.targets.task() == Task::Tokens {
        let deal = match race.options {
            Some(_) => Deal::EvenPrefixes,
            None => Deal::Random(scoring.seed),
        };
        let sentences = words::sentences(work.dataset, work.models, scoring.layers, deal)?;
        return race.run(&mut TaggedWords::new(work, scoring, &sentences)?);
    }
    if streamed::is_needed(work, scoring) {
        let groups = row_sums::groups_of(scoring)?;
        return race.run(&mut StreamedRows::new(work, scoring, &groups)?);
    }
    race.run(&mut WholeRows::new(work, scoring))
}

/// Refuses scores that are unknown, or not defined for the task.
fn check_names(names: &[String], task: Task) -> Result<(), Error> {
    match task {
        Task::Tokens => words::check_names(names),
        _ => check_scores(names, task),
    }
}

/// The samples of the options, with what was noted of the data set.
fn subsampled(dataset: Dataset, options: &RankOptions, progress: &dyn Progress) -> Dataset {
    let dataset = match options.max_samples {
        Some(limit) => dataset.subsample(limit, options.seed),
        None => dataset,
    };
    report_notes(&dataset, progress);
    dataset
}

/// The models of the hub that take the data and pass the filter, and those that are skipped.
fn candidates(
    hub: &mut Hub,
    dataset: &Dataset,
    options: &RankOptions,
    (progress, interrupt): (&dyn Progress, &Interrupt),
) -> Result<(Vec<PreparedModel>, Vec<SkippedModel>), Error> {
    let left_out = options.filter.by_license(hub, progress);
    let (mut models, mut skipped) = prepare(hub, Some(dataset.kind()), &options.extract, progress);
    skipped.extend(left_out);
    let all = Extraction {
        models: &[],
        dataset,
        digests: &[],
        options: &options.extract,
        progress,
        interrupt,
    };
    skipped.extend(options.filter.by_cost(&mut models, &all)?);
    Ok((models, skipped))
}

fn report_notes(dataset: &Dataset, progress: &dyn Progress) {
    for note in &dataset.notes {
        progress.event(Event::Note(note));
    }
    progress.event(Event::Note(&format!(
        "task: {} ({})",
        dataset.inferred.task, dataset.inferred.reason
    )));
}

/// The group of every sample of a race, dealt so that every prefix has even groups.
fn even_groups(dataset: &Dataset) -> Result<Vec<usize>, Error> {
    let columns = Columns::all(&dataset.targets);
    let targets = columns.view()?;
    Ok(groups::deal(&targets, GROUPS.min(targets.n_samples()))?)
}
