//! `ranktune.pull/1`: downloaded models and their folders.

use serde::{Deserialize, Serialize};

use crate::format::bytes;
use crate::omitted::skipped_lines;
use crate::ranking::SkippedModel;
use crate::table::{Align, Table};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.pull/1";

/// Models in the download cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// [`SCHEMA`].
    pub schema: String,
    /// By name.
    pub models: Vec<PulledModel>,
    /// Models that could not be downloaded or used.
    pub skipped: Vec<SkippedModel>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PulledModel {
    /// Name in the hub.
    pub name: String,
    /// The repository at its commit, in the form of `--hub`: `hf:ORGANISATION/NAME@COMMIT`.
    pub source: String,
    /// The folder that holds its files.
    pub folder: String,
    /// Names in the folder; the ONNX file comes first.
    pub files: Vec<String>,
    /// Total size of the files.
    pub bytes: u64,
}

impl Pull {
    /// The models as a table.
    pub fn table(&self) -> String {
        let mut table = Table::new(&[
            ("model", Align::Left),
            ("source", Align::Left),
            ("file", Align::Left),
            ("size", Align::Right),
        ]);
        for model in &self.models {
            table.row(vec![
                model.name.clone(),
                model.source.clone(),
                model.files.first().cloned().unwrap_or_default(),
                bytes(model.bytes),
            ]);
        }
        table.render() + &skipped_lines(&self.skipped)
    }
}
