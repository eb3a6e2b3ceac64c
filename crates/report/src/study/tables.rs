//! The tables of a study for other programs.

use std::collections::BTreeSet;

use csv::Writer;

use super::{Study, StudyCell, StudyRanking};

impl Study {
    /// `accuracies.csv`: one row for every tuning, also those that failed. `record import` reads it.
    pub fn accuracies_csv(&self, cells: &[StudyCell]) -> String {
        let digest = |model: &str| {
            let model = self.models.iter().find(|known| known.name == model);
            model.map_or("", |model| model.digest.as_str())
        };
        let protocol = |cell: &StudyCell| {
            let row = self
                .accuracies
                .iter()
                .find(|row| row.data == cell.data && row.method == cell.method);
            row.map_or("", |row| row.protocol.as_str())
        };
        let setting = |cell: &StudyCell, name: &str| match cell.settings.get(name) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        let header = [
            "data",
            "model",
            "digest",
            "method",
            "seed",
            "metric",
            "value",
            "protocol",
            "learning_rate",
            "batch_norm",
            "chosen_epoch",
            "seconds",
            "reason",
        ];
        let rows = cells.iter().map(|cell| {
            vec![
                cell.data.clone(),
                cell.model.clone(),
                digest(&cell.model).to_owned(),
                cell.method.clone(),
                cell.seed.to_string(),
                cell.metric.clone(),
                cell.value.map(|value| value.to_string()).unwrap_or_default(),
                protocol(cell).to_owned(),
                setting(cell, "learning_rate"),
                setting(cell, "batch_norm"),
                cell.chosen_epoch.to_string(),
                format!("{:.2}", cell.seconds),
                cell.reason.clone().unwrap_or_default(),
            ]
        });
        text(header.map(str::to_owned).to_vec(), rows)
    }
}

/// `scores.csv`: one row for every model on every data set, one column for every score.
pub fn scores_csv(rankings: &[StudyRanking]) -> String {
    let models = || {
        rankings.iter().flat_map(|ranked| {
            let models = ranked.ranking.iter().flat_map(|ranking| &ranking.models);
            models.map(move |model| (&ranked.data, model))
        })
    };
    let mut seen = BTreeSet::new();
    let names: Vec<&String> = models()
        .flat_map(|(_, model)| model.scores.keys())
        .filter(|name| seen.insert(*name))
        .collect();
    let mut header = ["data", "model", "digest"].map(str::to_owned).to_vec();
    header.extend(names.iter().map(|name| (*name).clone()));
    header.extend(["extract_seconds", "score_seconds"].map(str::to_owned));
    let rows = models().map(|(data, model)| {
        let mut row = vec![data.clone(), model.name.clone(), model.digest.clone()];
        let value = |name: &&String| model.score(name).map(|value| value.to_string()).unwrap_or_default();
        row.extend(names.iter().map(value));
        row.extend([model.seconds.extract, model.seconds.score].map(|seconds| format!("{seconds:.3}")));
        row
    });
    text(header, rows)
}

/// Rows under a header, as CSV.
fn text(header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = Writer::from_writer(Vec::new());
    for row in std::iter::once(header).chain(rows) {
        // Writing to memory fails only for rows of different lengths.
        let written = writer.write_record(&row);
        debug_assert!(written.is_ok(), "a cell for every column");
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
