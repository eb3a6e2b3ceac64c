//! Scores of arrays and files, and LogME's fit.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ranktune::{ColumnEvidence, Fitted, Needs, SCORES};

use crate::arrays::{Inputs, Settings};
use crate::errors::{of_library, unusable};
use crate::session::check_process;

/// The document `ranktune.scores/1` of arrays or files, as text.
#[pyfunction]
pub(crate) fn score(py: Python<'_>, inputs: Inputs<'_>, settings: Settings) -> PyResult<String> {
    let fitted = fitted(py, &inputs, &settings)?;
    json(py, &fitted)
}

/// LogME's fit of arrays or files.
#[pyfunction]
pub(crate) fn fit(py: Python<'_>, inputs: Inputs<'_>, settings: Settings) -> PyResult<Fit> {
    Fit::of(py, fitted(py, &inputs, &settings)?)
}

/// Every score: its name, what it is, where it was published, and whether it needs probabilities instead of features.
#[pyfunction]
pub(crate) fn scores() -> Vec<(&'static str, &'static str, &'static str, bool)> {
    SCORES
        .iter()
        .map(|score| {
            let of_probabilities = score.needs == Needs::Probabilities;
            (score.name, score.summary, score.source, of_probabilities)
        })
        .collect()
}

fn fitted(py: Python<'_>, inputs: &Inputs<'_>, settings: &Settings) -> PyResult<Fitted> {
    check_process(py)?;
    let options = settings.options(py)?;
    let files = inputs.files();
    py.detach(|| ranktune::fit(&files, &options))
        .map_err(|error| of_library(py, &error))
}

pub(crate) fn json(py: Python<'_>, fitted: &Fitted) -> PyResult<String> {
    ranktune_report::to_json(&fitted.scores).map_err(|error| unusable(py, &error.to_string()))
}

/// LogME's fit.
#[pyclass(frozen, module = "ranktune._ranktune")]
pub(crate) struct Fit {
    json: String,
    names: Vec<String>,
    n_features: usize,
    fit: std::sync::Arc<ranktune::Fit>,
}

impl Fit {
    pub(crate) fn of(py: Python<'_>, fitted: Fitted) -> PyResult<Self> {
        let json = json(py, &fitted)?;
        let fit = fitted
            .logme
            .ok_or_else(|| unusable(py, "logme is not among the scores"))?;
        Ok(Self {
            json,
            names: fitted.names,
            n_features: fitted.scores.features,
            fit,
        })
    }

    fn of_columns(&self, value: fn(&ColumnEvidence) -> f64) -> Vec<f64> {
        self.fit.evidence().columns.iter().map(value).collect()
    }
}

#[pymethods]
impl Fit {
    /// The document `ranktune.scores/1`.
    #[getter]
    fn json(&self) -> &str {
        &self.json
    }

    /// LogME.
    #[getter]
    fn value(&self) -> f64 {
        self.fit.evidence().value
    }

    /// Names of the classes, labels or target columns that the columns are of.
    #[getter]
    fn names(&self) -> Vec<&str> {
        let columns = self.fit.evidence().columns.iter();
        columns
            .filter_map(|column| self.names.get(column.column).map(String::as_str))
            .collect()
    }

    /// The evidence of each column, `[c]`.
    #[getter]
    fn evidences(&self) -> Vec<f64> {
        self.of_columns(|column| column.evidence)
    }

    /// The prior precision of each column, `[c]`.
    #[getter]
    fn alpha(&self) -> Vec<f64> {
        self.of_columns(|column| column.alpha.unwrap_or(f64::INFINITY))
    }

    /// The noise precision of each column, `[c]`.
    #[getter]
    fn beta(&self) -> Vec<f64> {
        self.of_columns(|column| column.beta.unwrap_or(f64::INFINITY))
    }

    /// Where the maximum of each column lies.
    #[getter]
    fn status(&self) -> Vec<&'static str> {
        let columns = self.fit.evidence().columns.iter();
        columns.map(|column| column.status.name()).collect()
    }

    /// The posterior means of the weights, `[c, d]`, as the bytes of numbers in double precision.
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        check_process(py)?;
        let bytes = py.detach(|| {
            let weights = self.fit.weights();
            weights
                .iter()
                .flat_map(|weight| weight.to_ne_bytes())
                .collect::<Vec<u8>>()
        });
        Ok(PyBytes::new(py, &bytes))
    }

    /// Number of features, `d`.
    #[getter]
    fn n_features(&self) -> usize {
        self.n_features
    }
}
