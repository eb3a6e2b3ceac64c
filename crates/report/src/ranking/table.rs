//! A ranking as text for a terminal, as Markdown, and as CSV.

mod columns;
mod csv;
mod layers;
mod race;
mod sentences;

use super::Ranking;
use crate::omitted::unreadable_lines;
use crate::table::Style;
use layers::layer_table;
use race::race_text;

impl Ranking {
    /// The ranking as text with all columns: a table, the models that were skipped, and whether the samples separate the first places.
    pub fn table(&self) -> String {
        self.text(Style {
            is_wide: true,
            ..Style::default()
        })
    }

    /// As [`table`](Self::table), in a style. Without [`Style::is_wide`], the columns are rank, model, the predicted metric and P(best),
    /// the first score, samples seen in a race, parameters and throughput; where nothing is predicted, how certain the places by score are.
    pub fn text(&self, style: Style) -> String {
        let mut text = self.main_table(style).styled(style);
        if let Some(line) = self.decision_line(str::to_owned) {
            text.push_str(&format!("\n{line}\n"));
        }
        if let Some(line) = self.chance_line() {
            text.push_str(&format!("\n{line}\n"));
        }
        for line in self.estimate_lines() {
            text.push_str(&format!("{line}\n"));
        }
        if let Some(line) = self.tie_line() {
            text.push_str(&format!("\n{line}\n"));
        }
        for warning in &self.warnings {
            text.push_str(&format!("\nWarning: {warning}\n"));
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
        text.push_str(&unreadable_lines(&self.data.unreadable));
        text
    }

    /// The table of models in Markdown.
    pub fn markdown(&self, style: Style) -> String {
        self.main_table(style).markdown()
    }
}
