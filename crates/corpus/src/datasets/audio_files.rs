//! The recordings that lie in a folder, found the way a data set names them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use files::FilesError;

use super::adapter::Adapter;
use super::catalogue::{FileName, Listed};
use crate::{CorpusError, container};

/// What lies where a recording should.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// A file with content, and the piece of it that is meant.
    File(PathBuf, Option<(f64, f64)>),
    /// A file without a byte, as broken downloads leave them.
    Empty(PathBuf),
    /// Nothing.
    Absent,
}

/// The folders of a data set's audio.
pub(super) struct AudioFiles {
    folders: Vec<PathBuf>,
    /// Files in these folders by their name without its ending; the first name in order where there are several.
    stems: BTreeMap<String, PathBuf>,
}

impl AudioFiles {
    /// Lists the folders where files are named by stem.
    pub(super) fn read(adapter: &Adapter, audio: &Path) -> Result<Self, CorpusError> {
        if !audio.is_dir() {
            return Err(CorpusError::DataSet {
                name: adapter.card.name.into(),
                reason: format!("`{}`, the folder of its audio, is no folder", audio.display()),
            });
        }
        let folders = adapter.audio_folders.iter().map(|folder| audio.join(folder));
        let folders: Vec<PathBuf> = folders.filter(|folder| folder.is_dir()).collect();
        let mut stems = BTreeMap::new();
        for folder in &folders {
            let mut files = Vec::new();
            for entry in std::fs::read_dir(folder).map_err(FilesError::io("list", folder))? {
                files.push(entry.map_err(FilesError::io("list", folder))?.path());
            }
            files.sort();
            for file in files.into_iter().filter(|file| container::has_audio_extension(file)) {
                if let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) {
                    stems.entry(stem.to_owned()).or_insert(file);
                }
            }
        }
        Ok(Self { folders, stems })
    }

    /// The file of a recording.
    pub(super) fn find(&self, listed: &Listed) -> Found {
        let mut empty = None;
        for place in &listed.places {
            let file = match &place.file {
                FileName::Path(path) => {
                    self.folders.iter().map(|folder| folder.join(path)).find(|file| file.is_file())
                }
                FileName::Stem(stem) => self.stems.get(stem).cloned(),
            };
            let Some(file) = file else { continue };
            match std::fs::metadata(&file) {
                Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {
                    return Found::File(file, place.piece);
                }
                Ok(metadata) if metadata.is_file() => empty = Some(file),
                _ => {}
            }
        }
        empty.map_or(Found::Absent, Found::Empty)
    }
}
