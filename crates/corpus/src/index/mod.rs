//! The list of recordings a corpus is made of: a TSV, CSV or JSON-lines file, or a folder per culture.

mod bounds;
mod combine;
mod cut;
mod folder;
mod json_lines;
mod row;
mod source_name;
mod table;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use files::FilesError;

use crate::table::Delimiter;
use crate::{CorpusError, Split, clip};

pub(crate) use bounds::fault_of_culture;
pub use cut::Cut;
pub(crate) use cut::MOST_SECONDS;

/// Largest index file we read, bytes: millions of lines.
const MAX_INDEX_BYTES: u64 = 1 << 30;

/// One recording as the index describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// File to open.
    pub path: PathBuf,
    /// Name inside the corpus: relative, with `/` between parts, never with `..`; of a piece it ends in `@START-END`.
    pub source: String,
    /// Culture as its community names it.
    pub culture: String,
    /// Split, where the index states one.
    pub split: Option<Split>,
    /// The piece of the file that is meant; `None`: all of it.
    pub cut: Option<Cut>,
    /// Performer, album or session: recordings that must not stand on both sides of a split. Several are joined by `;`.
    pub group: Option<String>,
    /// Tags `namespace:value` in the order given, without repetition.
    pub tags: Vec<String>,
    /// Licence as stated.
    pub licence: Option<String>,
}

/// All recordings asked for, in the order that the corpus keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The recordings.
    pub recordings: Vec<Recording>,
    /// Columns of the index that nothing reads.
    pub ignored_columns: Vec<String>,
    /// Files found beside the recordings that do not have the name of a recording.
    pub skipped_files: Vec<String>,
}

/// Reads `path`: an index file, a folder that holds `index.tsv` (or `.csv`, `.jsonl`), or a folder per culture.
///
/// `out`, the directory that the corpus goes to, is left out when it lies inside a folder that is walked.
pub fn read_index(path: &Path, out: Option<&Path>) -> Result<Index, CorpusError> {
    let index = if path.is_dir() {
        match index_inside(path)? {
            Some(file) => read_index_file(&file)?,
            None => folder::read(path, out)?,
        }
    } else {
        read_index_file(path)?
    };
    index.check(path)?;
    Ok(index)
}

impl Index {
    /// Whether the list can become a corpus; `origin` is named in the complaint.
    pub(crate) fn check(&self, origin: &Path) -> Result<(), CorpusError> {
        let fail = |reason: String| CorpusError::Index { index: origin.into(), reason };
        if self.recordings.is_empty() {
            return Err(fail("it names no recording".into()));
        }
        for recording in &self.recordings {
            if !clip::is_clean_name(&recording.source) {
                return Err(fail(format!("the name `{}` is not a clean relative path", recording.source)));
            }
            if let Some(fault) = bounds::fault(recording) {
                return Err(fail(format!("`{}`: {fault}", recording.source)));
            }
        }
        refuse_repeated_names(origin, &self.recordings)
    }
}

fn index_inside(folder: &Path) -> Result<Option<PathBuf>, CorpusError> {
    let names = ["index.tsv", "index.csv", "index.jsonl"];
    let found: Vec<PathBuf> =
        names.iter().map(|name| folder.join(name)).filter(|file| file.is_file()).collect();
    match found.as_slice() {
        [] => Ok(None),
        [file] => Ok(Some(file.clone())),
        several => Err(CorpusError::Index {
            index: folder.into(),
            reason: format!("it holds {} index files; name the one you mean", several.len()),
        }),
    }
}

fn read_index_file(path: &Path) -> Result<Index, CorpusError> {
    let fail = |reason: String| CorpusError::Index { index: path.into(), reason };
    let bytes = read_bounded(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| fail(format!("it is not UTF-8 text, byte {} is not", error.valid_up_to())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first_line = text.lines().find(|line| !line.trim().is_empty());
    let first_line = first_line.ok_or_else(|| fail("it is empty".into()))?;
    // What the first line looks like decides; names of files are often wrong, a line that opens an object never is.
    let (rows, ignored_columns) = if first_line.trim_start().starts_with('{') {
        json_lines::read(path, text)?
    } else if first_line.contains('\t') {
        table::read(path, text, Delimiter::Tab)?
    } else {
        table::read(path, text, Delimiter::Comma)?
    };
    let root = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut lines_of_paths = BTreeMap::new();
    let mut recordings = Vec::with_capacity(rows.len());
    for row in rows {
        let (line, recording) = (row.line, row.into_recording(path, root)?);
        if let Some(reason) = bounds::fault(&recording) {
            return Err(CorpusError::IndexLine { index: path.into(), line, reason });
        }
        if let Some(earlier) =
            lines_of_paths.insert((source_name::lexical(&recording.path), recording.cut), line)
        {
            let reason = format!("`{}` already stands in line {earlier}", recording.path.display());
            return Err(CorpusError::IndexLine { index: path.into(), line, reason });
        }
        recordings.push(recording);
    }
    Ok(Index { recordings, ignored_columns, skipped_files: Vec::new() })
}

/// The bytes of an index; a device or a monster is refused before it fills the memory.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, CorpusError> {
    let fail = |reason: String| CorpusError::Index { index: path.into(), reason };
    let file = std::fs::File::open(path).map_err(FilesError::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(MAX_INDEX_BYTES + 1).read_to_end(&mut bytes).map_err(FilesError::io("read", path))?;
    if bytes.len() as u64 > MAX_INDEX_BYTES {
        return Err(fail(format!("it is larger than {MAX_INDEX_BYTES} bytes")));
    }
    Ok(bytes)
}

fn refuse_repeated_names(index: &Path, recordings: &[Recording]) -> Result<(), CorpusError> {
    let mut seen = BTreeMap::new();
    for recording in recordings {
        if let Some(earlier) = seen.insert(&recording.source, &recording.path) {
            let (earlier, later) = (earlier.display(), recording.path.display());
            let reason = format!("`{earlier}` and `{later}` both become `{}`", recording.source);
            return Err(CorpusError::Index { index: index.into(), reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
