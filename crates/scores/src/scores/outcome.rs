//! The result of a score.

use crate::evidence::{Evidence, LeftOutClasses};

/// A value is the largest that there is where less than this is missing, as a part of it.
const SATURATED: f64 = 1e-9;

/// The value of a score, and for LogME the evidence of its columns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScoreOutcome {
    /// The score; higher is better.
    pub value: f64,
    /// LogME's columns.
    pub evidence: Option<Evidence>,
    /// A first-order bound of the error of LogME's value.
    pub error_bound: Option<f64>,
    /// What each sample contributes, `[n]`, where the value is their mean.
    pub samples: Option<Vec<f64>>,
    /// What is predicted of each sample without it; `loo-accuracy` of classes where all samples are predicted.
    pub left_out: Option<LeftOutClasses>,
    /// The value of predictions that know nothing of the features: the share of the largest class, for instance.
    pub chance: Option<f64>,
    /// Whether the value is the largest that the score can take for these samples, up to rounding: then it does not tell features apart
    /// that reach it, and it is the same number for all of them.
    pub is_saturated: bool,
    /// How the value was found where it is not from all samples: from a draw of them, or from statistics of groups.
    pub estimate: Option<String>,
}

impl ScoreOutcome {
    pub(super) fn of(value: f64) -> Self {
        Self {
            value,
            evidence: None,
            error_bound: None,
            samples: None,
            left_out: None,
            chance: None,
            is_saturated: false,
            estimate: None,
        }
    }

    /// Marks the value where it is `most`, the largest that there is, up to rounding. What is left below it is noise, which must order
    /// nothing.
    pub(super) fn capped(mut self, most: f64) -> Self {
        if self.value >= most - SATURATED * most.abs().max(1.0) {
            self.value = most;
            self.is_saturated = true;
            if let Some(samples) = &mut self.samples {
                samples.fill(most);
            }
        }
        self
    }

    /// The mean of what each sample contributes.
    pub(super) fn mean_of(samples: Vec<f64>) -> Self {
        let mut outcome = Self::of(samples.iter().sum::<f64>() / samples.len() as f64);
        outcome.samples = Some(samples);
        outcome
    }

    pub(super) fn with_evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }

    pub(super) fn with_chance(mut self, chance: Option<f64>) -> Self {
        self.chance = chance;
        self
    }

    pub(super) fn with_estimate(mut self, estimate: Option<String>) -> Self {
        self.estimate = estimate;
        self
    }

    /// Says that the value is that of `drawn` of `n` samples, where those are not all.
    pub(super) fn of_draw(self, drawn: usize, n: usize) -> Self {
        if drawn == n {
            return self;
        }
        let mut outcome = self.with_estimate(Some(format!(
            "from a random draw of {drawn} of {n} samples, each predicted by all others"
        )));
        outcome.samples = None;
        outcome.left_out = None;
        outcome
    }
}
