//! The index as a table: one recording a line.

use std::path::Path;

use super::row::{Row, known_column};
use crate::CorpusError;
use crate::table::{Delimiter, Rows};

/// The rows of a table and the columns that nothing reads.
pub(super) fn read(
    index: &Path,
    text: &str,
    delimiter: Delimiter,
) -> Result<(Vec<Row>, Vec<String>), CorpusError> {
    let records = Rows::open(index, text, delimiter)?;
    let (columns, ignored) = columns(index, records.header())?;
    let mut rows = Vec::new();
    for record in records {
        let (line, record) = record?;
        let mut row = Row { line, ..Row::default() };
        for (name, text) in columns.iter().zip(&record) {
            if let Some(name) = name {
                row.set(name, text).map_err(|reason| CorpusError::IndexLine {
                    index: index.into(),
                    line,
                    reason,
                })?;
            }
        }
        rows.push(row);
    }
    Ok((rows, ignored))
}

/// What each column is, in order, and the names of those that are nothing to us.
fn columns(
    index: &Path,
    header: &csv::StringRecord,
) -> Result<(Vec<Option<&'static str>>, Vec<String>), CorpusError> {
    let fail = |reason: String| CorpusError::Index { index: index.into(), reason };
    let mut columns = Vec::new();
    let mut ignored = Vec::new();
    for name in header {
        let column = known_column(name.trim());
        if column.is_some() && columns.contains(&column) {
            return Err(fail(format!("its column `{}` stands there twice", name.trim())));
        }
        if column.is_none() {
            ignored.push(name.trim().to_owned());
        }
        columns.push(column);
    }
    for needed in ["path", "culture"] {
        if !columns.contains(&Some(needed)) {
            return Err(fail(format!(
                "it has no column `{needed}`, only: {}",
                header.iter().collect::<Vec<_>>().join(", ")
            )));
        }
    }
    Ok((columns, ignored))
}
