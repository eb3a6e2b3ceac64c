//! Who is tuned and who teaches.

use ranktune_core::names::nearest_name;
use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::Dataset;
use ranktune_features::extract::{DataKind, ExtractOptions, FeatureChoice, Prepared, Unusable};
use ranktune_hub::{Entry, Hub, Pooling};
use ranktune_report::Ranking;
use ranktune_report::ranking::RankedModel;

use super::lessons::Candidate;
use super::options::{Target, Teachers, TuneOptions};
use crate::error::{Error, ErrorKind};
use crate::rank::{RankOptions, rank};
use crate::sources::Sources;

/// The models of a run.
pub(crate) struct Cast {
    /// The hub's entry of the target.
    pub(crate) entry: Entry,
    /// The target, at the size it is tuned at.
    pub(crate) target: Prepared,
    /// Its teachers; none for a method without.
    pub(crate) teachers: Vec<Candidate>,
}

/// Chooses from the hub, with a ranking where one is needed.
pub(crate) fn choose(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    taught: bool,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Cast, Error> {
    let hub = sources.open(progress, interrupt)?;
    // A wrong name is told before anything is computed.
    if let Target::Named(name) = &options.model {
        find(&hub, name)?;
    }
    if let (true, Teachers::Named(names)) = (taught, &options.teachers) {
        names.iter().try_for_each(|name| find(&hub, name).map(|_| ()))?;
    }
    let by_rank = options.model == Target::Best || (taught && matches!(options.teachers, Teachers::Top(_)));
    let ranking = match (&options.ranking, by_rank) {
        (Some(ranking), _) => {
            check_ranking(ranking, dataset, progress)?;
            Some(ranking.clone())
        }
        (None, true) => Some(made(sources, dataset, options, progress, interrupt)?),
        (None, false) => None,
    };
    let first = |ranking: &Option<Ranking>| ranking.as_ref()?.models.first().map(|model| model.name.clone());
    let name = match &options.model {
        Target::Named(name) => name.clone(),
        Target::Best => first(&ranking).ok_or_else(|| Error::new(ErrorKind::Hub, "the ranking holds no model"))?,
    };
    let entry = find(&hub, &name)?;
    let kind = dataset.kind();
    let own = Reading {
        feature: options.extract.feature.clone(),
        pooling: options.extract.pooling.clone(),
    };
    let mut target = open(entry, Some(kind), &own)?;
    for note in target.notes() {
        progress.event(Event::Note(&format!("{name}: {note}")));
    }
    if let Some(edge) = options.image_size {
        target = target
            .at_size(edge)
            .map_err(|error| Error::new(ErrorKind::Arguments, error))?;
    }
    let teachers = if taught {
        teachers(&hub, ranking.as_ref(), kind, options, progress)?
    } else {
        Vec::new()
    };
    Ok(Cast {
        entry: entry.clone(),
        target,
        teachers,
    })
}

fn teachers(
    hub: &Hub,
    ranking: Option<&Ranking>,
    kind: DataKind,
    options: &TuneOptions,
    progress: &dyn Progress,
) -> Result<Vec<Candidate>, Error> {
    let names: Vec<String> = match (&options.teachers, ranking) {
        (Teachers::Named(names), _) => names.clone(),
        (Teachers::Top(count), Some(ranking)) => {
            let models = ranking.models.iter().take(*count);
            models.map(|model| model.name.clone()).collect()
        }
        (Teachers::Top(_), None) => Vec::new(),
    };
    if names.is_empty() {
        let message = format!(
            "{} needs at least one teacher; name some with --teachers",
            options.method
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    if let Teachers::Top(count) = options.teachers
        && names.len() < count
    {
        let note = format!(
            "the ranking holds {} models, so there are as many teachers",
            names.len()
        );
        progress.event(Event::Note(&note));
    }
    names
        .iter()
        .map(|name| {
            let ranked = ranking.and_then(|ranking| ranking.models.iter().find(|model| model.name == *name));
            if let Some(model) = ranked.filter(|model| is_of_several_layers(model)) {
                let message = format!(
                    "the ranking has {} by the mean of its layers, which is no tensor that could teach; rank with --layers best, \
                     or leave --ranking out",
                    model.name
                );
                return Err(Error::new(ErrorKind::Arguments, message));
            }
            // What the ranking took is what its evidence is of.
            let reading = Reading {
                feature: ranked.map_or(FeatureChoice::Auto, |model| {
                    FeatureChoice::Named(model.feature_tensor.clone())
                }),
                pooling: options.extract.pooling.clone().or_else(|| ranked_pooling(ranking)),
            };
            Ok(Candidate {
                model: open(find(hub, name)?, Some(kind), &reading)?,
                logme: ranked.and_then(|model| model.score("logme")),
            })
        })
        .collect()
}

pub(crate) fn find<'a>(hub: &'a Hub, name: &str) -> Result<&'a Entry, Error> {
    if let Some(entry) = hub.entries.iter().find(|entry| entry.name == name) {
        return Ok(entry);
    }
    if let Some(skipped) = hub.skipped.iter().find(|entry| entry.name == name) {
        let message = format!("model {name} of the hub cannot be used: {}", skipped.reason);
        return Err(Error::new(ErrorKind::Hub, message));
    }
    let names: Vec<&str> = hub.entries.iter().map(|entry| entry.name.as_str()).collect();
    let near =
        nearest_name(name, names.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
    let message = format!("the hub has no model {name:?}{near} (models: {})", names.join(", "));
    Err(Error::new(ErrorKind::Arguments, message))
}

/// Whether a model's scores are those of no single tensor.
fn is_of_several_layers(model: &RankedModel) -> bool {
    model.layers.len() > 1 && model.layers.iter().all(|layer| layer.name != model.feature_tensor)
}

/// The pooling that `--pooling` named when the ranking was made.
fn ranked_pooling(ranking: Option<&Ranking>) -> Option<Pooling> {
    Pooling::from_name(ranking?.options.get("pooling")?.as_str()?)
}

/// Which features of a model are meant; the default is what is found in its graph and files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) feature: FeatureChoice,
    pub(crate) pooling: Option<Pooling>,
}

/// Opens a model for data of `kind`, or for whatever it takes.
pub(crate) fn open(entry: &Entry, kind: Option<DataKind>, reading: &Reading) -> Result<Prepared, Error> {
    let options = ExtractOptions {
        feature: reading.feature.clone(),
        pooling: reading.pooling.clone(),
        ..ExtractOptions::default()
    };
    Prepared::new(entry, kind, &options).map_err(|unusable| {
        let message = match unusable {
            Unusable::NotApplicable(reason) => {
                format!(
                    "model {} does not take this kind of data: {reason}; name another",
                    entry.name
                )
            }
            Unusable::Failed(reason) => format!("model {} cannot be used: {reason}", entry.name),
        };
        Error::new(ErrorKind::Hub, message)
    })
}

/// Makes the ranking that `rank` makes, with LogME alone.
fn made(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Ranking, Error> {
    progress.event(Event::Note(
        "the models of the hub are ranked first; --ranking takes one that was made before",
    ));
    let mut extract = options.extract.clone();
    extract.feature = FeatureChoice::Auto;
    let ranking = rank(
        sources,
        dataset.clone(),
        &RankOptions {
            scores: vec!["logme".to_owned()],
            max_samples: None,
            seed: options.train.seed,
            extract,
            ..RankOptions::default()
        },
        progress,
        interrupt,
    )?;
    let places: Vec<String> = ranking
        .models
        .iter()
        .take(5)
        .map(|model| format!("{} {:.4}", model.name, model.score("logme").unwrap_or(f64::NAN)))
        .collect();
    progress.event(Event::Note(&format!("ranking by logme: {}", places.join(", "))));
    Ok(ranking)
}

fn check_ranking(ranking: &Ranking, dataset: &Dataset, progress: &dyn Progress) -> Result<(), Error> {
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
            "the ranking was made on {} samples, and there are {samples} to train on",
            ranking.data.samples
        );
        progress.event(Event::Note(&note));
    }
    Ok(())
}
