//! A folder of several models that predict as one: what `tune --method stacked` and `--method ensemble` write.
//!
//! | file | contents |
//! |---|---|
//! | `ensemble.json` | the members in order, and how their outputs are combined, `ranktune.ensemble/1` |
//! | `members/NAME/` | a model of a hub each, with the same labels |
//!
//! ```text
//! logits         z = Σ_k z_k(x)                                     parts of one linear head
//! probabilities  p = (1/K) Σ_k softmax(z_k(x)), z = ln p            classes
//!                p = (1/K) Σ_k σ(z_k(x)),       z = ln p − ln(1 − p)  labels
//! values         z = (1/K) Σ_k z_k(x)                               numbers
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_core::one_line;
use ranktune_data::Task;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::scoring::probabilities;
use crate::sources::Sources;

/// The file that makes a folder an ensemble.
pub(crate) const FILE: &str = "ensemble.json";

/// Name and version of the file.
pub(crate) const SCHEMA: &str = "ranktune.ensemble/1";

/// How the outputs of members are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Combination {
    /// The sum of the logits.
    Logits,
    /// The mean of the probabilities.
    Probabilities,
    /// The mean of the outputs.
    Values,
}

/// `ensemble.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EnsembleFile {
    pub(crate) schema: String,
    pub(crate) combination: Combination,
    /// Names of the folders in `members/`.
    pub(crate) members: Vec<String>,
}

impl EnsembleFile {
    pub(crate) fn new(combination: Combination, members: Vec<String>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            combination,
            members,
        }
    }

    /// The ensemble that `sources` name, with its folder; `None` where they name anything else.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`] when the file cannot be read.
    pub(crate) fn of(sources: &Sources) -> Result<Option<(PathBuf, Self)>, Error> {
        let [source] = sources.list.as_slice() else {
            return Ok(None);
        };
        let folder = PathBuf::from(source.to_string());
        let file = folder.join(FILE);
        if !file.is_file() {
            return Ok(None);
        }
        let wrong = |reason: String| Error::new(ErrorKind::Hub, format!("{}: {reason}", file.display()));
        let bytes = fs::read(&file).map_err(|error| wrong(one_line(&error)))?;
        let found: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(one_line(&error)))?;
        if found.schema != SCHEMA {
            return Err(wrong(format!("expected {SCHEMA}, found {:?}", found.schema)));
        }
        if found.members.is_empty() {
            return Err(wrong("the ensemble has no members".to_owned()));
        }
        Ok(Some((folder, found)))
    }
}

/// The folder of a member. Slashes of a repository's name would make folders.
pub(crate) fn member_folder(name: &str) -> String {
    name.replace(['/', '\\', ':'], "--")
}

/// Where a member is.
pub(crate) fn member_path(folder: &Path, member: &str) -> PathBuf {
    folder.join("members").join(member)
}

/// The combined logits of members `[n, c]` each; probabilities become the logits that have them.
#[expect(clippy::cast_possible_truncation, reason = "logits are in f32")]
pub(crate) fn combined(members: &[Vec<f32>], columns: usize, task: Task, combination: Combination) -> Vec<f32> {
    let of_labels = task == Task::MultiLabel;
    let outputs = |logits: &Vec<f32>| -> Vec<f64> {
        match combination {
            Combination::Probabilities if of_labels => {
                let share = |logit: &f32| 1.0 / (1.0 + (-f64::from(*logit)).exp());
                logits.iter().map(share).collect()
            }
            Combination::Probabilities => probabilities(logits, columns).0.into_iter().map(f64::from).collect(),
            Combination::Logits | Combination::Values => logits.iter().map(|&value| f64::from(value)).collect(),
        }
    };
    let mut sums: Vec<f64> = Vec::new();
    for member in members {
        let own = outputs(member);
        sums.resize(own.len(), 0.0);
        sums.iter_mut().zip(own).for_each(|(sum, value)| *sum += value);
    }
    let count = members.len().max(1) as f64;
    // Far below what any sum of probabilities in f32 can tell from 0.
    let tiny = 1e-30;
    let result = sums.into_iter().map(|sum| match combination {
        Combination::Logits => sum,
        Combination::Values => sum / count,
        Combination::Probabilities if of_labels => {
            let share = sum / count;
            share.max(tiny).ln() - (1.0 - share).max(tiny).ln()
        }
        Combination::Probabilities => (sum / count).max(tiny).ln(),
    });
    result.map(|value| value as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_averaged_and_come_back_from_the_logits() {
        let (a, b) = (3.0_f32.ln(), 7.0_f32.ln());
        let found = combined(
            &[vec![a, 0.0], vec![0.0, b]],
            2,
            Task::Classification,
            Combination::Probabilities,
        );
        let (shares, _) = probabilities(&found, 2);
        // (3/4 + 1/8)/2 and the rest.
        assert!(
            (shares[0] - 0.4375).abs() < 1e-6 && (shares[1] - 0.5625).abs() < 1e-6,
            "{shares:?}"
        );
        let labels = combined(&[vec![a], vec![-b]], 1, Task::MultiLabel, Combination::Probabilities);
        let share = 1.0 / (1.0 + (-f64::from(labels[0])).exp());
        assert!((share - 0.4375).abs() < 1e-6, "{share}");
    }

    #[test]
    fn logits_are_added_and_values_averaged() {
        let members = [vec![1.0, 2.0], vec![3.0, -4.0]];
        assert_eq!(
            combined(&members, 2, Task::Classification, Combination::Logits),
            [4.0, -2.0]
        );
        assert_eq!(
            combined(&members, 2, Task::Regression, Combination::Values),
            [2.0, -1.0]
        );
    }

    #[test]
    fn a_folder_without_the_file_is_no_ensemble_and_a_damaged_file_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let sources = Sources::from(place.path());
        assert_eq!(EnsembleFile::of(&sources).unwrap(), None);
        fs::write(place.path().join(FILE), "{}").unwrap();
        let error = EnsembleFile::of(&sources).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Hub);
        let file = EnsembleFile::new(Combination::Logits, vec!["a".to_owned()]);
        fs::write(place.path().join(FILE), serde_json::to_vec(&file).unwrap()).unwrap();
        assert_eq!(EnsembleFile::of(&sources).unwrap().map(|(_, found)| found), Some(file));
    }
}
