//! Rank intervals.

use super::SHOWN;
use super::models::interval;
use crate::html::chart::{Interval, Intervals};
use crate::html::text::{isolated, percent};
use crate::ranking::{RankedModel, Ranking};

#[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^52")]
pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    if ranking.models.len() < 2 {
        return None;
    }
    let is_predicted = ranking.decision.is_some();
    let intervals = ranking.models.iter().enumerate().filter_map(|(place, model)| {
        let ranks = ranks(model, is_predicted)?;
        let [low, high] = ranks.0;
        Some(Interval {
            name: model.name.clone(),
            low: low as f64,
            high: high as f64,
            at: model.rank as f64,
            tip: format!(
                "{}\nrank {}, ranks {}, {} {}",
                isolated(&model.name),
                model.rank,
                interval(Some(ranks.0)),
                if is_predicted { "the best with" } else { "first on" },
                percent(ranks.1)
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
        title: if is_predicted {
            "Ranks after tuning that hold a model with a probability of 90 %; the point is its rank here"
        } else {
            "Ranks by score that hold 90 % of the resampled data sets; the point is the rank on all samples"
        }
        .to_owned(),
        description: format!(
            "{wide} of {shown} models have more than one rank in their interval. The intervals are in the column \"ranks\" of the table of models."
        ),
        axis: "rank".to_owned(),
        is_whole: true,
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

/// The ranks of a model and its probability to be the first: after tuning, or by score.
fn ranks(model: &RankedModel, is_predicted: bool) -> Option<([usize; 2], f64)> {
    if is_predicted {
        let found = model.predicted.as_ref()?;
        return Some((found.rank_interval, found.p_best));
    }
    let found = model.score_uncertainty?;
    Some((found.rank_interval, found.p_best))
}
