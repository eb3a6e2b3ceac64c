//! The records of a run: a log of JSON lines, and TensorBoard's event files.

mod log;
mod step_record;
mod tensorboard;

use std::time::Instant;

use crate::error::Result;
use crate::options::TrainOptions;
use crate::outcome::EpochRecord;

use log::Log;
pub(crate) use step_record::StepRecord;
use tensorboard::Events;

/// Both records, as far as the options ask for them.
#[derive(Debug)]
pub(crate) struct Records {
    log: Option<Log>,
    events: Option<Events>,
    flushed: Instant,
}

impl Records {
    /// Opens the records. A resumed run keeps the first `log_bytes` of the log, which were written before its checkpoint.
    pub(crate) fn open(options: &TrainOptions, log_bytes: Option<u64>) -> Result<Self> {
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

    pub(crate) fn step(&mut self, record: &StepRecord<'_>) -> Result<()> {
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
        // For a reader who follows along; a write per step would slow small models down.
        if self.flushed.elapsed().as_secs_f64() > 2.0 {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
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

    /// Syncs the records to disk. Returns the length of the log.
    pub(crate) fn sync(&mut self) -> Result<Option<u64>> {
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
