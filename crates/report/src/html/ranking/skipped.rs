//! Models that could not be ranked.

use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::ranking::Ranking;

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    if ranking.skipped.is_empty() {
        return None;
    }
    let rows = ranking.skipped.iter();
    let rows = rows.map(|model| Row::new(vec![Cell::head(model.name.as_str()), Cell::text(model.reason.as_str())]));
    Some(render(&DataTable {
        id: format!("{prefix}-skipped-table"),
        caption: format!("{} skipped", ranking.skipped.len()),
        columns: vec![Column::text("model"), Column::text("reason")],
        rows: rows.collect(),
    }))
}
