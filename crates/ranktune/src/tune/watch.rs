//! Training's events as those of long work.

use std::fmt::Write as _;

use ranktune_core::{Event, Progress};
use ranktune_train::{Event as TrainEvent, Watch};

/// Hands training's events on.
pub(crate) struct Bridge<'a> {
    /// What the run is called in progress lines.
    pub(crate) label: String,
    pub(crate) epochs: usize,
    pub(crate) progress: &'a dyn Progress,
}

impl Watch for Bridge<'_> {
    fn event(&self, event: TrainEvent<'_>) {
        let model = self.label.as_str();
        let count = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
        match event {
            TrainEvent::Started { steps, done, .. } => {
                let samples = count(steps);
                self.progress.event(Event::ModelStarted { model, samples });
                if done > 0 {
                    let text = format!("{model}: goes on after step {done} of {steps}");
                    self.progress.event(Event::Note(&text));
                    self.progress.event(Event::Samples {
                        model,
                        done: count(done),
                    });
                }
            }
            TrainEvent::Step { step, .. } => self.progress.event(Event::Samples {
                model,
                done: count(step),
            }),
            TrainEvent::Epoch(record) => {
                let mut text = format!(
                    "{model}: epoch {}/{}, loss {:.4}",
                    record.epoch + 1,
                    self.epochs,
                    record.loss
                );
                if record.parts.len() > 1 {
                    let parts: Vec<String> = record
                        .parts
                        .iter()
                        .map(|(name, value)| format!("{name} {value:.4}"))
                        .collect();
                    let _ = write!(text, " ({})", parts.join(", "));
                }
                if let Some(validation) = &record.validation {
                    let _ = write!(
                        text,
                        ", validation {} {:.4}, loss {:.4}",
                        validation.metric, validation.value, validation.loss
                    );
                }
                let _ = write!(text, ", {:.1} s", record.seconds);
                self.progress.event(Event::Done(&text));
            }
            TrainEvent::Note(text) => self.progress.event(Event::Note(text)),
            _ => {}
        }
    }
}
