//! How far a model is.

use super::run::Outcome;
use super::sink::{ExtractedFeatures, Sink};
use crate::Error;
use crate::store::{EntryState, Key, Store};

/// A model on its way.
pub(super) struct Job {
    pub(super) state: State,
    pub(super) seconds: f64,
    pub(super) extracted: usize,
    pub(super) counts: Counts,
    /// Left alone from now on.
    pub(super) idle: bool,
}

/// What is told of the samples that a model has met.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) unreadable: usize,
    /// Longer than the model takes.
    pub(super) cut: usize,
}

pub(super) enum State {
    /// Rows are missing.
    Active(Sink),
    /// Another process is writing the entry.
    Busy(Key),
    /// Complete or failed, and not yet handed over.
    Ended(Result<ExtractedFeatures, Error>),
    /// Handed over.
    Over,
}

impl Job {
    pub(super) fn new(state: State) -> Self {
        Self {
            state,
            seconds: 0.0,
            extracted: 0,
            counts: Counts::default(),
            idle: false,
        }
    }

    /// Rows done, where some are missing.
    pub(super) fn rows_done(&self) -> Option<usize> {
        match &self.state {
            State::Active(sink) if !self.idle => Some(sink.rows_done()),
            _ => None,
        }
    }

    pub(super) fn take_outcome(&mut self, rows: usize) -> Option<Outcome> {
        let complete = self.rows_done().is_some_and(|done| done >= rows);
        if !complete && !matches!(self.state, State::Ended(_)) {
            return None;
        }
        let features = match std::mem::replace(&mut self.state, State::Over) {
            State::Active(sink) => sink.finish(),
            State::Ended(result) => result,
            State::Busy(_) | State::Over => return None,
        };
        Some(Outcome {
            features,
            seconds: self.seconds,
            extracted: self.extracted,
        })
    }

    pub(super) fn wait(&mut self, store: Option<&Store>) {
        if let (State::Busy(key), Some(store)) = (&self.state, store) {
            self.state = state(store.wait_for(key), *key).unwrap_or_else(|_| State::Active(Sink::memory()));
        }
    }
}

pub(super) fn state(entry: Result<EntryState, Error>, key: Key) -> Result<State, Error> {
    Ok(match entry? {
        EntryState::Complete(reader) => State::Ended(Ok(ExtractedFeatures::stored(reader))),
        EntryState::Partial(writer) | EntryState::Absent(writer) => State::Active(Sink::Store(Box::new(writer))),
        EntryState::Busy => State::Busy(key),
    })
}
