//! A directory that appears wholly or not at all, and the plain operations on directories.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::disk::{self, parent_of};
use crate::{FilesError, beside};

/// How the names of directories begin that are being replaced in two steps.
pub(crate) const REPLACED: &str = ".replaced-culturemert-";

/// A directory that is being filled beside its place; removed when it does not come there.
struct Staging {
    path: PathBuf,
    /// Holds the lock that says the writer lives.
    _handle: File,
}

impl Drop for Staging {
    fn drop(&mut self) {
        // By now it is gone, or holds what was replaced or abandoned; a failure has no remedy, a later write finds it.
        let _ = disk::remove_tree(&self.path);
    }
}

/// Fills a directory beside `target` and puts it in the place of `target`, whatever lies there: whether that may be replaced is the caller's
/// to say. What was there stays whole until then. A link is followed.
///
/// `fill` writes atomic files, so that their contents are on the disk before the directory takes its name.
pub fn replace_directory<E: From<FilesError>>(
    target: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let target = beside::behind_links(target);
    let parent = parent_of(&target);
    disk::create_directories(parent).map_err(FilesError::io("create directory", parent))?;
    recover_directory(&target)?;
    let make = |path: &Path| disk::create_directory(path).and_then(|()| File::open(path));
    let (handle, path) =
        beside::make(&target, make, |handle| handle).map_err(FilesError::io("create", &target))?;
    let staging = Staging { path, _handle: handle };
    fill(&staging.path)?;
    disk::sync_directory(&staging.path).map_err(FilesError::io("sync directory", &target))?;
    put_in_place(&staging.path, &target)?;
    Ok(())
}

/// Puts `new`, a whole directory beside `target`, in the place of `target`. What was there is then called `new`, or is gone.
pub fn put_in_place(new: &Path, target: &Path) -> Result<(), FilesError> {
    if !target.exists() {
        disk::rename(new, target).map_err(FilesError::io("rename to", target))?;
    } else if disk::exchange(new, target).is_err() {
        // In two steps where the system has no single one; a kill between them is what `recover_directory` is for.
        let aside = aside(target);
        remove_directory(&aside)?;
        disk::rename(target, &aside).map_err(FilesError::io("rename", target))?;
        if let Err(error) = disk::rename(new, target) {
            // Put the old one back, so that a failure changes nothing.
            let _ = disk::rename(&aside, target);
            return Err(FilesError::io("replace", target)(error));
        }
    }
    let parent = parent_of(target);
    disk::sync_directory(parent).map_err(FilesError::io("sync directory", parent))?;
    match aside(target) {
        aside if aside.exists() => remove_directory(&aside),
        _ => Ok(()),
    }
}

/// Puts back what a kill left aside in the middle of a replacement, on systems that cannot exchange two names in one step.
pub fn recover_directory(target: &Path) -> Result<(), FilesError> {
    let aside = aside(target);
    if target.exists() || !aside.exists() {
        return Ok(());
    }
    rename(&aside, target)
}

fn aside(target: &Path) -> PathBuf {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!("{REPLACED}{name}"))
}

/// Makes a directory and those above it.
pub fn create_directories(path: &Path) -> Result<(), FilesError> {
    disk::create_directories(path).map_err(FilesError::io("create directory", path))
}

/// Removes a directory with all that is in it; one that is absent is removed already.
pub fn remove_directory(path: &Path) -> Result<(), FilesError> {
    disk::remove_tree(path).map_err(FilesError::io("remove", path))
}

/// Removes a file; one that is absent is removed already.
pub fn remove_file(path: &Path) -> Result<(), FilesError> {
    disk::remove_file(path).map_err(FilesError::io("remove", path))
}

/// Renames a file or directory and syncs where it comes to.
pub fn rename(from: &Path, to: &Path) -> Result<(), FilesError> {
    disk::rename(from, to).map_err(FilesError::io("rename to", to))?;
    let parent = parent_of(to);
    disk::sync_directory(parent).map_err(FilesError::io("sync directory", parent))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{faults, write_atomic};

    fn fill(staging: &Path, content: &str) -> Result<(), FilesError> {
        write_atomic(&staging.join("one"), content.as_bytes())?;
        write_atomic(&staging.join("two"), content.as_bytes())
    }

    fn content(dir: &Path) -> Option<[String; 2]> {
        dir.exists().then(|| ["one", "two"].map(|name| fs::read_to_string(dir.join(name)).unwrap()))
    }

    #[track_caller]
    fn check(old: Option<&str>, with_exchange: bool) {
        let before = |root: &Path| {
            if let Some(old) = old {
                replace_directory(&root.join("d"), |staging| fill(staging, old)).unwrap();
            }
        };
        let work = |root: &Path| replace_directory(&root.join("d"), |staging| fill(staging, "the new"));
        let whole = |text: &str| [text.to_owned(), text.to_owned()];
        let look = |root: &Path, is_done: bool| {
            // What a reader does first.
            recover_directory(&root.join("d")).unwrap();
            let found = content(&root.join("d"));
            assert!(found == Some(whole("the new")) || (!is_done && found == old.map(whole)), "{found:?}");
        };
        if with_exchange {
            faults::everywhere(before, work, look);
        } else {
            faults::everywhere_without_exchange(before, work, look);
        }
    }

    #[test]
    fn under_every_fault_a_directory_is_old_or_new() {
        check(None, true);
        check(Some("old"), true);
        check(Some("old"), false);
    }

    #[test]
    fn a_failed_fill_leaves_what_was_there() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("d");
        replace_directory(&target, |staging| fill(staging, "old")).unwrap();
        let failed = replace_directory(&target, |staging| {
            fill(staging, "new")?;
            Err(FilesError::io("stand for", staging)(std::io::ErrorKind::Other.into()))
        });
        assert!(failed.is_err());
        assert_eq!(content(&target).unwrap(), ["old", "old"]);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
