//! From errors to exceptions: the sentence is the command line's, the class says what its exit code says.

use culturemert::exit::Failure;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// An exception of `culturemert/errors.py`, where each class can have two bases.
fn raise(cell: &PyOnceLock<Py<PyType>>, name: &str, sentence: String) -> PyErr {
    Python::attach(|py| match cell.import(py, "culturemert.errors", name) {
        Ok(class) => PyErr::from_type(class.clone(), sentence),
        Err(error) => error,
    })
}

/// The request was wrong.
pub(crate) fn usage(sentence: impl Into<String>) -> PyErr {
    static USAGE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    raise(&USAGE, "UsageError", sentence.into())
}

/// The exception of an error.
pub(crate) fn exception(error: &anyhow::Error) -> PyErr {
    static WORK: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let sentence = format!("{error:#}");
    match Failure::of(error) {
        Failure::Usage => usage(sentence),
        Failure::Work => raise(&WORK, "WorkError", sentence),
        Failure::Interrupted => PyKeyboardInterrupt::new_err(sentence),
    }
}
