//! The progress of one model's extraction.

use super::extracted::ExtractedFeatures;
use crate::Error;

/// A model's features, or why there are none.
#[derive(Debug)]
pub struct ExtractionOutcome {
    /// The complete features, or why the model cannot be used.
    pub features: Result<ExtractedFeatures, Error>,
    /// Time of extraction in seconds; decoding counts for the first model that needs the sample.
    pub seconds: f64,
    /// Samples that the engine ran in that time; the others came from the store, or are equal to another.
    pub extracted: usize,
}

/// A model with the rows it has so far.
pub(super) struct ModelRun {
    pub(super) state: RunState,
    pub(super) seconds: f64,
    pub(super) extracted: usize,
    pub(super) counts: Counts,
    /// Whether the model is not advanced any more.
    pub(super) is_stopped: bool,
}

/// Samples that the user should know about.
#[derive(Clone, Default)]
pub(super) struct Counts {
    pub(super) unreadable: usize,
    /// The first of them by row, with the reasons.
    pub(super) first: Vec<(usize, String)>,
    /// Samples truncated to the maximum length of the model.
    pub(super) truncated: usize,
}

pub(super) enum RunState {
    /// Rows are missing.
    Active(ExtractedFeatures),
    /// Complete or failed, not yet reported.
    Ended(Result<ExtractedFeatures, Error>),
    /// Reported.
    Over,
}

impl ModelRun {
    /// A model of which `features` are there, of `samples` samples.
    pub(super) fn new(mut features: ExtractedFeatures, samples: usize) -> Self {
        let is_complete = features.leading() == samples;
        Self {
            state: if is_complete {
                RunState::Ended(Ok(features))
            } else {
                RunState::Active(features)
            },
            seconds: 0.0,
            extracted: 0,
            counts: Counts::default(),
            is_stopped: false,
        }
    }

    /// Number of rows done, if some are missing.
    pub(super) fn rows_done(&mut self) -> Option<usize> {
        match &mut self.state {
            RunState::Active(features) if !self.is_stopped => Some(features.leading()),
            _ => None,
        }
    }

    /// The outcome, once `rows` rows are done or the model has failed.
    pub(super) fn take_outcome(&mut self, rows: usize) -> Option<ExtractionOutcome> {
        let is_complete = self.rows_done().is_some_and(|done| done >= rows);
        if !is_complete && !matches!(self.state, RunState::Ended(_)) {
            return None;
        }
        let features = match std::mem::replace(&mut self.state, RunState::Over) {
            RunState::Active(mut features) => {
                features.finish();
                Ok(features)
            }
            RunState::Ended(result) => result,
            RunState::Over => return None,
        };
        Some(ExtractionOutcome {
            features,
            seconds: self.seconds,
            extracted: self.extracted,
        })
    }
}
