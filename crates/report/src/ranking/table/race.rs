//! The rounds of a race as text.

use crate::format::{first_places, seconds};
use crate::ranking::{RaceEnd, RaceSummary, RankedModel};

/// The rounds of a race, and which models it eliminated.
pub(super) fn race_text(race: &RaceSummary, models: &[RankedModel]) -> String {
    let rounds: Vec<String> = race
        .rounds
        .iter()
        .map(|round| format!("{} on {}", round.models, round.samples))
        .collect();
    let ended = match race.ended {
        RaceEnd::Settled if race.top_k == 1 => "the first place was settled".to_owned(),
        RaceEnd::Settled => format!("the order of the first {} was settled", race.top_k),
        RaceEnd::Time => "its budget was used up".to_owned(),
        RaceEnd::Share => format!("half of the {} of a full ranking were used", race.unit.name()),
        RaceEnd::Complete => format!("all {} were seen", race.unit.name()),
    };
    let mut text = format!(
        "\nrace: models on {unit}: {}; it ended when {ended}, after {} s of extraction; all models on all {unit} would take {} s\n",
        rounds.join(", "),
        seconds(race.seconds),
        seconds(race.full_seconds),
        unit = race.unit.name(),
    );
    for model in models {
        if let Some(reason) = model.race.as_ref().and_then(|record| record.reason.as_ref()) {
            text.push_str(&format!("  {} eliminated: {reason}\n", model.name));
        }
    }
    if matches!(race.ended, RaceEnd::Time | RaceEnd::Share) {
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
                "  not settled: {} may be {} too\n",
                open.join(", "),
                first_places(race.top_k)
            ));
        }
    }
    text
}
