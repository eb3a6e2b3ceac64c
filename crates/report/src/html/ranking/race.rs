//! The rounds of a race, and what it eliminated.

use askama::Template;

use crate::format::seconds;
use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::ranking::{RaceEnd, RaceSummary, Ranking};

#[derive(Template)]
#[template(path = "ranking/race.html")]
struct Race {
    unit: &'static str,
    top_k: usize,
    threshold: String,
    ended: String,
    seconds: String,
    full_seconds: String,
    rounds: String,
    eliminated: Option<String>,
}

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    let race = ranking.race.as_ref()?;
    Some(render(&Race {
        unit: race.unit.name(),
        top_k: race.top_k,
        threshold: format!("{:.0} %", 100.0 * race.threshold),
        ended: ended(race),
        seconds: seconds(race.seconds),
        full_seconds: seconds(race.full_seconds),
        rounds: rounds(race, prefix),
        eliminated: eliminated(ranking, race, prefix),
    }))
}

/// Why the race ended.
fn ended(race: &RaceSummary) -> String {
    match race.ended {
        RaceEnd::Settled => format!("the order of the first {} was settled", race.top_k),
        RaceEnd::Time => "its budget was used up".to_owned(),
        RaceEnd::Share => format!("half of the {} of a full ranking were used", race.unit.name()),
        RaceEnd::Complete => format!("the remaining models had seen all {}", race.unit.name()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
fn rounds(race: &RaceSummary, prefix: &str) -> String {
    let most = race.rounds.iter().map(|round| round.models).max().unwrap_or(1).max(1);
    let rows = race.rounds.iter().enumerate().map(|(place, round)| {
        Row::new(vec![
            Cell::count(place + 1),
            Cell::count(round.samples),
            Cell::count(round.models).with_bar(round.models as f64 / most as f64),
        ])
    });
    render(&DataTable {
        id: format!("{prefix}-race-rounds"),
        caption: "Rounds".to_owned(),
        columns: vec![
            Column::number("round"),
            Column::number(race.unit.name()),
            Column::number("models"),
        ],
        rows: rows.collect(),
    })
}

fn eliminated(ranking: &Ranking, race: &RaceSummary, prefix: &str) -> Option<String> {
    let stopped = ranking.models.iter().filter_map(|model| {
        let record = model.race.as_ref().filter(|record| record.stopped)?;
        Some(Row::new(vec![
            Cell::count(model.rank),
            Cell::head(model.name.as_str()),
            Cell::count(record.samples),
            Cell::number(Some(record.p_top_k), |p| format!("{p:.3}")),
            Cell::text(record.reason.clone().unwrap_or_default()),
        ]))
    });
    let rows: Vec<Row> = stopped.collect();
    (!rows.is_empty()).then(|| {
        render(&DataTable {
            id: format!("{prefix}-race-eliminated"),
            caption: "Models that were eliminated".to_owned(),
            columns: vec![
                Column::number("rank"),
                Column::text("model"),
                Column::number(race.unit.name()),
                Column::number(&format!("P(top {})", race.top_k)),
                Column::text("reason"),
            ],
            rows,
        })
    })
}
