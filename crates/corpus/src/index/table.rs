//! TSV and CSV: a header line that names the columns, then one recording a line.

use std::path::Path;

use super::row::{Row, known_column};
use crate::CorpusError;

#[derive(Clone, Copy)]
pub(super) enum Delimiter {
    /// Tab separated without quoting: quotation marks are text, as in most archives' exports.
    Tab,
    /// Comma separated with the usual quoting.
    Comma,
}

/// The rows of a table and the columns that nothing reads.
pub(super) fn read(
    index: &Path,
    text: &str,
    delimiter: Delimiter,
) -> Result<(Vec<Row>, Vec<String>), CorpusError> {
    let (byte, quoting) = match delimiter {
        Delimiter::Tab => (b'\t', false),
        Delimiter::Comma => (b',', true),
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(byte)
        .quoting(quoting)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let failed = |error: csv::Error| CorpusError::Index { index: index.into(), reason: error.to_string() };
    let header = records.next().transpose().map_err(failed)?.unwrap_or_default();
    let (columns, ignored) = columns(index, &header)?;
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let fail = |reason: String| CorpusError::IndexLine { index: index.into(), line, reason };
        if record.len() != header.len() {
            return Err(fail(format!("it has {} fields, the header has {}", record.len(), header.len())));
        }
        let mut row = Row { line, ..Row::default() };
        for (name, text) in columns.iter().zip(&record) {
            if let Some(name) = name {
                row.set(name, text).map_err(fail)?;
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
