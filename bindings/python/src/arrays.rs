//! Arguments that are arrays: files, or memory that Python has described (`ranktune._arrays`).

use std::path::PathBuf;

use pyo3::prelude::*;
use ranktune::{ArraySource, MemoryArray, ScoreFileOptions, ScoreFiles, StandardErrors, Task};

use crate::errors::unusable;

/// An array.
#[derive(FromPyObject)]
pub(crate) enum Given<'py> {
    /// A path, with `:name` behind it for one array of several.
    #[pyo3(transparent)]
    File(PathBuf),
    /// What it is called, its type, whether it is column-major, its shape, and its elements.
    Memory(String, String, bool, Vec<usize>, Elements<'py>),
}

impl Given<'_> {
    fn source(&self) -> ArraySource<'_> {
        match self {
            Self::File(path) => ArraySource::File(path.clone()),
            Self::Memory(name, dtype, column_major, shape, bytes) => ArraySource::Memory(MemoryArray {
                name: name.clone(),
                dtype: dtype.clone(),
                column_major: *column_major,
                shape: shape.clone(),
                bytes: bytes.as_slice(),
            }),
        }
    }
}

/// The elements of an array of NumPy, next to each other, borrowed for as long as a call.
///
/// Python's buffers are in its stable interface from 3.11 on only, and the crate `numpy` brings a second linear algebra with it; so
/// the address is what the array says of itself (`__array_interface__`).
pub(crate) struct Elements<'py> {
    /// Owns the memory.
    _array: Bound<'py, PyAny>,
    address: usize,
    length: usize,
}

impl<'py> FromPyObject<'_, 'py> for Elements<'py> {
    type Error = PyErr;

    /// From an array of bytes in one dimension.
    fn extract(array: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = array.py();
        let interface = array.getattr("__array_interface__")?;
        let (address, _): (usize, bool) = interface.get_item("data")?.extract()?;
        let (length,): (usize,) = interface.get_item("shape")?.extract()?;
        let kind: String = interface.get_item("typestr")?.extract()?;
        if kind != "|u1" || !interface.get_item("strides")?.is_none() {
            return Err(unusable(py, "expected contiguous bytes"));
        }
        Ok(Self {
            _array: array.to_owned(),
            address,
            length,
        })
    }
}

impl Elements<'_> {
    fn as_slice(&self) -> &[u8] {
        if self.length == 0 || self.address == 0 {
            return &[];
        }
        #[expect(unsafe_code, reason = "memory that Python owns has no lifetime in Rust")]
        // SAFETY: NumPy says that `length` initialised bytes are at this address, bytes need no alignment, and the array that owns
        // them is kept alive by `self`, from which the slice is borrowed. An array that is referred to is not resized. As with any
        // array that is handed to compiled code, another thread must not write to it meanwhile.
        unsafe {
            std::slice::from_raw_parts(self.address as *const u8, self.length)
        }
    }
}

/// Features, their targets, and a source classifier's probabilities, each shard by shard.
#[derive(FromPyObject)]
pub(crate) struct Inputs<'py>(Vec<Given<'py>>, Vec<Given<'py>>, Vec<Given<'py>>);

impl Inputs<'_> {
    pub(crate) fn files(&self) -> ScoreFiles<'_> {
        ScoreFiles {
            features: self.0.iter().map(Given::source).collect(),
            targets: self.1.iter().map(Given::source).collect(),
            probabilities: self.2.iter().map(Given::source).collect(),
            ..ScoreFiles::default()
        }
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
