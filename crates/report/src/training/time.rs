//! Where the time of a tuning went.

use serde::{Deserialize, Serialize};

use crate::format::seconds;

/// Wall-clock seconds of the parts of a tuning, which add up to those of the run. Of a result that took several tunings, their sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSpent {
    /// The ranking that chose the models.
    pub ranking: f64,
    /// Read-outs of the teachers, and their predictions for the views.
    pub teachers: f64,
    /// Features that other methods need before they train.
    pub features: f64,
    /// Training steps of all runs, including waiting for their samples.
    pub steps: f64,
    /// The rest of training: validation after the epochs, checkpoints.
    pub validation: f64,
    /// The metrics of the tuned model.
    pub evaluation: f64,
    /// Reading data and models, writing the result.
    pub other: f64,
}

impl TimeSpent {
    /// Adds the time of another tuning.
    pub fn add(&mut self, other: &Self) {
        self.ranking += other.ranking;
        self.teachers += other.teachers;
        self.features += other.features;
        self.steps += other.steps;
        self.validation += other.validation;
        self.evaluation += other.evaluation;
        self.other += other.other;
    }

    /// With everything else that a run of `total` seconds did as `other`.
    #[must_use]
    pub fn of_run(self, total: f64) -> Self {
        let known: f64 = self.parts()[..6].iter().map(|(_, seconds)| seconds).sum();
        Self {
            other: (total - known).max(0.0),
            ..self
        }
    }

    fn parts(&self) -> [(&'static str, f64); 7] {
        [
            ("ranking", self.ranking),
            ("teachers", self.teachers),
            ("features", self.features),
            ("steps", self.steps),
            ("validation", self.validation),
            ("evaluation", self.evaluation),
            ("other", self.other),
        ]
    }

    /// The parts that there were: `ranking 57.1 s, steps 14.0 s, …`.
    pub(crate) fn list(&self) -> String {
        let parts = self.parts().into_iter().filter(|(_, spent)| *spent > 0.0);
        let parts: Vec<String> = parts
            .map(|(name, spent)| format!("{name} {} s", seconds(spent)))
            .collect();
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_run_and_those_that_there_were_not_are_not_listed() {
        let tuning = TimeSpent {
            ranking: 57.0,
            steps: 14.0,
            ..TimeSpent::default()
        };
        let tuning = tuning.of_run(75.5);
        assert_eq!(tuning.list(), "ranking 57.0 s, steps 14.0 s, other 4.5 s");
        let mut both = tuning;
        both.add(&tuning);
        let object = serde_json::to_value(both).unwrap();
        let sum: f64 = object
            .as_object()
            .unwrap()
            .values()
            .filter_map(serde_json::Value::as_f64)
            .sum();
        assert!((sum - 151.0).abs() < 1e-9, "{sum}");
        // The results of an earlier process took time that this one did not.
        assert_eq!(tuning.of_run(3.0).other, 0.0);
    }
}
