//! Files of numbers that this program wrote: JSON objects that state the version of their layout.

use std::fs;
use std::path::Path;

use files::FilesError;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::StudyError;

/// A file of numbers larger than this is not one of ours.
const LARGEST: u64 = 256 << 20;

/// The JSON in a file, of whatever layout.
pub(crate) fn read(path: &Path) -> Result<Value, StudyError> {
    let size = fs::metadata(path).map_err(FilesError::io("open", path))?.len();
    if size > LARGEST {
        return Err(not_results(path, format!("it has {size} bytes, more than the {LARGEST} allowed")));
    }
    let text = fs::read_to_string(path).map_err(FilesError::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| not_results(path, error.to_string()))
}

/// The content of the file at `path`, if its layout is `needed`.
pub(crate) fn of_schema<T: DeserializeOwned>(
    path: &Path,
    value: Value,
    needed: u32,
) -> Result<T, StudyError> {
    match value.get("schema").and_then(Value::as_u64) {
        Some(schema) if schema == u64::from(needed) => {}
        Some(found) => return Err(StudyError::Schema { path: path.into(), found, needed }),
        None => return Err(not_results(path, "it states no `schema`".into())),
    }
    serde_json::from_value(value).map_err(|error| not_results(path, error.to_string()))
}

pub(crate) fn not_results(path: &Path, reason: String) -> StudyError {
    StudyError::NotResults { path: path.into(), reason }
}
