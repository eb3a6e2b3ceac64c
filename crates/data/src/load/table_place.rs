//! Where a row of a table stands, for errors and notes.

use std::path::PathBuf;

/// A table of a data set, for the places of its rows.
#[derive(Clone, Debug)]
pub(super) struct TablePlace {
    pub(super) file: PathBuf,
    pub(super) unit: &'static str,
    /// Whether the data set has several tables.
    pub(super) is_shard: bool,
}

impl TablePlace {
    /// The place of the row at `position`.
    pub(super) fn of(&self, position: u64) -> String {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        if self.is_shard {
            format!("{name}, {} {position}", self.unit)
        } else {
            format!("{} {position}", self.unit)
        }
    }
}
