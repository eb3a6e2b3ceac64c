//! A ranking as text for a terminal.

use serde_json::Value;

use super::{RaceEnd, RaceSummary, RankedModel, Ranking};
use crate::format::{count, number, seconds};
use crate::table::{Align, Emphasis, Style, Table, csv};

/// Cells of the bar of P(best).
const BAR: usize = 6;

/// A column of the table: its name, its alignment and its cells.
struct Column<'a> {
    name: String,
    align: Align,
    cell: Box<dyn Fn(&RankedModel) -> String + 'a>,
}

impl<'a> Column<'a> {
    fn right(name: impl Into<String>, cell: impl Fn(&RankedModel) -> String + 'a) -> Self {
        Self {
            name: name.into(),
            align: Align::Right,
            cell: Box::new(cell),
        }
    }
}

impl Ranking {
    /// The ranking as text with all columns: a table, the models that were skipped, and whether the samples separate the first places.
    pub fn table(&self) -> String {
        self.text(Style {
            is_wide: true,
            ..Style::default()
        })
    }

    /// As [`table`](Self::table), in a style. Without [`Style::is_wide`], the columns are rank, model, the score that orders the ranking,
    /// P(best), samples seen in a race, throughput and parameters.
    pub fn text(&self, style: Style) -> String {
        let mut text = self.main_table(style).styled(style);
        if let Some(line) = self.tie_line() {
            text.push_str(&format!("\n{line}\n"));
        }
        for model in &self.models {
            text.push_str(&layer_table(model, style));
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

    /// The table of models in Markdown.
    pub fn markdown(&self, style: Style) -> String {
        self.main_table(style).markdown()
    }

    /// The models as CSV, with all digits. Names of columns are the keys of the JSON; a value that is not defined is empty.
    pub fn csv(&self) -> String {
        let scores = self.score_names();
        let mut header: Vec<String> = ["rank", "model"].map(str::to_owned).into();
        for name in &scores {
            header.extend([(*name).to_owned(), format!("{name}_standard_error")]);
        }
        let throughput = self.throughput_unit().replace("/s", "_per_second");
        header.extend(
            [
                "p_best",
                "p_top_k",
                "rank_low",
                "rank_high",
                "feature_dim",
                "parameters",
                &throughput,
                "seconds",
                "race_samples",
                "race_stopped",
            ]
            .map(str::to_owned),
        );
        let rows = self.models.iter().map(|model| {
            let mut row = vec![model.rank.to_string(), model.name.clone()];
            for name in &scores {
                row.extend([digits(model.score(name)), digits(standard_error(model, name))]);
            }
            let [low, high] = model.rank_interval.map_or([None, None], |ends| ends.map(Some));
            let race = model.race.as_ref();
            let whole = |value: Option<usize>| value.map_or_else(String::new, |value| value.to_string());
            row.extend([
                digits(model.p_best),
                digits(model.p_top_k),
                whole(low),
                whole(high),
                model.feature_dim.to_string(),
                model.parameters.to_string(),
                digits(model.throughput()),
                digits(Some(model.seconds.extract + model.seconds.score)),
                whole(race.map(|record| record.samples)),
                race.map_or_else(String::new, |record| record.stopped.to_string()),
            ]);
            row
        });
        csv(&header, rows)
    }

    /// The names of the first model's scores, the one that orders the ranking first.
    fn score_names(&self) -> Vec<&str> {
        let first = self.models.first();
        first
            .map(|model| model.scores.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    fn throughput_unit(&self) -> &'static str {
        if self.models.iter().any(|model| model.samples_per_second.is_some()) {
            "samples/s"
        } else {
            "images/s"
        }
    }

    fn main_table(&self, style: Style) -> Table {
        let columns = self.columns(style);
        let names: Vec<(&str, Align)> = columns
            .iter()
            .map(|column| (column.name.as_str(), column.align))
            .collect();
        let mut table = Table::new(&names);
        for model in &self.models {
            let emphasis = if model.race.as_ref().is_some_and(|record| record.stopped) {
                Emphasis::Dim
            } else if model.rank == 1 {
                Emphasis::Bold
            } else {
                Emphasis::None
            };
            table.emphasized(emphasis, columns.iter().map(|column| (column.cell)(model)).collect());
        }
        table
    }

    fn columns(&self, style: Style) -> Vec<Column<'_>> {
        let mut names = self.score_names().into_iter();
        let mut columns = vec![
            Column::right("rank", |model| model.rank.to_string()),
            Column {
                name: "model".to_owned(),
                align: Align::Left,
                cell: Box::new(|model| model.name.clone()),
            },
        ];
        columns.extend(
            names
                .next()
                .map(|name| Column::right(name, move |model| score_cell(model, name))),
        );
        if style.is_wide {
            columns.extend(names.map(|name| Column::right(name, move |model| score_cell(model, name))));
        }
        columns.push(Column::right("P(best)", move |model| {
            let Some(p) = model.p_best else { return dash() };
            // A bar is for eyes, so it is drawn on terminals only.
            let bar = if style.width.is_some() {
                format!("{} ", bar(p))
            } else {
                String::new()
            };
            format!("{bar}{p:.2}")
        }));
        if style.is_wide {
            columns.push(Column::right(format!("P(top {})", self.top_k()), |model| {
                model.p_top_k.map_or_else(dash, |p| format!("{p:.2}"))
            }));
            columns.push(Column::right("ranks", |model| {
                model.rank_interval.map_or_else(dash, |[low, high]| {
                    if low == high {
                        low.to_string()
                    } else {
                        format!("{low}–{high}")
                    }
                })
            }));
            columns.push(Column::right("dim", |model| model.feature_dim.to_string()));
        }
        if let Some(race) = &self.race {
            columns.push(Column::right(race.unit.name(), |model| {
                model
                    .race
                    .as_ref()
                    .map_or_else(dash, |record| record.samples.to_string())
            }));
        }
        columns.push(Column::right("params", |model| count(model.parameters)));
        columns.push(Column::right(self.throughput_unit(), |model| {
            model.throughput().map_or_else(|| "cached".to_owned(), number)
        }));
        if style.is_wide {
            columns.push(Column::right("seconds", |model| {
                seconds(model.seconds.extract + model.seconds.score)
            }));
        }
        columns
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

/// A share as a bar of [`BAR`] cells, in eighths of a cell.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share times a small number"
)]
fn bar(share: f64) -> String {
    let eighths = (share.clamp(0.0, 1.0) * 8.0 * BAR as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]);
    format!("{bar:<BAR$}")
}

/// All digits of a number; empty where there is none.
fn digits(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn standard_error(model: &RankedModel, name: &str) -> Option<f64> {
    model.scores.get(name)?.get("standard_error").and_then(Value::as_f64)
}

fn dash() -> String {
    "–".to_owned()
}

fn score_cell(model: &RankedModel, name: &str) -> String {
    let error = standard_error(model, name);
    match (model.score(name), error) {
        (Some(value), Some(error)) => format!("{value:.4} ± {error:.4}"),
        (Some(value), None) => format!("{value:.4}"),
        (None, _) => dash(),
    }
}

/// The scores of a model's layers; empty where there are none.
fn layer_table(model: &RankedModel, style: Style) -> String {
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
    format!("\n{}:\n{}", model.name, table.styled(style))
}

/// The rounds of a race, and which models it eliminated.
fn race_text(race: &RaceSummary, models: &[RankedModel]) -> String {
    let rounds: Vec<String> = race
        .rounds
        .iter()
        .map(|round| format!("{} on {}", round.models, round.samples))
        .collect();
    let ended = match race.ended {
        RaceEnd::Settled => format!("the order of the first {} was settled", race.top_k),
        RaceEnd::Time => "its budget was used up".to_owned(),
        RaceEnd::Share => format!("half of the {} of a full ranking were used", race.unit.name()),
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
                "  not settled: {} may be among the first {} too\n",
                open.join(", "),
                race.top_k
            ));
        }
    }
    text
}
