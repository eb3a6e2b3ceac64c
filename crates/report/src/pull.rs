//! `ranktune.pull/1`: what was downloaded, and where it is.

use serde::{Deserialize, Serialize};

use crate::format::bytes;
use crate::ranking::SkippedModel;
use crate::table::{Align, Table};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.pull/1";

/// Models that are on this machine now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// [`SCHEMA`].
    pub schema: String,
    /// By name.
    pub models: Vec<PulledModel>,
    /// Models that could not be had.
    pub skipped: Vec<SkippedModel>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PulledModel {
    /// Name in the hub.
    pub name: String,
    /// The repository at its commit, as `--hub` takes it: `hf:ORGANISATION/NAME@COMMIT`.
    pub source: String,
    /// The folder that holds its files.
    pub folder: String,
    /// Names in the folder, the ONNX file's first.
    pub files: Vec<String>,
    /// Length of all files.
    pub bytes: u64,
}

impl Pull {
    /// A line a model.
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
        let skipped = self.skipped.iter();
        table.render()
            + &skipped
                .map(|model| format!("skipped {}: {}\n", model.name, model.reason))
                .collect::<String>()
    }
}
