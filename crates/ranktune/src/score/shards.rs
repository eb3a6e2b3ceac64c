//! Files of features with their targets and probabilities, opened and checked against each other.

use ranktune_core::counted;
use ranktune_data::arrays::{self, ArraySource, MatrixReader};
use ranktune_data::{DatasetTargets, Inference, Task};
use ranktune_scores::Probabilities;

use super::ScoreFiles;
use crate::error::{Error, ErrorKind};
use crate::scoring::Columns;

/// Shards in order: readers of features, and the targets and probabilities of all shards in memory.
pub(super) struct Shards<'a> {
    pub readers: Vec<(ArraySource<'a>, MatrixReader<'a>)>,
    pub task: Task,
    /// How the task was inferred, where an option would change it.
    pub hint: Option<String>,
    /// Of classes, labels or target columns.
    pub names: Vec<String>,
    pub columns: Columns,
    /// `[n, z]` and z
    pub probabilities: Option<(Vec<f32>, usize)>,
}

/// What the user should know of how the task was inferred: that an option would change it.
fn hint(inference: &Inference) -> Option<String> {
    let has_option = inference.reason.contains("--");
    has_option.then(|| format!("task: {} ({})", inference.task, inference.reason))
}

impl<'a> Shards<'a> {
    pub(super) fn open(files: &ScoreFiles<'a>, task: Option<Task>) -> Result<Self, Error> {
        same_count("targets", &files.targets, &files.features)?;
        if !files.probabilities.is_empty() {
            same_count("probabilities", &files.probabilities, &files.features)?;
        }
        let (parts, inference) = arrays::read_target_shards(&files.targets, task)?;
        let mut readers = Vec::with_capacity(files.features.len());
        for (i, (path, targets)) in files.features.iter().zip(&parts).enumerate() {
            let reader = MatrixReader::open(path.clone())?;
            same_rows(path, reader.n_rows(), "targets", targets.n_samples(), &files.targets[i])?;
            readers.push((path.clone(), reader));
        }
        let d = readers.first().map_or(0, |(_, reader)| reader.n_cols());
        if let Some((path, reader)) = readers.iter().find(|(_, reader)| reader.n_cols() != d) {
            let message = format!(
                "{}: features have {}, expected {d} as in {}",
                path,
                counted(reader.n_cols(), "column"),
                files.features[0]
            );
            return Err(Error::new(ErrorKind::Data, message));
        }
        let mut probabilities: Option<(Vec<f32>, usize)> = None;
        for (i, path) in files.probabilities.iter().enumerate() {
            let matrix = arrays::read_probabilities(path.clone())?;
            same_rows(
                &files.features[i],
                readers[i].1.n_rows(),
                "probabilities",
                matrix.rows,
                path,
            )?;
            match &mut probabilities {
                None => probabilities = Some((matrix.data, matrix.cols)),
                Some((data, cols)) if *cols == matrix.cols => data.extend_from_slice(&matrix.data),
                Some((_, cols)) => {
                    let message = format!(
                        "{}: probabilities have {}, expected {cols} as in {}",
                        path,
                        counted(matrix.cols, "column"),
                        files.probabilities[0]
                    );
                    return Err(Error::new(ErrorKind::Data, message));
                }
            }
        }
        let names = parts.first().map_or_else(Vec::new, |targets| targets.names().to_vec());
        let mut columns: Option<Columns> = None;
        for targets in &parts {
            let part = all(targets);
            match &mut columns {
                None => columns = Some(part),
                Some(columns) => columns.append(part),
            }
        }
        let columns = columns.ok_or_else(|| Error::new(ErrorKind::Data, "there are no targets"))?;
        Ok(Self {
            readers,
            hint: hint(&inference),
            task: inference.task,
            names,
            columns,
            probabilities,
        })
    }

    pub(super) fn n_samples(&self) -> usize {
        self.readers.iter().map(|(_, reader)| reader.n_rows()).sum()
    }

    pub(super) fn n_features(&self) -> usize {
        self.readers.first().map_or(0, |(_, reader)| reader.n_cols())
    }

    pub(super) fn probabilities_view(&self) -> Result<Option<Probabilities<'_>>, Error> {
        self.probabilities
            .as_ref()
            .map(|(data, columns)| Probabilities::new(data, *columns))
            .transpose()
            .map_err(|error| Error::new(ErrorKind::Scores, error))
    }
}

fn all(targets: &DatasetTargets) -> Columns {
    Columns::all(targets)
}

fn same_count(what: &str, files: &[ArraySource<'_>], features: &[ArraySource<'_>]) -> Result<(), Error> {
    if files.len() == features.len() {
        return Ok(());
    }
    let message = format!(
        "expected a file of {what} for each file of features, in the same order; found {} of features and {} of {what}",
        counted(features.len(), "file"),
        files.len()
    );
    Err(Error::new(ErrorKind::Arguments, message))
}

fn same_rows(
    features: &ArraySource<'_>,
    rows: usize,
    what: &str,
    found: usize,
    file: &ArraySource<'_>,
) -> Result<(), Error> {
    if rows == found {
        return Ok(());
    }
    let message = format!(
        "{features}: features have {} but {what} have {found} ({file})",
        counted(rows, "row")
    );
    Err(Error::new(ErrorKind::Data, message))
}
