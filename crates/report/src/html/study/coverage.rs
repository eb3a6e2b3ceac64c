//! P(best) as it was said, against how often it came true.

use crate::html::chart::{Axis, AxisKind, Curve, Plot, Point, Stroke};
use crate::html::text::decimal;
use crate::study::{DecisionCalibration, known};

/// Curves in one picture.
const MOST: usize = 5;

pub(super) fn picture(decisions: &[DecisionCalibration], prefix: &str) -> Option<String> {
    let said = decisions.iter().take(MOST).enumerate().map(|(place, row)| Curve {
        name: known(&row.scores),
        stroke: Stroke::Line,
        colour: place,
        points: row
            .bins
            .iter()
            .filter_map(|bin| {
                let (said, was) = (bin.probability?, bin.best?);
                let text = format!(
                    "said {}, was best {}, {} predictions",
                    decimal(said),
                    decimal(was),
                    bin.predictions
                );
                Some(Point::new(said, was, text))
            })
            .collect(),
    });
    let diagonal = Curve {
        name: "as often as said".to_owned(),
        stroke: Stroke::Line,
        colour: 5,
        points: [0.0, 1.0]
            .map(|end| Point::new(end, end, "as often as said".to_owned()))
            .into(),
    };
    let plot = Plot {
        id: format!("{prefix}-picture"),
        title: "How often models were the best, against P(best)".to_owned(),
        description:
            "Points above the line came true more often than was said. The numbers are in the last table below."
                .to_owned(),
        x: Axis::new("mean P(best)", AxisKind::Linear),
        y: Axis::new("share that was the best", AxisKind::Linear),
        curves: said.chain([diagonal]).collect(),
        mark: None,
    };
    plot.html()
}
