//! Rank intervals.

use super::SHOWN;
use super::models::interval;
use crate::html::chart::{Interval, Intervals};
use crate::html::text::{isolated, percent};
use crate::ranking::Ranking;

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    if ranking.models.len() < 2 {
        return None;
    }
    let intervals = ranking.models.iter().enumerate().filter_map(|(place, model)| {
        let [low, high] = model.rank_interval?;
        let p_best = model
            .p_best
            .map_or_else(String::new, |p| format!(", first on {}", percent(p)));
        Some(Interval {
            name: model.name.clone(),
            low,
            high,
            at: model.rank,
            tip: format!(
                "{}\nrank {}, ranks {}{p_best}",
                isolated(&model.name),
                model.rank,
                interval(model)
            ),
            model: place,
        })
    });
    let rows: Vec<Interval> = intervals.take(SHOWN).collect();
    let shown = rows.len();
    let rest = ranking.models.len().saturating_sub(shown);
    let wide = rows.iter().filter(|row| row.high > row.low).count();
    let picture = Intervals {
        id: format!("{prefix}-ranks-picture"),
        title: "Ranks that hold 90 % of the resampled data sets; the point is the rank on all samples".to_owned(),
        description: format!(
            "{wide} of {shown} models have more than one rank in their interval. The intervals are in the column \"ranks\" of the table of models."
        ),
        axis: "rank".to_owned(),
        rows,
    };
    let mut html = picture.html()?;
    if rest > 0 {
        html.push_str(&format!(
            "<p class=\"note\">The first {shown} models; the other {rest} are in the table.</p>"
        ));
    }
    Some(html)
}
