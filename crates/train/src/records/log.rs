//! `log.jsonl`: one line per step (`loss`), and one per epoch (`epoch_loss`, and `validation_…`).

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::step_record::StepRecord;
use crate::error::Result;
use crate::outcome::EpochRecord;
use crate::unwritable::unwritable;

/// An open log.
#[derive(Debug)]
pub(crate) struct Log {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Log {
    /// Starts a log; with `keep`, continues after that many bytes of an existing one.
    pub(super) fn open(path: &Path, keep: Option<u64>) -> Result<Self> {
        let failed = |error| unwritable(path, error);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let kept = keep.unwrap_or(0).min(length);
        file.set_len(kept).map_err(failed)?;
        file.seek(SeekFrom::Start(kept)).map_err(failed)?;
        Ok(Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
        })
    }

    pub(super) fn step(&mut self, record: &StepRecord<'_>) -> Result<()> {
        let mut line = Map::new();
        line.insert("step".to_owned(), json!(record.step));
        line.insert("epoch".to_owned(), json!(record.epoch));
        line.insert("loss".to_owned(), json!(record.loss));
        for (name, value) in record.parts {
            line.insert((*name).to_owned(), json!(value));
        }
        line.insert("learning_rate".to_owned(), json!(record.learning_rate));
        line.insert("seconds".to_owned(), json!((record.seconds * 1e6).round() / 1e6));
        self.line(&Value::Object(line))
    }

    pub(super) fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        let mut line = json!({
            "epoch": record.epoch,
            "step": record.step,
            "epoch_loss": record.loss,
            "epoch_parts": record.parts.iter().cloned().map(|(name, value)| (name, json!(value))).collect::<Map<_, _>>(),
            "epoch_seconds": record.seconds,
        });
        if let (Some(validation), Some(line)) = (&record.validation, line.as_object_mut()) {
            line.insert("validation_loss".to_owned(), json!(validation.loss));
            line.insert(format!("validation_{}", validation.metric), json!(validation.value));
            if let Some(f1) = validation.f1_macro {
                line.insert("validation_f1_macro".to_owned(), json!(f1));
            }
        }
        self.line(&line)
    }

    fn line(&mut self, value: &Value) -> Result<()> {
        writeln!(self.file, "{value}").map_err(|error| unwritable(&self.path, error))
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| unwritable(&self.path, error))
    }

    /// Syncs the log to disk. Returns its length.
    pub(super) fn sync(&mut self) -> Result<u64> {
        self.flush()?;
        let failed = |error| unwritable(&self.path, error);
        let file = self.file.get_mut();
        file.sync_data().map_err(failed)?;
        file.stream_position().map_err(failed)
    }
}
