//! A ranking as text for a terminal.

use serde_json::Value;

use super::{RaceEnd, RaceSummary, RankedModel, Ranking};
use crate::format::{count, first_places, number, seconds};
use crate::table::{Align, Table};

impl Ranking {
    /// The ranking as text: a table, the models that were skipped, and whether the samples separate the first places.
    pub fn table(&self) -> String {
        let score_names: Vec<&str> = self
            .models
            .first()
            .map(|model| model.scores.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let unit = if self.models.iter().any(|model| model.samples_per_second.is_some()) {
            "samples/s"
        } else {
            "images/s"
        };
        let p_top_k = format!("P(top {})", self.top_k());
        let mut columns = vec![("rank", Align::Right), ("model", Align::Left)];
        columns.extend(score_names.iter().map(|name| (*name, Align::Right)));
        columns.extend([
            ("P(best)", Align::Right),
            (p_top_k.as_str(), Align::Right),
            ("ranks", Align::Right),
            ("dim", Align::Right),
            ("params", Align::Right),
            (unit, Align::Right),
            ("seconds", Align::Right),
        ]);
        let mut table = Table::new(&columns);
        for model in &self.models {
            let mut row = vec![model.rank.to_string(), model.name.clone()];
            row.extend(score_names.iter().map(|name| score_cell(model, name)));
            row.extend([
                model.p_best.map_or_else(dash, |p| format!("{p:.2}")),
                model.p_top_k.map_or_else(dash, |p| format!("{p:.2}")),
                model.rank_interval.map_or_else(dash, |[low, high]| {
                    if low == high {
                        low.to_string()
                    } else {
                        format!("{low}–{high}")
                    }
                }),
                model.feature_dim.to_string(),
                count(model.parameters),
                model.throughput().map_or_else(|| "cached".to_owned(), number),
                seconds(model.seconds.extract + model.seconds.score),
            ]);
            table.row(row);
        }
        let mut text = table.render();
        if let Some(line) = self.chance_line(&score_names) {
            text.push_str(&format!("\n{line}\n"));
        }
        if let Some(line) = self.tie_line() {
            text.push_str(&format!("\n{line}\n"));
        }
        for model in &self.models {
            text.push_str(&layer_table(model));
        }
        if let Some(race) = &self.race {
            text.push_str(&race_text(race, &self.models));
        }
        if !self.skipped.is_empty() {
            text.push_str(&format!("\nskipped ({}):\n", self.skipped.len()));
            for model in &self.skipped {
                text.push_str(&format!("  {}: {}\n", model.name, model.reason));
            }
        }
        text
    }

    /// What predictions without features reach in the scores that predict; nothing where there are no such scores.
    fn chance_line(&self, names: &[&str]) -> Option<String> {
        let chances: Vec<String> = names
            .iter()
            .filter_map(|name| {
                let chance = |model: &RankedModel| model.scores.get(*name)?.get("chance")?.as_f64();
                let chance = self.models.iter().find_map(chance)?;
                Some(format!("{name} {chance:.4}"))
            })
            .collect();
        (!chances.is_empty()).then(|| format!("By chance: {}.", chances.join(", ")))
    }

    /// A sentence for the case that the samples do not separate the first model from others.
    fn tie_line(&self) -> Option<String> {
        let first = self.models.first()?;
        let rivals: Vec<&str> = self.models[1..]
            .iter()
            .filter(|model| model.rank_interval.is_some_and(|[low, _]| low == 1))
            .map(|model| model.name.as_str())
            .collect();
        let certainty = first.p_best?;
        (!rivals.is_empty()).then(|| {
            format!(
                "These samples do not tell {} from {}: it comes first on {:.0} % of resampled data sets.",
                first.name,
                rivals.join(", "),
                100.0 * certainty
            )
        })
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn score_cell(model: &RankedModel, name: &str) -> String {
    let error = model
        .scores
        .get(name)
        .and_then(|score| score.get("standard_error"))
        .and_then(Value::as_f64);
    match (model.score(name), error) {
        (Some(value), Some(error)) => format!("{value:.4} ± {error:.4}"),
        (Some(value), None) => format!("{value:.4}"),
        (None, _) => dash(),
    }
}

/// The scores of a model's layers; empty where there are none.
fn layer_table(model: &RankedModel) -> String {
    let Some(best) = model.layers.iter().map(|layer| layer.score).max_by(f64::total_cmp) else {
        return String::new();
    };
    let score = model.scores.keys().next().map_or("score", String::as_str);
    let mut table = Table::new(&[
        ("layer", Align::Right),
        ("tensor", Align::Left),
        ("dim", Align::Right),
        (score, Align::Right),
        ("", Align::Left),
    ]);
    for (place, layer) in model.layers.iter().enumerate() {
        let error = layer
            .standard_error
            .map_or_else(String::new, |error| format!(" ± {error:.4}"));
        table.row(vec![
            (place + 1).to_string(),
            layer.name.clone(),
            layer.dim.to_string(),
            format!("{:.4}{error}", layer.score),
            if layer.score >= best {
                "best".to_owned()
            } else {
                String::new()
            },
        ]);
    }
    format!("\n{}:\n{}", model.name, table.render())
}

/// The rounds of a race, and which models it eliminated.
fn race_text(race: &RaceSummary, models: &[RankedModel]) -> String {
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
