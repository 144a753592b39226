//! JSON lines: one object a line.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::row::{Row, known_column};
use crate::CorpusError;

/// The rows and the keys that nothing reads.
pub(super) fn read(index: &Path, text: &str) -> Result<(Vec<Row>, Vec<String>), CorpusError> {
    let mut rows = Vec::new();
    let mut ignored = BTreeSet::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let fail = |reason: String| CorpusError::IndexLine { index: index.into(), line, reason };
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| fail(format!("it is not a JSON object: {error}")))?;
        let mut row = Row { line, ..Row::default() };
        for (key, value) in object {
            let Some(column) = known_column(&key) else {
                ignored.insert(key);
                continue;
            };
            match (column, value) {
                (_, Value::Null) => {}
                ("tags", Value::Array(tags)) => {
                    let texts = tags.iter().map(|tag| tag.as_str().map(ToOwned::to_owned));
                    row.tags = texts
                        .collect::<Option<_>>()
                        .ok_or_else(|| fail("its tags are not all strings".into()))?;
                }
                (_, Value::String(text)) => row.set(column, &text).map_err(fail)?,
                // Groups are often numbers in the tables of archives.
                ("group", Value::Number(number)) => row.group = number.to_string(),
                ("group", Value::Array(groups)) => {
                    let texts: Option<Vec<&str>> = groups.iter().map(Value::as_str).collect();
                    row.group = texts.ok_or_else(|| fail("its groups are not all strings".into()))?.join(";");
                }
                ("start", Value::Number(number)) => row.start = number.to_string(),
                ("end", Value::Number(number)) => row.end = number.to_string(),
                (_, other) => return Err(fail(format!("its `{key}` is {other}, not a string"))),
            }
        }
        rows.push(row);
    }
    Ok((rows, ignored.into_iter().collect()))
}
