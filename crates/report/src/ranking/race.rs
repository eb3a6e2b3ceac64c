//! How a race went.

use serde::{Deserialize, Serialize};

use super::RankedModel;
use crate::format::seconds;

/// What the samples of a race are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RaceUnit {
    /// Those of the data set.
    #[default]
    Samples,
    /// Whole sentences, where the samples are their words.
    Sentences,
}

impl RaceUnit {
    /// `samples` or `sentences`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Sentences => "sentences",
        }
    }
}

/// How far one model came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RaceRecord {
    /// Samples that it has seen, and that its scores are of; sentences where the race is on those ([`RaceSummary::unit`]).
    pub samples: usize,
    /// Whether it stopped for want of a chance.
    pub stopped: bool,
    /// The chance to be among the first k when it was last looked at.
    pub p_top_k: f64,
    /// Why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a race ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RaceEnd {
    /// The first k and their order are clear.
    Settled,
    /// Its time was over.
    Time,
    /// The models that were left have seen every sample.
    Complete,
}

/// One round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaceRound {
    /// Samples that every model in it has seen after it.
    pub samples: usize,
    /// Models in it.
    pub models: usize,
}

/// A race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceSummary {
    /// How many models were to be found.
    pub top_k: usize,
    /// What `samples` counts, here and in the records of models.
    #[serde(default)]
    pub unit: RaceUnit,
    /// The chance below which a model stopped.
    pub threshold: f64,
    /// The time that extraction was to take, if that was said.
    pub budget_seconds: Option<f64>,
    /// From the first to the last.
    pub rounds: Vec<RaceRound>,
    /// Why it ended.
    pub ended: RaceEnd,
    /// Time that extraction took, over all models.
    pub seconds: f64,
    /// Time that it would have taken for all models on all samples, at the same pace.
    pub full_seconds: f64,
}

/// The race as a person reads it.
pub(super) fn text(race: &RaceSummary, models: &[RankedModel]) -> String {
    let rounds: Vec<String> = race
        .rounds
        .iter()
        .map(|round| format!("{} on {}", round.models, round.samples))
        .collect();
    let ended = match race.ended {
        RaceEnd::Settled => format!("the first {} were settled", race.top_k),
        RaceEnd::Time => "its time was over".to_owned(),
        RaceEnd::Complete => format!("all {} were seen", race.unit.name()),
    };
    let mut text = format!(
        "\nrace: models on {unit}: {}; it ended when {ended}, after {} s of extraction, of {} s for all models on all {unit}\n",
        rounds.join(", "),
        seconds(race.seconds),
        seconds(race.full_seconds),
        unit = race.unit.name(),
    );
    for model in models {
        if let Some(reason) = model.race.as_ref().and_then(|record| record.reason.as_ref()) {
            text.push_str(&format!("  {} stopped: {reason}\n", model.name));
        }
    }
    if race.ended == RaceEnd::Time {
        let open: Vec<&str> = models
            .iter()
            .filter(|model| {
                let record = model.race.as_ref();
                record.is_some_and(|record| !record.stopped) && model.rank > race.top_k
            })
            .map(|model| model.name.as_str())
            .collect();
        if !open.is_empty() {
            text.push_str(&format!(
                "  not settled: {} may be among the first {} too\n",
                open.join(", "),
                race.top_k
            ));
        }
    }
    text
}
