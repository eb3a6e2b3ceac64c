//! The page of a comparison of a ranking with measured accuracies.

use super::contents::Contents;
use super::table::{Cell, Column, DataTable, Row};
use super::text::decimal;
use super::{Section, Sections, render};
use crate::comparison::Comparison;

/// Title, answer and sections of a comparison; identifiers begin with `prefix`.
pub(crate) fn contents(comparison: &Comparison, prefix: &str) -> Contents {
    let agreement = match comparison.weighted_tau {
        Some(tau) => format!("weighted τ {}", decimal(tau)),
        None => "no correlation is defined".to_owned(),
    };
    Contents {
        title: format!("Ranking against the accuracies of {} models", comparison.models),
        answer: format!(
            "{agreement} over {} models; the first of the ranking is {} below the best accuracy.",
            comparison.models,
            decimal(comparison.top_1_regret)
        ),
        sections: sections(comparison, prefix),
    }
}

fn sections(comparison: &Comparison, prefix: &str) -> Vec<Section> {
    let measures = [
        ("weighted Kendall τ", comparison.weighted_tau),
        ("Kendall τ_b", comparison.kendall_tau),
        ("Pearson", comparison.pearson),
        ("Spearman", comparison.spearman),
        ("top-1 regret", Some(comparison.top_1_regret)),
        ("top-3 regret", Some(comparison.top_3_regret)),
    ];
    let rows = measures.map(|(name, value)| Row::new(vec![Cell::head(name), Cell::number(value, decimal)]));
    let table = DataTable {
        id: format!("{prefix}-measures-table"),
        caption: "Agreement of the ranking with measured accuracies; regret is accuracy that is lost".to_owned(),
        columns: vec![Column::text("measure"), Column::number("value")],
        rows: rows.into(),
    };
    let mut sections = Sections::default();
    sections.add("measures", "Agreement", Some(render(&table)));
    sections.into_list()
}
