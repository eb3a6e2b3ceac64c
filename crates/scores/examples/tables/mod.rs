//! Tables of published accuracies, as rows of a record; see `experiments/decision/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use ranktune_scores::decision::PastResult;

pub const SCORES: [&str; 4] = ["h_score", "leep", "logme", "nce"];

/// Lower-case letters and digits, so that the tables' names meet.
fn name(text: &str) -> String {
    let plain: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    match plain.as_str() {
        "mnasnet10" => "mnasnet".to_owned(),
        "stanfordcars" => "cars".to_owned(),
        "oxfordiiitpets" => "pets".to_owned(),
        _ => plain,
    }
}

/// The rows of a table, accuracies as shares.
pub fn read(path: &Path, protocol: &str) -> Result<Vec<PastResult>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("an empty table")?.split(',').collect();
    lines
        .map(|line| {
            let cells: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
            let cell = |key: &str| cells.get(key).copied().ok_or(format!("{}: no {key}", path.display()));
            let mut scores = BTreeMap::new();
            for score in SCORES {
                if let Some(value) = cells.get(score) {
                    scores.insert(score.to_owned(), value.parse()?);
                }
            }
            Ok(PastResult {
                model: name(cell("model")?),
                data_set: name(cell("dataset")?),
                protocol: protocol.to_owned(),
                accuracy: cell("accuracy")?.parse::<f64>()? / 100.0,
                scores,
                ..PastResult::default()
            })
        })
        .collect()
}

/// The data sets of the first row's protocol.
pub fn data_sets(rows: &[PastResult]) -> BTreeSet<&str> {
    let protocol = rows.first().map(|row| row.protocol.as_str());
    let own = rows.iter().filter(|row| Some(row.protocol.as_str()) == protocol);
    own.map(|row| row.data_set.as_str()).collect()
}

/// The rows that `scored` has too, with its scores.
pub fn with_scores_of(rows: &[PastResult], scored: &[PastResult]) -> Vec<PastResult> {
    let with_scores = |row: &PastResult| {
        let same = |other: &&PastResult| other.data_set == row.data_set && other.model == row.model;
        let scores = scored.iter().find(same)?.scores.clone();
        Some(PastResult { scores, ..row.clone() })
    };
    rows.iter().filter_map(with_scores).collect()
}
