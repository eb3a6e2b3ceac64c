//! Weighted τ of every score with its interval.

use crate::html::chart::{Interval, Intervals};
use crate::html::text::isolated;
use crate::study::Agreement;

pub(super) fn picture(agreement: &Agreement, prefix: &str) -> Option<String> {
    let scores = agreement.scores.iter();
    let rows = scores.enumerate().filter_map(|(place, score)| {
        let (at, [low, high]) = (score.weighted_tau?, score.interval?);
        Some(Interval {
            name: score.score.clone(),
            low,
            high,
            at,
            tip: format!("{}\nweighted τ {at:.3}, {low:.2} to {high:.2}", isolated(&score.score)),
            model: place,
        })
    });
    let picture = Intervals {
        id: format!("{prefix}-picture"),
        title: format!(
            "Weighted τ of scores with {} after {}, mean over data sets, with {:.0} % intervals",
            agreement.metric,
            agreement.method,
            100.0 * agreement.level
        ),
        description: "The numbers are in the table below.".to_owned(),
        axis: "weighted τ".to_owned(),
        is_whole: false,
        rows: rows.collect(),
    };
    picture.html()
}
