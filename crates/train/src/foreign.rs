//! Entry points for what reads files that others may have changed. For fuzz targets; no part of the interface.

use std::path::Path;

use ranktune_nn::Device;

use crate::checkpoint::{read_state, read_tensors};
use crate::error::Result;

/// Reads the state and the tensors of a checkpoint.
///
/// # Errors
/// [`ErrorKind::Checkpoint`](crate::ErrorKind::Checkpoint): the file is not a checkpoint, or a damaged one.
pub fn read_checkpoint(path: &Path) -> Result<()> {
    read_state(path)?;
    read_tensors(path, &Device::flex()).map(|_| ())
}
