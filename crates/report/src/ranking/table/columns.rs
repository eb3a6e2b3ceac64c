//! The columns of a ranking.

use serde_json::Value;

use crate::format::{count, number, seconds};
use crate::ranking::baseline::PERMUTED_LABELS;
use crate::ranking::{Prediction, RankedModel, Ranking, ScoreUncertainty};
use crate::table::{Align, Emphasis, Style, Table};

/// Cells of the bar of P(best).
const BAR: usize = 6;
/// Columns of a terminal on which the bar is drawn.
const ROOM_FOR_BAR: usize = 100;

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
    /// The names of the first model's scores, the one that orders the ranking first.
    pub(super) fn score_names(&self) -> Vec<&str> {
        let first = self.models.first();
        first
            .map(|model| model.scores.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    pub(super) fn throughput_unit(&self) -> &'static str {
        if self.models.iter().any(|model| model.samples_per_second.is_some()) {
            "samples/s"
        } else {
            "images/s"
        }
    }

    pub(super) fn main_table(&self, style: Style) -> Table {
        let columns = self.columns(style);
        let names: Vec<(&str, Align)> = columns
            .iter()
            .map(|column| (column.name.as_str(), column.align))
            .collect();
        let mut table = Table::new(&names);
        // On a narrow terminal, what a model costs comes before a second score.
        let main = self.score_names().first().copied();
        let is_second = |name: &str| Some(name) != main && self.chance_of(name).is_some();
        table.spare((0..names.len()).filter(|&at| is_second(names[at].0)));
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
        for (row, values) in self.baseline_rows() {
            let cells = columns.iter().map(|column| match column.name.as_str() {
                "model" => row.to_owned(),
                name => self.baseline_cell(row, &values, name),
            });
            table.emphasized(Emphasis::Dim, cells.collect());
        }
        table
    }

    /// The cell of a row of the baseline in the column called `name`.
    fn baseline_cell(&self, row: &str, values: &[(&str, f64)], name: &str) -> String {
        let Some((_, value)) = values.iter().find(|(score, _)| *score == name) else {
            return dash();
        };
        let permuted = self
            .baseline
            .as_ref()
            .and_then(|baseline| baseline.permuted_labels.as_ref());
        match permuted.filter(|_| row == PERMUTED_LABELS) {
            Some(permuted) => format!("{value:.4} ± {:.4}", permuted.standard_deviation),
            None => format!("{value:.4}"),
        }
    }

    /// The chance level of the score called `name`, where it predicts.
    pub(super) fn chance_of(&self, name: &str) -> Option<f64> {
        let chance = |model: &RankedModel| model.scores.get(name)?.get("chance")?.as_f64();
        self.models.iter().find_map(chance)
    }

    fn columns(&self, style: Style) -> Vec<Column<'_>> {
        let mut columns = vec![
            Column::right("rank", |model| model.rank.to_string()),
            Column {
                name: "model".to_owned(),
                align: Align::Left,
                cell: Box::new(|model| model.name.clone()),
            },
        ];
        columns.extend(self.prediction_columns(style));
        let mut names = self.score_names().into_iter();
        let main = names.next();
        columns.extend(main.map(|name| Column::right(name, move |model| score_cell(model, name))));
        // Beside the first score, those that predict: they say what the first one is worth in plain units.
        let is_shown = |name: &&str| style.is_wide || self.chance_of(name).is_some();
        let names = names.filter(is_shown);
        columns.extend(names.map(|name| Column::right(name, move |model| score_cell(model, name))));
        // What the score alone says of places is for those who ask for it, or where nothing else is known.
        if style.is_wide || self.decision.is_none() {
            columns.extend(self.uncertainty_columns(main.unwrap_or("score"), style));
        }
        if style.is_wide {
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
}

impl Ranking {
    /// What is expected after tuning; no columns where nothing is predicted.
    fn prediction_columns(&self, style: Style) -> Vec<Column<'_>> {
        if self.decision.is_none() {
            return Vec::new();
        }
        let of = |cell: fn(&Prediction) -> String| {
            move |model: &RankedModel| model.predicted.as_ref().map_or_else(dash, cell)
        };
        let mut columns = vec![
            Column::right(
                "predicted",
                of(|found| format!("{:.3} ± {:.3}", found.value, found.standard_error)),
            ),
            Column::right("P(best)", move |model| {
                let Some(p) = model.predicted.as_ref().map(|found| found.p_best) else {
                    return dash();
                };
                // A bar is for eyes, so it is drawn on terminals only, and where it takes no room from a column.
                let bar = if style.width.is_some_and(|width| width >= ROOM_FOR_BAR) {
                    format!("{} ", bar(p))
                } else {
                    String::new()
                };
                format!("{bar}{p:.2}")
            }),
        ];
        if style.is_wide {
            columns.push(Column::right("ranks", of(|found| interval(found.rank_interval))));
            columns.push(Column::right("results", of(|found| found.record_rows.to_string())));
        }
        columns
    }

    /// How certain the places by score are, under the name of the score, so that nobody takes them for those after tuning.
    fn uncertainty_columns(&self, score: &str, style: Style) -> Vec<Column<'_>> {
        let of = |cell: fn(&ScoreUncertainty) -> String| {
            move |model: &RankedModel| model.score_uncertainty.as_ref().map_or_else(dash, cell)
        };
        let mut columns = vec![Column::right(
            format!("{score} first"),
            of(|found| format!("{:.2}", found.p_best)),
        )];
        if style.is_wide {
            columns.push(Column::right(
                format!("{score} top {}", self.top_k()),
                of(|found| found.p_top_k.map_or_else(dash, |p| format!("{p:.2}"))),
            ));
            columns.push(Column::right(
                format!("{score} ranks"),
                of(|found| interval(found.rank_interval)),
            ));
        }
        columns
    }
}

/// `2`, or `1–3`.
fn interval([low, high]: [usize; 2]) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}–{high}")
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

pub(super) fn standard_error(model: &RankedModel, name: &str) -> Option<f64> {
    model.scores.get(name)?.get("standard_error").and_then(Value::as_f64)
}

fn dash() -> String {
    "–".to_owned()
}

fn score_cell(model: &RankedModel, name: &str) -> String {
    let error = standard_error(model, name);
    if model.is_plainly_saturated(name) {
        return "saturated".to_owned();
    }
    match (model.score(name), error) {
        (Some(value), Some(error)) => format!("{value:.4} ± {error:.4}"),
        (Some(value), None) => format!("{value:.4}"),
        (None, _) => dash(),
    }
}
