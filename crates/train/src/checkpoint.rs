//! Checkpoints: everything that is needed to resume a run bit by bit, in one file.
//!
//! `checkpoint-STEP.safetensors` holds the parameters that training changes (`value.NAME`, running statistics among them)
//! and the optimizer's moments (`moment.0.NAME`) as f32, and where there are any, averages of the weights (`average.NAME`), the
//! weights of a method's moving reference (`reference.NAME`) and the method's state (`state.NAME`); the rest (step, epoch, records, identity) is JSON in the file's
//! metadata. The order of samples and their views follow from the seed and the step, so there is no random state to store.
//! The best weights so far are in a file of their own, `best-STEP.safetensors`, written before the checkpoint that names it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ranktune_core::files::replace_atomically;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::identity::Identity;
use crate::outcome::EpochRecord;
use crate::unwritable::unwritable;
use ranktune_nn::{Device, DeviceTensor};

/// Version of the format.
const VERSION: u32 = 1;
/// Key of the state in a file's metadata.
const STATE: &str = "ranktune.checkpoint";

/// The state of a run between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    pub identity: Identity,
    /// Steps done.
    pub step: u64,
    pub epoch: usize,
    /// Steps done in this epoch.
    pub step_in_epoch: usize,
    pub optimizer_steps: u64,
    /// Sums of the loss and its terms over the steps of this epoch, as bits of f64.
    pub sums: Vec<(String, u64)>,
    pub epoch_seconds: f64,
    /// The first loss and the smoothed one, as bits of f64.
    pub first_loss: u64,
    pub smooth_loss: u64,
    pub epochs: Vec<EpochRecord>,
    pub best: Option<Best>,
    pub log_bytes: Option<u64>,
    /// Shapes of the inputs at the first step.
    #[serde(rename = "fed")]
    pub input_shapes: Vec<(String, Vec<usize>)>,
}

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub epoch: usize,
    /// The validation metric, as bits of f64.
    pub value: u64,
    /// The validation loss, as bits of f64.
    pub loss: u64,
    /// Name of the file with its weights, once it is written.
    pub file: Option<String>,
}

impl State {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            version: VERSION,
            identity,
            step: 0,
            epoch: 0,
            step_in_epoch: 0,
            optimizer_steps: 0,
            sums: Vec::new(),
            epoch_seconds: 0.0,
            first_loss: f64::NAN.to_bits(),
            smooth_loss: f64::NAN.to_bits(),
            epochs: Vec::new(),
            best: None,
            log_bytes: None,
            input_shapes: Vec::new(),
        }
    }
}

/// A tensor that is copied to the host only when it is written.
struct Stored<'a> {
    tensor: &'a DeviceTensor,
    dims: Vec<usize>,
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.dims
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // The format checks the length against the shape, so a device that fails here is an error there.
        let values = self.tensor.to_values().unwrap_or_default();
        Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        4 * self.dims.iter().product::<usize>()
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    let path = path.display();
    Error::new(
        ErrorKind::Checkpoint,
        format!("{path}: {what}; delete it to resume from an older one, or start again without resuming"),
    )
}

/// What stops the writing of a checkpoint.
enum WriteError {
    Io(io::Error),
    Format(safetensors::SafeTensorError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes named tensors and a state to `folder/name`, whole or not at all.
fn write(folder: &Path, name: &str, tensors: &[(String, &DeviceTensor)], state: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let written = replace_atomically(&path, |temporary| {
        let views = tensors.iter().map(|(name, tensor)| {
            let dims = tensor.dims();
            (name.as_str(), Stored { tensor, dims })
        });
        let metadata = HashMap::from([(STATE.to_owned(), state.to_owned())]);
        safetensors::serialize_to_file(views, Some(metadata), temporary).map_err(|error| match error {
            safetensors::SafeTensorError::IoError(error) => WriteError::Io(error),
            error => WriteError::Format(error),
        })
    });
    match written {
        Ok(()) => Ok(path),
        Err(WriteError::Io(error)) => Err(unwritable(&path, error)),
        Err(WriteError::Format(error)) => {
            Err(Error::new(ErrorKind::File, format!("{}: cannot be written", path.display())).caused_by(error))
        }
    }
}

/// The number in a file name such as `checkpoint-000120.safetensors`.
fn number(path: &Path, prefix: &str) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(prefix)?.strip_suffix(".safetensors")?.parse().ok()
}

/// The files of a kind in `folder`, newest first.
fn list(folder: &Path, prefix: &str) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| Some((number(&entry.path(), prefix)?, entry.path())))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

/// Writes the weights of the best epoch. Returns the file's name.
pub(crate) fn write_best(folder: &Path, step: u64, tensors: &[(String, &DeviceTensor)]) -> Result<String> {
    let name = format!("best-{step:08}.safetensors");
    write(folder, &name, tensors, "")?;
    Ok(name)
}

/// Writes a checkpoint, then removes all but the newest `keep` and the best weights that no kept one names.
pub(crate) fn write_state(
    folder: &Path,
    state: &State,
    tensors: &[(String, &DeviceTensor)],
    keep: usize,
) -> Result<PathBuf> {
    let text = serde_json::to_string(state)
        .map_err(|error| damaged(folder, "the training state cannot be written").caused_by(error))?;
    let name = format!("checkpoint-{:08}.safetensors", state.step);
    let path = write(folder, &name, tensors, &text)?;
    let mut needed: Vec<String> = state.best.iter().filter_map(|best| best.file.clone()).collect();
    for (at, (_, old)) in list(folder, "checkpoint-").into_iter().enumerate() {
        if at < keep.max(1) {
            needed.extend(read_state(&old).ok().and_then(|state| state.best?.file));
        } else {
            // Best effort: an old checkpoint too many does no harm.
            let _ = fs::remove_file(old);
        }
    }
    for (_, old) in list(folder, "best-") {
        let name = old.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| !needed.contains(&name)) {
            let _ = fs::remove_file(old);
        }
    }
    Ok(path)
}

/// The newest checkpoint of `folder`.
pub(crate) fn newest(folder: &Path) -> Option<PathBuf> {
    list(folder, "checkpoint-").into_iter().next().map(|(_, path)| path)
}

/// The header of a file, which is small.
fn read_header(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| damaged(path, "cannot be read").caused_by(error);
    let mut file = File::open(path).map_err(failed)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(failed)?;
    let count = u64::from_le_bytes(length);
    if count > 100_000_000 {
        return Err(damaged(path, "is not a checkpoint"));
    }
    let mut header = Vec::new();
    file.take(count).read_to_end(&mut header).map_err(failed)?;
    Ok(header)
}

/// The state in a checkpoint, without reading its tensors.
pub(crate) fn read_state(path: &Path) -> Result<State> {
    let header: serde_json::Value = serde_json::from_slice(&read_header(path)?)
        .map_err(|error| damaged(path, "is not a complete checkpoint").caused_by(error))?;
    let text = header
        .pointer(&format!("/__metadata__/{STATE}"))
        .and_then(serde_json::Value::as_str);
    let text = text.ok_or_else(|| damaged(path, "holds no training state"))?;
    let version: Option<u64> = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("version")?.as_u64());
    if version != Some(u64::from(VERSION)) {
        let found = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        return Err(damaged(
            path,
            &format!("the checkpoint has version {found}, expected {VERSION}"),
        ));
    }
    serde_json::from_str(text).map_err(|error| damaged(path, "the training state is damaged").caused_by(error))
}

/// The file of the best weights that the checkpoint at `path` names, which lies beside it.
pub(crate) fn best_file(path: &Path, name: &str) -> Result<PathBuf> {
    let file = path.with_file_name(name);
    // A checkpoint may come from someone else: no name leads out of its folder.
    if file.file_name().and_then(|own| own.to_str()) != Some(name) || number(&file, "best-").is_none() {
        return Err(damaged(
            path,
            &format!("names {name:?} as the file of the best weights"),
        ));
    }
    Ok(file)
}

/// All tensors of a file, by name.
pub(crate) fn read_tensors(path: &Path, device: &Device) -> Result<Vec<(String, DeviceTensor)>> {
    let bytes = fs::read(path).map_err(|error| damaged(path, "cannot be read").caused_by(error))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| damaged(path, "is not a complete checkpoint").caused_by(error))?;
    file.iter()
        .map(|(name, view)| {
            if view.dtype() != Dtype::F32 {
                return Err(damaged(path, "holds a tensor that is not f32"));
            }
            let values = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect();
            Ok((
                name.to_owned(),
                DeviceTensor::from_values(view.shape(), values, device)?,
            ))
        })
        .collect()
}

/// Checks that a checkpoint belongs to the run that resumes it.
pub(crate) fn check(path: &Path, found: &Identity, wanted: &Identity) -> Result<()> {
    let differs = |what: &str, found: &str, wanted: &str| {
        Err(Error::new(
            ErrorKind::Checkpoint,
            format!(
                "{}: the checkpoint is of {what} ({found}, and this run has {wanted}); resume with the same, or start again in \
                 another folder",
                path.display()
            ),
        ))
    };
    if found.model != wanted.model {
        return differs("another model", &found.model, &wanted.model);
    }
    if found.method != wanted.method {
        return differs("another method", &found.method, &wanted.method);
    }
    if found.settings != wanted.settings {
        let pairs = |text: &str| serde_json::from_str::<serde_json::Map<_, _>>(text).unwrap_or_default();
        let (wanted, found) = (pairs(&wanted.settings), pairs(&found.settings));
        let Some((key, value)) = wanted.iter().find(|(key, value)| found.get(*key) != Some(value)) else {
            return differs("other settings", "more of them", "fewer");
        };
        let old = found.get(key).map_or_else(|| "none".to_owned(), ToString::to_string);
        return differs(&format!("other settings: {key}"), &old, &value.to_string());
    }
    if found.data != wanted.data {
        return differs("other data", &found.data, &wanted.data);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
