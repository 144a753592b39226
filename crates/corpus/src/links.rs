//! Links are no part of a corpus: through one, a corpus from elsewhere would have us read, write or remove what is not its own.
//!
//! The directory itself may be reached through links; that is its owner's choice. What lies in it may not be one.

use std::path::Path;

use files::FilesError;

use crate::CorpusError;

/// Refuses each of `names` below `dir` that is a link. What is absent is somebody else's complaint.
pub(crate) fn refuse<N: AsRef<Path>>(
    dir: &Path,
    names: impl IntoIterator<Item = N>,
) -> Result<(), CorpusError> {
    for name in names {
        let file = dir.join(name);
        match std::fs::symlink_metadata(&file) {
            Ok(metadata) if metadata.is_symlink() => {
                let reason = "it is a link; a corpus holds its files itself, put the file there";
                return Err(CorpusError::damaged(file, reason));
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(FilesError::io("look at", &file)(error).into());
            }
            _ => {}
        }
    }
    Ok(())
}
