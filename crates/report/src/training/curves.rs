//! Validation metrics by the values of an option that was chosen from several.

use serde::{Deserialize, Serialize};

use crate::table::{Align, Table};

/// The validation of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Name of the metric.
    pub metric: String,
    /// Its value on the validation samples; larger is better.
    pub value: f64,
    /// Mean loss of the task on the validation samples.
    pub loss: f64,
    /// Standard error of the difference from the default's value; only where the default was tried, and not for the default itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

/// A point of the grid that λ was chosen from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LambdaPoint {
    /// λ; 0 is fine-tuning.
    pub lambda: f64,
    /// Its validation.
    #[serde(flatten)]
    pub measured: Measured,
}

/// A point of the grid that the learning rate was chosen from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// Learning rate of the backbone.
    pub learning_rate: f64,
    /// The statistics of BatchNormalization: `train`, `frozen` or `adapted`.
    pub batch_norm: String,
    /// Its validation.
    #[serde(flatten)]
    pub measured: Measured,
    /// Its validation after every epoch, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<ValidatedEpoch>,
}

/// The validation after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidatedEpoch {
    /// The metric on the validation samples; larger is better.
    pub value: f64,
    /// Mean loss of the task on the validation samples.
    pub loss: f64,
}

/// A curve as a table: the labels under `names`, then the validation; the chosen point is marked.
pub(crate) fn table(names: &[&str], points: &[(Vec<String>, &Measured)], kept: Option<usize>) -> String {
    let metric = points.first().map_or("", |(_, point)| point.metric.as_str());
    // Differences are from the default, which is the one point without a standard error.
    let is_compared = points.iter().any(|(_, point)| point.standard_error.is_some());
    let reference = points
        .iter()
        .find(|(_, point)| is_compared && point.standard_error.is_none());
    let difference = reference.and_then(|(labels, _)| Some(format!("from {}", labels.first()?)));
    let mut columns: Vec<(&str, Align)> = names.iter().map(|name| (*name, Align::Right)).collect();
    columns.extend([(metric, Align::Right), ("validation loss", Align::Right)]);
    columns.extend(difference.as_deref().map(|name| (name, Align::Right)));
    let mut table = Table::new(&columns);
    for (place, (labels, point)) in points.iter().enumerate() {
        let mark = if kept == Some(place) { "*" } else { "" };
        let mut row = labels.clone();
        if let Some(first) = row.first_mut() {
            first.insert_str(0, mark);
        }
        row.extend([point.value, point.loss].map(|value| format!("{value:.4}")));
        row.extend(reference.map(|(_, reference)| match point.standard_error {
            Some(error) => format!("{:+.4} ± {error:.4}", point.value - reference.value),
            None => String::new(),
        }));
        table.row(row);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_point_is_marked_and_the_others_have_their_difference_from_the_default() {
        let measured = |value, standard_error| Measured {
            metric: "accuracy".to_owned(),
            value,
            loss: 0.65,
            standard_error,
        };
        let (other, default) = (measured(0.75, Some(0.06)), measured(0.8, None));
        let points = [(vec!["0".to_owned()], &other), (vec!["10".to_owned()], &default)];
        let text = table(&["lambda"], &points, Some(1));
        for part in ["from 10", "-0.0500 ± 0.0600", "*10"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("*0"), "{text}");
        assert!(!table(&["lambda"], &points[1..], Some(0)).contains("from"));
    }
}
