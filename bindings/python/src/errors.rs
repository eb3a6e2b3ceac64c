//! Errors as Python's exceptions, which `ranktune._errors` defines.

use pyo3::prelude::*;
use ranktune_cli::Failure;

/// The exception called `class`, with a text.
pub(crate) fn exception(py: Python<'_>, class: &str, text: &str) -> PyErr {
    let made = py
        .import("ranktune._errors")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1((text,)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Arguments or input that cannot be used.
pub(crate) fn unusable(py: Python<'_>, text: &str) -> PyErr {
    exception(py, "InputError", text)
}

/// An error of the library.
pub(crate) fn of_library(py: Python<'_>, error: &ranktune::Error) -> PyErr {
    let class = if error.is_io() { "FileError" } else { "InputError" };
    exception(py, class, &ranktune_cli::text_of(error))
}

/// Why a command line did not do its work.
pub(crate) fn of_command(py: Python<'_>, failure: &Failure) -> PyErr {
    let class = match failure {
        Failure::Unusable(_) => "InputError",
        Failure::Io(_) => "FileError",
        Failure::Internal(_) => "InternalError",
        Failure::Interrupted => return pyo3::exceptions::PyKeyboardInterrupt::new_err(failure.to_string()),
    };
    exception(py, class, &failure.to_string())
}
