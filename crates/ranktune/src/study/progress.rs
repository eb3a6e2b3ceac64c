//! What is shown of a part while it is done: its bars, under a label. Lines of epochs and notes of every tuning would hide the study.

use ranktune_core::{Event, Progress};

/// Passes on what moves bars.
pub(super) struct Bars<'a> {
    pub(super) label: &'a str,
    pub(super) progress: &'a dyn Progress,
}

impl Progress for Bars<'_> {
    fn event(&self, event: Event<'_>) {
        let named = |model: &str| format!("{}, {model}", self.label);
        match event {
            Event::ModelStarted { model, samples } => self.progress.event(Event::ModelStarted {
                model: &named(model),
                samples,
            }),
            Event::Samples { model, done } => self.progress.event(Event::Samples {
                model: &named(model),
                done,
            }),
            Event::ModelFinished {
                model,
                seconds,
                computed,
                samples,
            } => self.progress.event(Event::ModelFinished {
                model: &named(model),
                seconds,
                computed,
                samples,
            }),
            Event::TrainingFinished { model, seconds } => self.progress.event(Event::TrainingFinished {
                model: &named(model),
                seconds,
            }),
            Event::ModelStopped { model, reason } => self.progress.event(Event::ModelStopped {
                model: &named(model),
                reason,
            }),
            _ => {}
        }
    }
}
