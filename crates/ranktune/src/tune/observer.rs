//! Reports the events of training as progress of the command.

use std::fmt::Write as _;

use ranktune_core::{Event, Progress};
use ranktune_train::{TrainEvent, TrainObserver};

/// Reports training's events as progress.
pub(crate) struct ProgressObserver<'a> {
    /// Name of the run in progress lines.
    pub(crate) label: String,
    pub(crate) epochs: usize,
    pub(crate) progress: &'a dyn Progress,
}

impl TrainObserver for ProgressObserver<'_> {
    fn event(&self, event: TrainEvent<'_>) {
        let model = self.label.as_str();
        let count = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
        match event {
            TrainEvent::Started { steps, done, .. } => {
                let samples = count(steps);
                self.progress.event(Event::ModelStarted { model, samples });
                if done > 0 {
                    let text = format!("{model}: resumed after step {done} of {steps}");
                    self.progress.event(Event::Note(&text));
                    self.progress.event(Event::Samples {
                        model,
                        done: count(done),
                    });
                }
            }
            TrainEvent::Parts {
                samples,
                has_batch_statistics,
            } => {
                let effect = if has_batch_statistics {
                    "; BatchNormalization takes the statistics of a part, which changes the result (--batch-norm frozen does not)"
                } else {
                    ", which gives the same result up to rounding"
                };
                let text = format!("{model}: batches run in parts of at most {samples} to fit into --memory{effect}");
                self.progress.event(Event::Note(&text));
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
                        ", validation {} {:.4}, validation loss {:.4}",
                        validation.metric, validation.value, validation.loss
                    );
                }
                let _ = write!(text, ", {:.1} s", record.seconds);
                self.progress.event(Event::Done(&text));
            }
            _ => {}
        }
    }
}
