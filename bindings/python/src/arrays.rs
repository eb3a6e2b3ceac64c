//! Arguments that are arrays: files, or memory that Python has described (`ranktune._arrays`).

use std::path::PathBuf;

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use ranktune::{ArraySource, MemoryArray, ScoreFileOptions, ScoreFiles, StandardErrors, Task};

use crate::errors::unusable;

/// An array.
#[derive(FromPyObject)]
pub(crate) enum Given<'py> {
    /// A path, with `:name` behind it for one array of several.
    #[pyo3(transparent)]
    File(PathBuf),
    /// What it is called, its type, whether it is column-major, its shape, and its bytes.
    Memory(String, String, bool, Vec<usize>, PyReadonlyArray1<'py, u8>),
}

impl Given<'_> {
    fn source(&self, py: Python<'_>) -> PyResult<ArraySource<'_>> {
        match self {
            Self::File(path) => Ok(ArraySource::File(path.clone())),
            Self::Memory(name, dtype, column_major, shape, bytes) => Ok(ArraySource::Memory(MemoryArray {
                name: name.clone(),
                dtype: dtype.clone(),
                column_major: *column_major,
                shape: shape.clone(),
                bytes: bytes
                    .as_slice()
                    .map_err(|_| unusable(py, &format!("{name}: the array is not contiguous")))?,
            })),
        }
    }
}

/// Features, their targets, and a source classifier's probabilities, each shard by shard.
#[derive(FromPyObject)]
pub(crate) struct Inputs<'py>(Vec<Given<'py>>, Vec<Given<'py>>, Vec<Given<'py>>);

impl Inputs<'_> {
    pub(crate) fn files(&self, py: Python<'_>) -> PyResult<ScoreFiles<'_>> {
        Ok(ScoreFiles {
            features: self.0.iter().map(|each| each.source(py)).collect::<PyResult<_>>()?,
            targets: self.1.iter().map(|each| each.source(py)).collect::<PyResult<_>>()?,
            probabilities: self.2.iter().map(|each| each.source(py)).collect::<PyResult<_>>()?,
            ..ScoreFiles::default()
        })
    }
}

/// How scores are computed, with the names and values of the command line.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Settings {
    task: Option<String>,
    scores: Vec<String>,
    compat: String,
    precision: String,
    standard_errors: bool,
    seed: u64,
}

impl Settings {
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<ScoreFileOptions> {
        let refuse = |what: &str, found: &str, known: &str| {
            Err(unusable(py, &format!("{what} is {found:?}, expected one of {known}")))
        };
        let task = match self.task.as_deref() {
            None => None,
            Some("classification") => Some(Task::Classification),
            Some("multilabel") => Some(Task::MultiLabel),
            Some("regression") => Some(Task::Regression),
            Some(other) => return refuse("task", other, "classification, multilabel, regression"),
        };
        let compat = match self.compat.as_str() {
            "exact" => ranktune::Compat::Exact,
            "published" => ranktune::Compat::Published,
            other => return refuse("compat", other, "exact, published"),
        };
        let precision = match self.precision.as_str() {
            "double" => ranktune::ProductPrecision::Double,
            "fast" => ranktune::ProductPrecision::Fast,
            other => return refuse("precision", other, "double, fast"),
        };
        Ok(ScoreFileOptions {
            task,
            scores: self.scores.clone(),
            compat,
            precision,
            standard_errors: if self.standard_errors {
                StandardErrors::Jackknife { seed: self.seed }
            } else {
                StandardErrors::Without
            },
        })
    }
}
