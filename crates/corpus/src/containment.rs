//! Which folders recordings may lie in.
//!
//! A list of recordings comes from somebody else as often as not, and what it names becomes part of a corpus that is passed on. So a path
//! that climbs out of the list's folder, an absolute one that points elsewhere, and a link that leads out are told and not opened. Who
//! means it names the other folder.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use files::FilesError;

use crate::survey::Fault;
use crate::{CorpusError, Reason};

/// Folders with all that is below them.
#[derive(Clone, Debug)]
pub(crate) struct Containment {
    /// Without links.
    real: Vec<PathBuf>,
    /// As the user wrote them.
    named: Vec<PathBuf>,
}

impl Containment {
    /// The folder of a list (or the folder that is the list), and folders named beside it.
    pub(crate) fn of(list: &Path, others: &[PathBuf]) -> Result<Self, CorpusError> {
        let own = if list.is_dir() { list } else { list.parent().unwrap_or(Path::new("")) };
        let own = if own.as_os_str().is_empty() { Path::new(".") } else { own };
        let named: Vec<PathBuf> = std::iter::once(own.to_path_buf()).chain(others.iter().cloned()).collect();
        let real = |folder: &PathBuf| folder.canonicalize().map_err(FilesError::io("find folder", folder));
        Ok(Self { real: named.iter().map(real).collect::<Result<_, _>>()?, named })
    }

    /// What is wrong with where `path` leads. Nothing is opened.
    pub(crate) fn fault(&self, path: &Path) -> Option<Fault> {
        let is_inside = match path.canonicalize() {
            Ok(real) => self.real.iter().any(|folder| real.starts_with(folder)),
            // What is not there leads nowhere; but where it would be is told before that it is not.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let climbs = path.components().any(|part| part == Component::ParentDir);
                !climbs && self.named.iter().chain(&self.real).any(|folder| path.starts_with(folder))
            }
            Err(_) => true,
        };
        if is_inside {
            return None;
        }
        let detail = "it leads out of the folder of its list; if that is meant, name the folder it lies in with `--audio-root`";
        Some((Reason::Outside, detail.into()))
    }
}
