use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What can go wrong between us and the disk.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The operating system refused.
    #[error("could not {action} `{}`: {source}{}", path.display(), remedy(source))]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not a npy array we can read.
    #[error("`{}` is not a readable npy file: {reason}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl FilesError {
    /// Wraps an I/O error with what was tried and where.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

/// What to do, where we know it.
fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull => {
            "; nothing half-written was kept: free some space or name another place, then run the command again"
        }
        ErrorKind::QuotaExceeded => {
            "; nothing half-written was kept: free some of your quota or name another place, then run the command again"
        }
        ErrorKind::FileTooLarge => {
            "; the system allows no file of this size: raise the limit (`ulimit -f`) or name a place on another file system"
        }
        ErrorKind::ReadOnlyFilesystem => "; name a place that can be written to",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_the_file_and_what_to_do() {
        let error = FilesError::io("write", Path::new("a/b.npy"))(ErrorKind::StorageFull.into());
        let message = error.to_string();
        assert!(message.starts_with("could not write `a/b.npy`: "), "{message}");
        assert!(message.contains("free some space") && !message.contains('\n'), "{message}");
    }
}
