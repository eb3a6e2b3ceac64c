//! The models of a result that is several: the first of a ranking, or those that are named.

use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::Dataset;
use ranktune_hub::HubEntry;
use ranktune_report::Ranking;

use super::options::{Teachers, TuneOptions};
use super::selection::{check_ranking, check_teachers, find, make_ranking, teachers};
use super::stages::{Stage, Stages};
use super::teachers::TeacherCandidate;
use crate::error::Error;
use crate::sources::Sources;

/// A member.
pub(crate) struct Member {
    pub(crate) entry: HubEntry,
    pub(crate) candidate: TeacherCandidate,
}

impl Member {
    pub(crate) fn name(&self) -> &str {
        self.candidate.model.name()
    }
}

/// Whether the members are chosen by a ranking that has to be made first.
pub(crate) fn makes_ranking(options: &TuneOptions) -> bool {
    options.ranking.is_none() && !matches!(options.teachers, Teachers::Named(_))
}

/// Selects the members, by a ranking where one is needed.
///
/// # Errors
/// As [`select`](super::selection::select).
pub(crate) fn select(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    stages: &Stages<'_>,
    (progress, interrupt): (&dyn Progress, &Interrupt),
) -> Result<Vec<Member>, Error> {
    let hub = sources.open(progress, interrupt)?;
    check_teachers(&hub, options)?;
    let mut ranking: Option<Ranking> = options.ranking.clone();
    if let Some(ranking) = &ranking {
        check_ranking(ranking, dataset, progress)?;
    } else if makes_ranking(options) {
        stages.start(Stage::Ranking);
        ranking = Some(make_ranking(sources, dataset, options, progress, interrupt)?);
    }
    let candidates = teachers(&hub, ranking.as_ref(), dataset.kind(), options, progress)?;
    let members = candidates.into_iter().map(|candidate| {
        let entry = find(&hub, candidate.model.name())?.clone();
        for note in candidate.model.notes() {
            progress.event(Event::Note(&format!("{}: {note}", candidate.model.name())));
        }
        Ok(Member { entry, candidate })
    });
    members.collect()
}

/// Names of several models, as the one model of a document.
pub(crate) fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" + ")
}
