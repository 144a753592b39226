//! Values between Rust and Python: documents, arrays, paths.

use std::path::PathBuf;

use numpy::ndarray::IntoDimension;
use numpy::{Element, IntoPyArray, PyArray, PyArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use serde_json::Value;

use crate::errors::{exception, usage};
use crate::model::Model;

/// A document as `json.loads` reads what the command prints.
pub(crate) fn document<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "json"))?.call_method1(intern!(py, "loads"), (json,))
}

/// What can be written as a document, written.
pub(crate) fn json(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| exception(&error.into()))
}

/// Python's own JSON of a value.
pub(crate) fn dumped(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = value.py();
    py.import(intern!(py, "json"))?.call_method1(intern!(py, "dumps"), (value,))?.extract()
}

/// Elements in C order as an array.
pub(crate) fn array<T: Element, D: IntoDimension>(
    py: Python<'_>,
    elements: Vec<T>,
    shape: D,
) -> PyResult<Bound<'_, PyArray<T, D::Dim>>> {
    elements.into_pyarray(py).reshape(shape)
}

/// A model directory: a path, or a loaded model.
pub(crate) struct ModelPath(pub(crate) PathBuf);

impl<'py> FromPyObject<'_, 'py> for ModelPath {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.cast::<Model>() {
            Ok(model) => Ok(Self(model.get().path().to_owned())),
            Err(_) => object.extract().map(Self),
        }
    }
}

/// One value, or several.
pub(crate) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<'py, T> FromPyObject<'_, 'py> for OneOrMore<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        object.extract::<T>().map(Self::One).or_else(|_| object.extract().map(Self::More))
    }
}

impl<T> OneOrMore<T> {
    pub(crate) fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::More(more) => more,
        }
    }
}

/// How the values of a mapping are written on the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are: names, paths, numbers.
    Bare,
    /// As TOML, text in quotes.
    Toml,
}

/// Pairs `NAME=VALUE` as the command line has them, from a mapping.
pub(crate) fn pairs(name: &str, mapping: Option<&Bound<'_, PyAny>>, form: Form) -> PyResult<Vec<String>> {
    let Some(mapping) = mapping else { return Ok(Vec::new()) };
    let items = mapping
        .call_method0(intern!(mapping.py(), "items"))
        .map_err(|_| usage(format!("`{name}` is no mapping of names to values")))?;
    let mut pairs = Vec::new();
    for item in items.try_iter()? {
        let (key, value): (String, Bound<'_, PyAny>) = item?.extract()?;
        let value = match value.extract::<PathBuf>() {
            Ok(text) if form == Form::Bare => text.to_string_lossy().into_owned(),
            _ => {
                let json = dumped(&value)?;
                let json = serde_json::from_str(&json)
                    .map_err(|error| usage(format!("`{name}` of `{key}` is `{json}`: {error}")))?;
                toml(&json)
            }
        };
        pairs.push(format!("{key}={value}"));
    }
    Ok(pairs)
}

/// A document as a value of TOML. Texts, numbers and lists are written alike; nothing is left without a value there, and the reader says so.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{} = {}", Value::from(key.as_str()), toml(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}
