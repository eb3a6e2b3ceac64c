//! Statistics of samples: immutable here, added and subtracted into new ones.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ranktune::SavedStatistics;

use crate::arrays::{Inputs, Settings};
use crate::errors::of_library;
use crate::fit::{Fit, json};
use crate::session::check_process;

/// Statistics of some samples.
#[pyclass(frozen, module = "ranktune._ranktune")]
pub(crate) struct Statistics(SavedStatistics);

#[pymethods]
impl Statistics {
    /// Of arrays or files.
    #[new]
    fn new(py: Python<'_>, inputs: Inputs<'_>, settings: Settings) -> PyResult<Self> {
        check_process(py)?;
        let options = settings.options(py)?;
        let files = inputs.files();
        py.detach(|| SavedStatistics::of(&files, &options))
            .map(Self)
            .map_err(|error| of_library(py, &error))
    }

    /// From the content of a file that `ranktune score --save-statistics` writes.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        SavedStatistics::from_bytes(bytes, "the bytes")
            .map(Self)
            .map_err(|error| of_library(py, &error))
    }

    /// The content of that file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.0.to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// With those of other samples.
    fn plus(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.changed(py, |all| all.merge(&other.0))
    }

    /// Without those of samples that were added before.
    fn minus(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.changed(py, |all| all.subtract(&other.0))
    }

    /// The document `ranktune.scores/1`.
    fn score(&self, py: Python<'_>, settings: Settings) -> PyResult<String> {
        let fitted = self.fitted(py, &settings)?;
        json(py, &fitted)
    }

    /// LogME's fit.
    fn fit(&self, py: Python<'_>, settings: Settings) -> PyResult<Fit> {
        Fit::of(py, self.fitted(py, &settings)?)
    }

    /// Number of samples.
    #[getter]
    fn n_samples(&self) -> usize {
        self.0.n_samples()
    }

    /// Number of features.
    #[getter]
    fn n_features(&self) -> usize {
        self.0.n_features()
    }

    /// Names of classes, labels or target columns.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.names().to_vec()
    }

    /// The task.
    #[getter]
    fn task(&self) -> &'static str {
        self.0.task().name()
    }
}

impl Statistics {
    fn changed(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut SavedStatistics) -> Result<(), ranktune::Error> + Send,
    ) -> PyResult<Self> {
        check_process(py)?;
        py.detach(|| {
            let mut all = self.0.clone();
            change(&mut all).map(|()| Self(all))
        })
        .map_err(|error| of_library(py, &error))
    }

    fn fitted(&self, py: Python<'_>, settings: &Settings) -> PyResult<ranktune::Fitted> {
        check_process(py)?;
        let options = settings.options(py)?;
        py.detach(|| self.0.fit(&options))
            .map_err(|error| of_library(py, &error))
    }
}
