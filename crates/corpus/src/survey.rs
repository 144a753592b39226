//! The first pass of `prepare`: what each file of the index is, before anything is decoded.

use std::path::Path;

use files::{ContentHash, FilesError, Hasher};

use crate::{Index, Reason, Recording, container};

/// Why a recording is broken, in a word and in a sentence.
pub(crate) type Fault = (Reason, String);

/// What a file of the index is; `None` where another job looks.
pub(crate) type Surveyed = Option<Result<ContentHash, Fault>>;

/// What stands for the content of a recording: the hash of its file, or of the hash and the piece that is meant.
pub(crate) fn look_at_piece(recording: &Recording) -> Result<ContentHash, Fault> {
    let whole = look_at(&recording.path)?;
    Ok(match recording.cut {
        None => whole,
        Some(cut) => Hasher::default().part(whole.to_string()).part(cut.to_string()).finish(),
    })
}

/// The hash of a file that might be a recording.
pub(crate) fn look_at(path: &Path) -> Result<ContentHash, Fault> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => (Reason::Absent, "there is no such file".into()),
        _ => (Reason::Unreadable, format!("the system refuses: {error}")),
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err((Reason::Unreadable, "it is no file".into()));
    }
    if metadata.len() == 0 {
        return Err((Reason::Empty, "it has no bytes".into()));
    }
    if let Some(found) = container::contradiction(path).map_err(unreadable)? {
        let detail = format!("its name ends in `.{}` but it holds {found}", container::extension(path));
        return Err((Reason::WrongExtension, detail));
    }
    files::hash_file(path).map_err(|error| match error {
        FilesError::Io { source, .. } => unreadable(source),
        other @ FilesError::Npy { .. } => (Reason::Unreadable, other.to_string()),
    })
}

/// Hash of all that the index says and of the contents it names.
pub(crate) fn fingerprint(index: &Index, surveyed: &[Surveyed]) -> String {
    let mut hasher = Hasher::default();
    for (recording, content) in index.recordings.iter().zip(surveyed) {
        hasher.part(&recording.source).part(&recording.culture);
        hasher.part(recording.split.map(|split| split.to_string()).unwrap_or_default());
        for optional in [&recording.group, &recording.licence] {
            hasher.part(optional.as_deref().unwrap_or_default());
        }
        hasher.part(recording.tags.len().to_le_bytes());
        for tag in &recording.tags {
            hasher.part(tag);
        }
        match content {
            Some(Ok(hash)) => hasher.part(hash.to_string()),
            Some(Err((reason, _))) => hasher.part(reason.to_string()),
            None => hasher.part(""),
        };
    }
    for names in [&index.ignored_columns, &index.skipped_files] {
        hasher.part(names.len().to_le_bytes());
        for name in names {
            hasher.part(name);
        }
    }
    hasher.finish().to_string()
}
