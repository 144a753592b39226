//! A folder per culture: every recording below `<root>/<culture>/`, in the order of the paths. Hidden folders and files are skipped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use files::FilesError;

use super::{Index, Recording, source_name};
use crate::{CorpusError, container, replace};

pub(super) fn read(root: &Path, out: Option<&Path>) -> Result<Index, CorpusError> {
    let mut index = Index::default();
    let ours = out.into_iter().flat_map(|out| [out.into(), replace::beside(out)]);
    let ours = ours.filter_map(|ours| ours.canonicalize().ok()).collect();
    let mut walk = Walk { ours, open: BTreeSet::new(), files: Vec::new() };
    for (path, is_dir) in entries(root)? {
        if is_dir && walk.is_ours(&path) {
            continue;
        }
        if !is_dir || is_hidden(&path) {
            index.skipped_files.push(source_name::of(root, relative(root, &path)));
            continue;
        }
        walk.files.clear();
        walk.visit(&path)?;
        let culture = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for file in &walk.files {
            let source = source_name::joined(relative(root, file));
            if is_hidden(file) || !container::has_audio_extension(file) {
                index.skipped_files.push(source);
                continue;
            }
            index.recordings.push(Recording {
                path: file.clone(),
                source,
                culture: culture.clone(),
                split: None,
                cut: None,
                group: None,
                tags: Vec::new(),
                licence: None,
            });
        }
    }
    index.recordings.sort_by(|a, b| a.source.cmp(&b.source));
    index.skipped_files.sort();
    Ok(index)
}

/// Whether the name starts with a dot: notes of the system, not somebody's recordings.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn relative<'a>(root: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// A walk that follows links to folders, but never in a circle and never into the directory we write to.
struct Walk {
    /// Real paths of the corpus, and of the one that is being made to replace it.
    ours: Vec<PathBuf>,
    /// Real paths of the folders we are inside of.
    open: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
}

impl Walk {
    fn is_ours(&self, folder: &Path) -> bool {
        folder.canonicalize().is_ok_and(|real| self.ours.contains(&real))
    }

    fn visit(&mut self, folder: &Path) -> Result<(), CorpusError> {
        let real = folder.canonicalize().map_err(FilesError::io("resolve", folder))?;
        if self.ours.contains(&real) || !self.open.insert(real.clone()) {
            return Ok(());
        }
        for (path, is_dir) in entries(folder)? {
            if is_dir {
                self.visit(&path)?;
            } else {
                self.files.push(path);
            }
        }
        self.open.remove(&real);
        Ok(())
    }
}

/// What a folder holds, sorted, and whether each is a folder itself.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, bool)>, CorpusError> {
    let failed = || FilesError::io("list", folder);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        let is_dir = path.is_dir();
        entries.push((path, is_dir));
    }
    entries.sort();
    Ok(entries)
}
