//! Ranges on one axis, one row for each name.

use askama::Template;

use super::coordinate;
use super::scale::{AxisKind, Scale};
use crate::html::render;
use crate::html::text::shortened;

/// Ranges, such as those of ranks, before they are drawn.
pub(crate) struct Intervals {
    /// Unique in the page.
    pub id: String,
    pub title: String,
    /// What a reader who does not see the picture should know.
    pub description: String,
    pub axis: String,
    /// Whether the numbers are whole and begin at 1.
    pub is_whole: bool,
    pub rows: Vec<Interval>,
}

/// A range with a point in it.
pub(crate) struct Interval {
    pub name: String,
    pub low: f64,
    pub high: f64,
    pub at: f64,
    pub tip: String,
    /// Place of its model, for the filter.
    pub model: usize,
}

#[derive(Template)]
#[template(path = "intervals.html")]
struct Drawn {
    id: String,
    title: String,
    description: String,
    axis: String,
    height: usize,
    bottom: usize,
    ticks: Vec<(String, String)>,
    rows: Vec<DrawnRow>,
}

struct DrawnRow {
    name: String,
    y: usize,
    low: String,
    high: String,
    at: String,
    tip: String,
    model: usize,
}

const LEFT: f64 = 172.0;
const RIGHT: f64 = 448.0;
const ROW: usize = 22;

impl Intervals {
    /// The picture; `None` without a row.
    pub(crate) fn html(self) -> Option<String> {
        let ends = self.rows.iter().flat_map(|row| [row.low, row.high, row.at]);
        let scale = Scale::new(&AxisKind::Linear, ends)?;
        let x = |value: f64| coordinate(LEFT + scale.place(value) * (RIGHT - LEFT));
        let ticks = scale
            .ticks
            .iter()
            .filter(|tick| !self.is_whole || (tick.fract() == 0.0 && **tick >= 1.0));
        let ticks = ticks.map(|&tick| (coordinate(LEFT + scale.place(tick) * (RIGHT - LEFT)), scale.text(tick)));
        let bottom = ROW * self.rows.len() + 8;
        let rows = self.rows.iter().enumerate().map(|(place, row)| DrawnRow {
            name: shortened(&row.name, 22),
            y: place * ROW + 17,
            low: x(row.low),
            high: x(row.high),
            at: x(row.at),
            tip: row.tip.clone(),
            model: row.model,
        });
        Some(render(&Drawn {
            ticks: ticks.collect(),
            rows: rows.collect(),
            height: bottom + 42,
            bottom,
            id: self.id,
            title: self.title,
            description: self.description,
            axis: self.axis,
        }))
    }
}
