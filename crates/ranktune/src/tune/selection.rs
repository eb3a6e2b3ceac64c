//! The model that is tuned, and its teachers.

use ranktune_core::names::did_you_mean;
use ranktune_core::{Event, Interrupt, Progress, counted, one_line};
use ranktune_data::Dataset;
use ranktune_features::extract::{DataKind, ExtractOptions, FeatureChoice, PreparedModel, Unusable};
use ranktune_hub::{Hub, HubEntry, TextPooling};
use ranktune_report::Ranking;
use ranktune_report::ranking::RankedModel;
use ranktune_scores::scores::LOGME;

use super::options::{Target, Teachers, TuneOptions};
use super::stages::{Labelled, Stage, Stages};
use super::teachers::TeacherCandidate;
use crate::error::{Error, ErrorKind};
use crate::rank::{RankOptions, rank};
use crate::sources::Sources;
use crate::unknown_tokens;

/// The models of a run.
pub(crate) struct ModelSelection {
    /// The hub's entry of the target.
    pub(crate) entry: HubEntry,
    /// The target, at the size it is tuned at.
    pub(crate) target: PreparedModel,
    /// Its teachers; none for a method that needs none.
    pub(crate) teachers: Vec<TeacherCandidate>,
}

/// Whether the models are chosen by a ranking that has to be made first.
pub(crate) fn makes_ranking(options: &TuneOptions, needs_teachers: bool) -> bool {
    options.ranking.is_none() && chooses_by_rank(options, needs_teachers)
}

fn chooses_by_rank(options: &TuneOptions, needs_teachers: bool) -> bool {
    options.model == Target::Best || (needs_teachers && options.top().is_some())
}

/// Selects the models from the hub, by a ranking where one is needed.
pub(crate) fn select(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    needs_teachers: bool,
    stages: &Stages<'_>,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<ModelSelection, Error> {
    let hub = sources.open(progress, interrupt)?;
    // Wrong names are errors before anything is computed.
    if let Target::Named(name) = &options.model {
        find(&hub, name)?;
    }
    if needs_teachers {
        check_teachers(&hub, options)?;
    }
    let mut ranking = options.ranking.clone();
    if let Some(ranking) = &ranking {
        check_ranking(ranking, dataset, progress)?;
    } else if chooses_by_rank(options, needs_teachers) {
        stages.start(Stage::Ranking);
        ranking = Some(make_ranking(sources, dataset, options, progress, interrupt)?);
    }
    let first = || Some(ranking.as_ref()?.models.first()?.name.clone());
    let name = match &options.model {
        Target::Named(name) => name.clone(),
        Target::Best => first().ok_or_else(|| Error::new(ErrorKind::Hub, "the ranking has no models"))?,
    };
    let entry = find(&hub, &name)?;
    let kind = dataset.kind();
    let own = Reading {
        feature: options.extract.feature.clone(),
        pooling: options.extract.pooling.clone(),
    };
    let mut target = open(entry, Some(kind), &own)?;
    let unknown = unknown_tokens::note(&target, dataset);
    for note in target.notes().iter().chain(&unknown) {
        progress.event(Event::Note(&format!("{name}: {note}")));
    }
    if let Some(edge) = options.image_size {
        target = target
            .at_size(edge)
            .map_err(|error| Error::new(ErrorKind::Arguments, error))?;
    }
    let teachers = if needs_teachers {
        teachers(&hub, ranking.as_ref(), kind, options, progress)?
    } else {
        Vec::new()
    };
    Ok(ModelSelection {
        entry: entry.clone(),
        target,
        teachers,
    })
}

/// Checks that the hub has the models that teach.
///
/// # Errors
/// [`ErrorKind::Arguments`]: an unknown name, or more models than the hub has.
pub(crate) fn check_teachers(hub: &Hub, options: &TuneOptions) -> Result<(), Error> {
    if let Teachers::Named(names) = &options.teachers {
        return names.iter().try_for_each(|name| find(hub, name).map(|_| ()));
    }
    let found = hub.entries.len();
    match options.top() {
        Some((count, false)) if count > found => {
            let message = format!(
                "{count} teachers were asked for, and the hub has {}; ask for at most {found} with --teachers, or leave it out",
                counted(found, "model")
            );
            Err(Error::new(ErrorKind::Arguments, message))
        }
        _ => Ok(()),
    }
}

/// The best-ranked models that `options` ask for, or those that they name.
pub(crate) fn teachers(
    hub: &Hub,
    ranking: Option<&Ranking>,
    kind: DataKind,
    options: &TuneOptions,
    progress: &dyn Progress,
) -> Result<Vec<TeacherCandidate>, Error> {
    let names: Vec<String> = match (&options.teachers, options.top(), ranking) {
        (Teachers::Named(names), ..) => names.clone(),
        (_, Some((count, _)), Some(ranking)) => {
            let models = ranking.models.iter().take(count);
            models.map(|model| model.name.clone()).collect()
        }
        _ => Vec::new(),
    };
    if names.is_empty() {
        let message = format!(
            "{} needs at least one teacher; name some with --teachers",
            options.method
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    if let Some((count, false)) = options.top()
        && names.len() < count
    {
        let note = format!(
            "the ranking has {}, so there are as many teachers",
            counted(names.len(), "model")
        );
        progress.event(Event::Note(&note));
    }
    names
        .iter()
        .map(|name| {
            let ranked = ranking.and_then(|ranking| ranking.models.iter().find(|model| model.name == *name));
            if let Some(model) = ranked.filter(|model| is_of_several_layers(model)) {
                let message = format!(
                    "the ranking scores {} by the mean of its layers, which is not a tensor that can teach; rank with --layers best, \
                     or leave --ranking out",
                    model.name
                );
                return Err(Error::new(ErrorKind::Arguments, message));
            }
            // The evidence of the ranking is that of the tensor that it used.
            let reading = Reading {
                feature: ranked.map_or(FeatureChoice::Auto, |model| {
                    FeatureChoice::Named(model.feature_tensor.clone())
                }),
                pooling: options.extract.pooling.clone().or_else(|| ranked_pooling(ranking)),
            };
            Ok(TeacherCandidate {
                model: open(find(hub, name)?, Some(kind), &reading)?,
                logme: ranked.and_then(|model| model.score(LOGME)),
                rate: ranked.and_then(RankedModel::throughput),
            })
        })
        .collect()
}

pub(crate) fn find<'a>(hub: &'a Hub, name: &str) -> Result<&'a HubEntry, Error> {
    if let Some(entry) = hub.entries.iter().find(|entry| entry.name == name) {
        return Ok(entry);
    }
    if let Some(skipped) = hub.skipped.iter().find(|entry| entry.name == name) {
        let message = format!("model {name} of the hub cannot be used: {}", skipped.reason);
        return Err(Error::new(ErrorKind::Hub, message));
    }
    let names: Vec<&str> = hub.entries.iter().map(|entry| entry.name.as_str()).collect();
    let hint = did_you_mean(name, names.iter().copied());
    let message = format!("the hub has no model {name:?}{hint} (models: {})", names.join(", "));
    Err(Error::new(ErrorKind::Arguments, message))
}

/// Whether a model's scores combine several tensors.
fn is_of_several_layers(model: &RankedModel) -> bool {
    model.layers.len() > 1 && model.layers.iter().all(|layer| layer.name != model.feature_tensor)
}

/// The pooling that `--pooling` named when the ranking was made.
fn ranked_pooling(ranking: Option<&Ranking>) -> Option<TextPooling> {
    TextPooling::from_name(ranking?.options.get("pooling")?.as_str()?)
}

/// The features of a model to use; by default, as its graph and files say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) feature: FeatureChoice,
    pub(crate) pooling: Option<TextPooling>,
}

/// Opens a model for data of `kind`, or for whatever it takes.
pub(crate) fn open(entry: &HubEntry, kind: Option<DataKind>, reading: &Reading) -> Result<PreparedModel, Error> {
    let options = ExtractOptions {
        feature: reading.feature.clone(),
        pooling: reading.pooling.clone(),
        ..ExtractOptions::default()
    };
    PreparedModel::new(entry, kind, &options).map_err(|unusable| {
        let message = match unusable {
            Unusable::NotApplicable(reason) => {
                format!(
                    "model {} does not take this kind of data: {reason}; choose another",
                    entry.name
                )
            }
            Unusable::Failed(cause) => format!("model {} cannot be used: {}", entry.name, one_line(&*cause)),
        };
        Error::new(ErrorKind::Hub, message)
    })
}

/// Makes the ranking of `rank`, with LogME alone.
pub(crate) fn make_ranking(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Ranking, Error> {
    progress.event(Event::Note(
        "the models of the hub are ranked first; pass an existing ranking with --ranking",
    ));
    let mut extract = options.extract.clone();
    extract.feature = FeatureChoice::Auto;
    let ranking = rank(
        sources,
        dataset.clone(),
        &RankOptions {
            scores: vec![LOGME.to_owned()],
            max_samples: None,
            seed: options.train.seed,
            extract,
            record: options.record.clone(),
            ..RankOptions::default()
        },
        &Labelled {
            label: "ranking",
            progress,
        },
        interrupt,
    )?;
    let places: Vec<String> = ranking
        .models
        .iter()
        .take(5)
        .map(|model| format!("{} {:.4}", model.name, model.score(LOGME).unwrap_or(f64::NAN)))
        .collect();
    progress.event(Event::Note(&format!("ranking by {LOGME}: {}", places.join(", "))));
    Ok(ranking)
}

pub(crate) fn check_ranking(ranking: &Ranking, dataset: &Dataset, progress: &dyn Progress) -> Result<(), Error> {
    let own = dataset.targets.names();
    if ranking.task != dataset.targets.task().name() || ranking.data.classes != own {
        let message = format!(
            "the ranking was made for {} with {} targets on {}, but the data are {} with {}; rank these data, or leave --ranking out",
            ranking.task,
            ranking.data.classes.len(),
            ranking.data.path,
            dataset.targets.task(),
            own.len()
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let samples = dataset.targets.n_predicted();
    if ranking.data.samples != samples {
        let note = format!(
            "the ranking was made on {}, and there are {samples} to train on",
            counted(ranking.data.samples, "sample")
        );
        progress.event(Event::Note(&note));
    }
    Ok(())
}
