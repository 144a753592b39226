//! The annotation file of one recording, as archives publish them: numbers in lines, with tabs, commas or spaces between.

use std::path::{Component, Path, PathBuf};

use files::FilesError;

use super::read::{frequency, time};
use crate::CorpusError;

/// Times, and the numbers beside them where a melody is read.
pub(super) fn read(
    table: &Path,
    line: u64,
    named: &str,
    is_melody: bool,
) -> Result<Vec<(f64, f64)>, CorpusError> {
    let path = beside(table, named).map_err(|reason| CorpusError::IndexLine {
        index: table.into(),
        line,
        reason,
    })?;
    let text = std::fs::read_to_string(&path).map_err(FilesError::io("read", &path))?;
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut fields = line.split(['\t', ',', ' ', ';']).map(str::trim).filter(|field| !field.is_empty());
        let Some(first) = fields.next().filter(|first| !first.starts_with('#')) else { continue };
        // A first line in words names columns.
        if number == 1 && first.parse::<f64>().is_err() {
            continue;
        }
        let fail = |reason: String| CorpusError::IndexLine { index: path.clone(), line: number, reason };
        let hz = match (is_melody, fields.next()) {
            (false, _) => 0.0,
            (true, Some(text)) => frequency(text).map_err(fail)?,
            (true, None) => return Err(fail("it has a time and no frequency".into())),
        };
        rows.push((time(first).map_err(fail)?, hz));
    }
    Ok(rows)
}

/// A file beside the table; its name may not lead out of the table's folder.
fn beside(table: &Path, named: &str) -> Result<PathBuf, String> {
    let named = Path::new(named);
    let stays = named.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if named.as_os_str().is_empty() || !stays {
        return Err(format!("`{}` is no file below the table's folder", named.display()));
    }
    Ok(table.parent().unwrap_or_else(|| Path::new("")).join(named))
}
