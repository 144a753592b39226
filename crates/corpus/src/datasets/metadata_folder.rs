//! Where a data set's split and tag files lie.

use std::io::Read;
use std::path::{Path, PathBuf};

use files::FilesError;

use super::DataSetRequest;
use super::adapter::Adapter;
use crate::CorpusError;

/// Largest text file of metadata that is read, bytes.
const MOST_BYTES: u64 = 1 << 28;

/// The folder, and whose it is.
#[derive(Debug)]
pub(super) struct MetadataFolder {
    dir: PathBuf,
    name: &'static str,
}

impl MetadataFolder {
    /// Looks in the folder asked for (by default the audio folder, then `metadata/` in it), in `<name>/` below it, and in the `split/`
    /// that ccml lays beside the audio.
    pub(super) fn find(adapter: &Adapter, request: &DataSetRequest) -> Result<Self, CorpusError> {
        let name = adapter.card.name;
        let roots = match &request.metadata {
            Some(given) => vec![given.clone()],
            None => vec![request.audio.clone(), request.audio.join("metadata")],
        };
        let below = |root: &PathBuf| ["", name, "split"].map(|below| root.join(below));
        let holds_one = |dir: &PathBuf| adapter.marks.iter().any(|mark| dir.join(mark).is_file());
        if let Some(dir) = roots.iter().flat_map(below).find(holds_one) {
            return Ok(Self { dir, name });
        }
        let shown: Vec<String> = roots.iter().map(|root| format!("`{}`", root.display())).collect();
        Err(CorpusError::DataSet {
            name: name.into(),
            reason: format!(
                "there are no split files in {}: looked for {} there, in `{name}` and in `split`; name their folder with `--metadata`",
                shown.join(" or "),
                adapter.marks.join(" or "),
            ),
        })
    }

    /// A file of the folder that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<PathBuf, CorpusError> {
        self.file(name).ok_or_else(|| self.fault(format!("`{}` has no file `{name}`", self.dir.display())))
    }

    /// A file of the folder, where it is there.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.join(name)).filter(|path| path.is_file())
    }

    /// A folder inside it, where it is there.
    pub(super) fn folder(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.join(name)).filter(|path| path.is_dir())
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Something is wrong with the data set.
    pub(super) fn fault(&self, reason: String) -> CorpusError {
        CorpusError::DataSet { name: self.name.into(), reason }
    }

    /// Something is wrong with one of its files.
    pub(super) fn fault_of(&self, file: &Path, reason: impl std::fmt::Display) -> CorpusError {
        self.fault(format!("`{}`: {reason}", file.display()))
    }

    /// A text file, of bounded size.
    pub(super) fn text(&self, file: &Path) -> Result<String, CorpusError> {
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(file).map_err(FilesError::io("open", file))?;
        opened.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(FilesError::io("read", file))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(self.fault_of(file, format!("it is larger than {MOST_BYTES} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            self.fault_of(file, format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
        })?;
        Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text))
    }
}
