//! What a study measured, as rows of a record.

use serde_json::{Map, json};

use super::Study;
use crate::record::{Record, RecordRow};

impl Study {
    /// `record.jsonl`: a row for every model, data set and method, with the mean over seeds, and one for every length of its trials.
    pub fn record(&self) -> Record {
        let rows = self.accuracies.iter().flat_map(|row| {
            let model = self.models.iter().find(|model| model.name == row.model);
            let mut other = Map::new();
            other.insert("seeds".to_owned(), json!(row.values.len()));
            other.insert("deviation".to_owned(), json!(row.deviation));
            let full = RecordRow {
                digest: model.map(|model| model.digest.clone()),
                scores: row.scores.clone(),
                source: "ranktune study".to_owned(),
                other,
                // The data set is known by its name: its digest in the study is of training and test samples together.
                ..RecordRow::new(&row.model, &row.data, &row.metric, row.value, &row.protocol)
            };
            let mut rows = vec![full.clone()];
            rows.extend(row.rungs.iter().map(|rung| RecordRow {
                value: rung.value,
                rung: Some(rung.rung.clone()),
                source: "ranktune study, on its held-out samples".to_owned(),
                other: Map::new(),
                ..full.clone()
            }));
            rows
        });
        Record { rows: rows.collect() }
    }
}
