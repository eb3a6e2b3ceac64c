//! Compares a ranking with measured accuracies.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ranktune_core::terminal::shortened;
use ranktune_report::{Comparison, Ranking, comparison};
use ranktune_scores::correlation;
use ranktune_scores::scores::LOGME;

use crate::error::{Error, ErrorKind};

/// A comparison, and the models that are in only one of the files.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareOutcome {
    /// Over the models in both files.
    pub comparison: Comparison,
    /// Models that are ranked but not measured.
    pub only_in_ranking: Vec<String>,
    /// Models that are measured but not ranked.
    pub only_in_truth: Vec<String>,
}

/// Compares a ranking (`ranking.json`, or CSV with columns `model,score`) with measured accuracies (CSV with columns
/// `model,accuracy`; higher is better in both). `score` names the score of a `ranking.json`; by default the one that ordered it.
///
/// # Errors
/// A file that cannot be read, lacks a column, contains numbers that are not finite, names a model twice, or has no model in common
/// with the other file.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir()?;
/// let [ranking, truth] = ["ranking.csv", "accuracies.csv"].map(|name| folder.path().join(name));
/// std::fs::write(&ranking, "model,score\nresnet,0.8\nvit,0.9\nmixer,0.2\n")?;
/// std::fs::write(&truth, "model,accuracy\nresnet,0.91\nvit,0.89\nmixer,0.70\n")?;
/// let outcome = ranktune::compare(&ranking, &truth, None)?;
/// // Of three pairs of models one is the other way around, and the first of the ranking loses 0.02.
/// assert!((outcome.comparison.kendall_tau.unwrap() - 1.0 / 3.0).abs() < 1e-12);
/// assert!((outcome.comparison.top_1_regret - 0.02).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compare(ranking: &Path, truth: &Path, score: Option<&str>) -> Result<CompareOutcome, Error> {
    let scores = read_ranking(ranking, score)?;
    let accuracies = read_table(truth, "accuracy")?;
    let both: Vec<&String> = scores.keys().filter(|name| accuracies.contains_key(*name)).collect();
    if both.is_empty() {
        return Err(unusable(
            truth,
            format!(
                "expected models of {}, such as {}; found {}",
                ranking.display(),
                some_names(&scores),
                some_names(&accuracies)
            ),
        ));
    }
    let x: Vec<f64> = both.iter().map(|name| scores[*name]).collect();
    let y: Vec<f64> = both.iter().map(|name| accuracies[*name]).collect();
    let without = |names: &BTreeMap<String, f64>, other: &BTreeMap<String, f64>| {
        names
            .keys()
            .filter(|name| !other.contains_key(*name))
            .cloned()
            .collect()
    };
    Ok(CompareOutcome {
        comparison: Comparison {
            schema: comparison::SCHEMA.to_owned(),
            models: both.len(),
            weighted_tau: correlation::weighted_tau(&x, &y)?,
            kendall_tau: correlation::kendall_tau(&x, &y)?,
            pearson: correlation::pearson(&x, &y)?,
            spearman: correlation::spearman(&x, &y)?,
            top_1_regret: correlation::top_k_regret(&x, &y, 1)?.unwrap_or(0.0),
            top_3_regret: correlation::top_k_regret(&x, &y, 3)?.unwrap_or(0.0),
        },
        only_in_ranking: without(&scores, &accuracies),
        only_in_truth: without(&accuracies, &scores),
    })
}

fn read_ranking(path: &Path, score: Option<&str>) -> Result<BTreeMap<String, f64>, Error> {
    if path
        .extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("json"))
    {
        return read_table(path, score.unwrap_or("score"));
    }
    let text =
        fs::read_to_string(path).map_err(|error| unusable(path, format!("this file cannot be read: {error}")))?;
    let ranking: Ranking = serde_json::from_str(&text).map_err(|error| {
        unusable(
            path,
            format!("expected a ranking.json as `ranktune rank --out` writes it: {error}"),
        )
    })?;
    let mut scores = BTreeMap::new();
    for model in &ranking.models {
        let known: Vec<&str> = model.scores.keys().map(String::as_str).collect();
        let name = score.or(known.first().copied()).unwrap_or(LOGME);
        if !known.contains(&name) {
            return Err(unusable(
                path,
                format!("score {name} is not in this ranking; it has {}", known.join(", ")),
            ));
        }
        // A model for which this score is not defined (LEEP without a classifier) cannot be compared.
        if let Some(value) = model.score(name) {
            scores.insert(model.name.clone(), value);
        }
    }
    Ok(scores)
}

/// A CSV with a column `model` and a column of numbers.
fn read_table(path: &Path, column: &str) -> Result<BTreeMap<String, f64>, Error> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| unusable(path, format!("this file cannot be read: {error}")))?;
    let header = reader
        .headers()
        .map_err(|error| unusable(path, error.to_string()))?
        .clone();
    let position = |name: &str| {
        header
            .iter()
            .position(|cell| cell.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                unusable(
                    path,
                    format!(
                        "expected the columns model,{column}, found {}",
                        header.iter().collect::<Vec<_>>().join(",")
                    ),
                )
            })
    };
    let (model, value) = (position("model")?, position(column)?);
    let mut rows = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| unusable(path, error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |index: usize| record.get(index).unwrap_or_default();
        let number = cell(value)
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .ok_or_else(|| {
                unusable(
                    path,
                    format!(
                        "line {line}: expected a number in column {column}, found {:?}",
                        cell(value)
                    ),
                )
            })?;
        if rows.insert(cell(model).to_owned(), number).is_some() {
            return Err(unusable(
                path,
                format!("line {line}: model {} is named twice", cell(model)),
            ));
        }
    }
    if rows.is_empty() {
        return Err(unusable(path, "expected one row per model, found none".to_owned()));
    }
    Ok(rows)
}

fn some_names(names: &BTreeMap<String, f64>) -> String {
    names.keys().take(3).cloned().collect::<Vec<_>>().join(", ")
}

fn unusable(path: &Path, message: String) -> Error {
    // It may quote the file.
    Error::new(
        ErrorKind::Data,
        format!("{}: {}", path.display(), shortened(&message, 600)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(ranking: &str, truth: &str) -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("ranking.csv"), folder.path().join("truth.csv"));
        fs::write(&a, ranking).unwrap();
        fs::write(&b, truth).unwrap();
        (folder, a, b)
    }

    #[test]
    fn models_are_matched_by_name_whatever_their_order() {
        let (_folder, ranking, truth) = files(
            "model,score\na,3\nb,2\nc,1\nd,9\n",
            "accuracy,model\n0.5,c\n0.7,b\n0.9,a\n0.1,e\n",
        );
        let outcome = compare(&ranking, &truth, None).unwrap();
        assert_eq!(outcome.comparison.models, 3);
        assert!((outcome.comparison.kendall_tau.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(
            (outcome.only_in_ranking, outcome.only_in_truth),
            (vec!["d".to_owned()], vec!["e".to_owned()])
        );
    }

    #[test]
    fn regret_is_what_the_first_places_lose() {
        let (_folder, ranking, truth) = files(
            "model,score\na,3\nb,2\nc,1\nd,0\n",
            "model,accuracy\na,0.5\nb,0.6\nc,0.7\nd,0.9\n",
        );
        let comparison = compare(&ranking, &truth, None).unwrap().comparison;
        assert!((comparison.top_1_regret - 0.4).abs() < 1e-12);
        assert!((comparison.top_3_regret - 0.2).abs() < 1e-12);
    }

    #[test]
    fn each_way_a_file_can_be_bad_is_named() {
        let good = "model,accuracy\na,0.5\n";
        for (ranking, truth, expected) in [
            ("model,points\na,1\n", good, "expected the columns model,score"),
            (
                "model,score\na,high\n",
                good,
                "line 2: expected a number in column score",
            ),
            ("model,score\na,nan\n", good, "expected a number"),
            ("model,score\na,1\na,2\n", good, "named twice"),
            ("model,score\n", good, "found none"),
            ("model,score\nb,1\n", good, "expected models of"),
        ] {
            let (_folder, ranking, truth) = files(ranking, truth);
            let message = compare(&ranking, &truth, None).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
