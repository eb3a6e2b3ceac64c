//! An evaluation as text.

use ranktune_core::counted;

use super::Evaluation;
use crate::format::metric_cell;
use crate::omitted::unreadable_lines;
use crate::table::{Align, Table};

/// Classes in the table; the JSON has all of them.
const CLASSES: usize = 20;
/// Confused pairs in the table.
const PAIRS: usize = 5;

impl Evaluation {
    /// The evaluation as tables: metrics, classes from the lowest F1, confused pairs, residuals.
    pub fn table(&self) -> String {
        let mut table = Table::new(&[("metric", Align::Left), ("value", Align::Right), ("", Align::Left)]);
        for (name, value) in &self.metrics {
            let interval = self.intervals.get(name);
            table.row(vec![
                name.clone(),
                metric_cell(value),
                interval.map_or_else(String::new, |[low, high]| format!("{low:.4} to {high:.4} (95 %)")),
            ]);
        }
        if let Some(calibration) = &self.calibration {
            let error = calibration.expected_calibration_error;
            table.row(vec![
                "calibration error".to_owned(),
                format!("{error:.4}"),
                String::new(),
            ]);
        }
        let Self { model, task, data, .. } = self;
        let mut text = format!(
            "{model}: {task}, {} of {data}\n\n{}",
            counted(self.samples, "sample"),
            table.render()
        );
        text.push_str(&self.class_table());
        if !self.confused.is_empty() {
            text.push_str("\nmost confused:\n");
            for pair in self.confused.iter().take(PAIRS) {
                text.push_str(&format!(
                    "  {} taken for {}: {}\n",
                    pair.class,
                    pair.predicted,
                    counted(pair.samples, "sample")
                ));
            }
        }
        text.push_str(&self.residual_table());
        text.push_str(&unreadable_lines(&self.unreadable));
        text
    }

    fn class_table(&self) -> String {
        if self.classes.is_empty() {
            return String::new();
        }
        let mut classes: Vec<_> = self.classes.iter().collect();
        classes.sort_by(|a, b| a.f1.total_cmp(&b.f1));
        let mut table = Table::new(&[
            ("class", Align::Left),
            ("precision", Align::Right),
            ("recall", Align::Right),
            ("f1", Align::Right),
            ("support", Align::Right),
        ]);
        for class in classes.iter().take(CLASSES) {
            table.row(vec![
                class.name.clone(),
                format!("{:.4}", class.precision),
                format!("{:.4}", class.recall),
                format!("{:.4}", class.f1),
                class.support.to_string(),
            ]);
        }
        let more = match classes.len().saturating_sub(CLASSES) {
            0 => String::new(),
            1 => "… and 1 class with a higher f1\n".to_owned(),
            left => format!("… and {left} classes with a higher f1 (all are in the JSON)\n"),
        };
        format!("\n{}{more}", table.render())
    }

    fn residual_table(&self) -> String {
        if self.residuals.is_empty() {
            return String::new();
        }
        let mut table = Table::new(&[
            ("prediction − target", Align::Left),
            ("mean", Align::Right),
            ("sd", Align::Right),
            ("5 %", Align::Right),
            ("25 %", Align::Right),
            ("50 %", Align::Right),
            ("75 %", Align::Right),
            ("95 %", Align::Right),
        ]);
        for column in &self.residuals {
            let mut row = vec![column.column.clone()];
            let numbers = [column.mean, column.standard_deviation]
                .into_iter()
                .chain(column.quantiles);
            row.extend(numbers.map(|value| format!("{value:.4}")));
            table.row(row);
        }
        format!("\n{}", table.render())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use crate::evaluation::Evaluation;

    fn evaluation(document: Value) -> Evaluation {
        let mut whole = json!({
            "schema": "ranktune.evaluation/1", "model": "tuned", "data": "photos", "task": "classification", "samples": 40,
            "metrics": {"accuracy": 0.75, "f1_macro": null},
        });
        let more: Map<String, Value> = document.as_object().cloned().unwrap_or_default();
        whole.as_object_mut().unwrap().extend(more);
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_document_of_metrics_alone_is_read_and_has_one_line_per_metric() {
        let evaluation = evaluation(json!({"task": "regression", "metrics": {"mse": 0.25, "r2": null}}));
        let value = serde_json::to_value(&evaluation).unwrap();
        assert_eq!(value["schema"], "ranktune.evaluation/1");
        assert!(
            value.get("classes").is_none() && value.get("calibration").is_none(),
            "{value}"
        );
        let table = evaluation.table();
        assert!(table.contains("0.2500") && table.contains("–"), "{table}");
    }

    #[test]
    fn the_table_begins_with_the_classes_of_the_lowest_f1_and_says_how_many_are_left_out() {
        let classes: Vec<Value> = (0..25)
            .map(|i| {
                json!({"name": format!("class-{i:02}"), "support": 2, "predicted": 2, "precision": 0.5, "recall": 0.5,
                    "f1": 1.0 - f64::from(i) / 100.0})
            })
            .collect();
        let text = evaluation(json!({
            "intervals": {"accuracy": [0.6, 0.86]},
            "classes": classes,
            "confused": [{"class": "cat", "predicted": "dog", "samples": 3}],
            "calibration": {"expected_calibration_error": 0.0312, "bins": []},
        }))
        .table();
        let (first, second) = (text.find("class-24").unwrap(), text.find("class-23").unwrap());
        assert!(first < second && !text.contains("class-04"), "{text}");
        for part in [
            "0.6000 to 0.8600 (95 %)",
            "and 5 classes with a higher f1",
            "cat taken for dog: 3 samples",
            "0.0312",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn residuals_are_in_the_units_of_their_column() {
        let text = evaluation(json!({
            "residuals": [{"column": "price", "mean": -12.5, "standard_deviation": 3.0, "quantiles": [-20.0, -14.0, -12.0, -10.0, -4.0]}],
        }))
        .table();
        assert!(
            text.contains("price") && text.contains("-12.5000") && text.contains("-4.0000"),
            "{text}"
        );
    }
}
