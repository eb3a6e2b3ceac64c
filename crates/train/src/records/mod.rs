//! What a run leaves to read: a log of JSON lines, and TensorBoard's event files.

mod log;
mod tensorboard;

use std::path::Path;
use std::time::Instant;

use super::{EpochRecord, TrainOptions};
use ranktune_nn::{Error, ErrorKind, Result};

pub(super) use log::Log;
pub(super) use tensorboard::Events;

/// What is recorded of a step.
#[derive(Debug)]
pub(super) struct StepRecord<'a> {
    pub step: u64,
    pub epoch: usize,
    pub loss: f32,
    pub parts: &'a [(&'static str, f32)],
    pub learning_rate: f32,
    pub seconds: f64,
}

/// Both records, where they are asked for.
#[derive(Debug)]
pub(super) struct Records {
    log: Option<Log>,
    events: Option<Events>,
    flushed: Instant,
}

impl Records {
    /// Begins them, or goes on: `log_bytes` of the log were written before the checkpoint.
    pub(super) fn open(options: &TrainOptions, log_bytes: Option<u64>) -> Result<Self> {
        Ok(Self {
            log: match &options.log {
                Some(path) => Some(Log::open(path, log_bytes)?),
                None => None,
            },
            events: match &options.tensorboard {
                Some(folder) => Some(Events::create(folder)?),
                None => None,
            },
            flushed: Instant::now(),
        })
    }

    pub(super) fn step(&mut self, record: &StepRecord<'_>) -> Result<()> {
        if let Some(log) = &mut self.log {
            log.step(record)?;
        }
        if let Some(events) = &mut self.events {
            events.scalar("train/loss", record.step, record.loss)?;
            for (name, value) in record.parts {
                events.scalar(&format!("train/{name}"), record.step, *value)?;
            }
            events.scalar("train/learning_rate", record.step, record.learning_rate)?;
        }
        // Who looks on wants to see something; a write a step would cost small models.
        if self.flushed.elapsed().as_secs_f64() > 2.0 {
            self.flush()?;
        }
        Ok(())
    }

    pub(super) fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        if let Some(log) = &mut self.log {
            log.epoch(record)?;
        }
        if let (Some(events), Some(validation)) = (&mut self.events, &record.validation) {
            events.scalar("validation/loss", record.step, validation.loss as f32)?;
            events.scalar(
                &format!("validation/{}", validation.metric),
                record.step,
                validation.value as f32,
            )?;
        }
        self.flush()
    }

    /// Puts everything on disk; gives the length of the log.
    pub(super) fn sync(&mut self) -> Result<Option<u64>> {
        self.flush()?;
        self.log.as_mut().map(Log::sync).transpose()
    }

    fn flush(&mut self) -> Result<()> {
        self.flushed = Instant::now();
        if let Some(log) = &mut self.log {
            log.flush()?;
        }
        if let Some(events) = &mut self.events {
            events.flush()?;
        }
        Ok(())
    }
}

/// A file that cannot be written.
pub(super) fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{}: cannot be written", path.display())).caused_by(error)
}
