//! The progress of one model's extraction.

use super::sink::{ExtractedFeatures, Sink};
use crate::Error;
use crate::store::{EntryState, Key, Store};

/// A model's features, or why there are none.
#[derive(Debug)]
pub struct ExtractionOutcome {
    /// The complete features, or why the model cannot be used.
    pub features: Result<ExtractedFeatures, Error>,
    /// Time of extraction in seconds; decoding counts for the first model that needs the sample.
    pub seconds: f64,
    /// Samples that the engine ran in that time; the others came from the store.
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
    Active(Sink),
    /// Another process is writing the entry.
    Busy(Key),
    /// Complete or failed, not yet reported.
    Ended(Result<ExtractedFeatures, Error>),
    /// Reported.
    Over,
}

impl RunState {
    /// The state of an entry of the store.
    pub(super) fn of_entry(entry: EntryState, key: Key) -> Self {
        match entry {
            EntryState::Complete(reader) => Self::Ended(Ok(ExtractedFeatures::stored(reader))),
            EntryState::Partial(writer) | EntryState::Absent(writer) => Self::Active(Sink::Store(Box::new(writer))),
            EntryState::Busy => Self::Busy(key),
        }
    }
}

impl ModelRun {
    pub(super) fn new(state: RunState) -> Self {
        Self {
            state,
            seconds: 0.0,
            extracted: 0,
            counts: Counts::default(),
            is_stopped: false,
        }
    }

    /// Number of rows done, if some are missing.
    pub(super) fn rows_done(&self) -> Option<usize> {
        match &self.state {
            RunState::Active(sink) if !self.is_stopped => Some(sink.rows_done()),
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
            RunState::Active(sink) => sink.finish(),
            RunState::Ended(result) => result,
            RunState::Busy(_) | RunState::Over => return None,
        };
        Some(ExtractionOutcome {
            features,
            seconds: self.seconds,
            extracted: self.extracted,
        })
    }

    /// Waits for the process that is writing the entry. If the store fails, the model starts in memory.
    pub(super) fn wait(&mut self, store: Option<&Store>) {
        if let (RunState::Busy(key), Some(store)) = (&self.state, store) {
            self.state = match store.wait_for(key) {
                Ok(entry) => RunState::of_entry(entry, *key),
                Err(_) => RunState::Active(Sink::memory()),
            };
        }
    }
}
