//! Writing beside and renaming.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::disk::{self, DiskFile, parent_of};
use crate::{FilesError, beside};

/// A file that appears under its name only when [`AtomicFile::commit`] has succeeded.
///
/// Dropped without a commit it leaves nothing behind; killed, it leaves a sibling that nobody reads and a later write removes. The mode is
/// that of any new file: what the umask allows.
pub struct AtomicFile {
    writer: BufWriter<DiskFile>,
    temporary: PathBuf,
    target: PathBuf,
    is_named: bool,
}

impl AtomicFile {
    /// Starts writing what will become `target`; missing parent directories are made. A link is followed.
    pub fn create(target: &Path) -> Result<Self, FilesError> {
        let target = beside::behind_links(target);
        if target.is_dir() {
            return Err(FilesError::io("write", &target)(io::ErrorKind::IsADirectory.into()));
        }
        let parent = parent_of(&target);
        disk::create_directories(parent).map_err(FilesError::io("create directory", parent))?;
        let (file, temporary) = beside::make(&target, DiskFile::create_new, DiskFile::handle)
            .map_err(FilesError::io("write", &target))?;
        Ok(Self { writer: BufWriter::with_capacity(1 << 20, file), temporary, target, is_named: false })
    }

    /// Syncs the content, renames it to its name and syncs the directory.
    pub fn commit(mut self) -> Result<(), FilesError> {
        self.sync()?;
        self.take_name()
    }

    /// Brings the content to the disk.
    fn sync(&mut self) -> Result<(), FilesError> {
        self.writer.flush().map_err(FilesError::io("write", &self.target))?;
        self.writer.get_ref().sync().map_err(FilesError::io("write", &self.target))
    }

    fn take_name(&mut self) -> Result<(), FilesError> {
        disk::rename(&self.temporary, &self.target).map_err(FilesError::io("replace", &self.target))?;
        self.is_named = true;
        let parent = parent_of(&self.target);
        disk::sync_directory(parent).map_err(FilesError::io("sync directory", parent))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer.seek(to)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_named {
            // A failure here has no remedy; a later write finds the leftover.
            let _ = disk::remove_file(&self.temporary);
        }
    }
}

/// Writes `bytes` to `path`, wholly or not at all.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    write_together(&[(path, bytes)])
}

/// Writes `text` (a JSON document) with a final newline, wholly or not at all.
pub fn write_json(path: &Path, text: &str) -> Result<(), FilesError> {
    write_atomic(path, format!("{text}\n").as_bytes())
}

/// Writes files that belong together, each wholly or not at all. The contents of all are on the disk before the first takes its name; so
/// only a kill between two renames leaves new ones beside old ones. The last, which should state the hashes of the others, tells.
pub fn write_together(files: &[(&Path, &[u8])]) -> Result<(), FilesError> {
    let mut written = Vec::with_capacity(files.len());
    for (path, bytes) in files {
        let mut file = AtomicFile::create(path)?;
        file.write_all(bytes).map_err(FilesError::io("write", path))?;
        file.sync()?;
        written.push(file);
    }
    written.iter_mut().try_for_each(AtomicFile::take_name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::faults;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_abandoned_write_leaves_the_old_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b.txt");
        write_atomic(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(path.parent().unwrap()), ["b.txt"]);
    }

    #[test]
    fn under_every_fault_a_file_is_old_or_new() {
        for old in [None, Some("old")] {
            let before = |root: &Path| {
                if let Some(old) = old {
                    fs::write(root.join("x"), old).unwrap();
                }
            };
            let work = |root: &Path| write_atomic(&root.join("x"), b"the new content");
            faults::everywhere(before, work, |root, is_done| {
                let found = fs::read_to_string(root.join("x")).ok();
                assert!(found.as_deref() == Some("the new content") || (!is_done && found.as_deref() == old));
            });
        }
    }

    #[test]
    fn files_that_belong_together_are_all_on_the_disk_before_the_first_is_named() {
        let before = |root: &Path| {
            write_together(&[(&root.join("a"), b"a1"), (&root.join("b"), b"b1")]).unwrap();
        };
        let work = |root: &Path| write_together(&[(&root.join("a"), b"a two"), (&root.join("b"), b"b two")]);
        faults::everywhere(before, work, |root, is_done| {
            let found = ["a", "b"].map(|name| fs::read_to_string(root.join(name)).unwrap());
            let found = [found[0].as_str(), found[1].as_str()];
            // The last is new only when the first is.
            let allowed = [["a1", "b1"], ["a two", "b1"], ["a two", "b two"]];
            assert!(allowed.contains(&found) && (!is_done || found == allowed[2]), "{found:?}");
        });
    }

    #[test]
    fn a_live_writer_is_not_taken_for_a_leftover() {
        let directory = tempfile::tempdir().unwrap();
        let dead = directory.path().join(".tmp-culturemert-1-0-y");
        fs::write(&dead, "half").unwrap();
        let foreign = directory.path().join(".tmp-of-another-program");
        fs::write(&foreign, "theirs").unwrap();
        let mut slow = AtomicFile::create(&directory.path().join("x")).unwrap();
        assert!(!dead.exists() && foreign.exists());
        beside::forget_sweeps();
        write_atomic(&directory.path().join("y"), b"y").unwrap();
        slow.write_all(b"x").unwrap();
        slow.commit().unwrap();
        assert_eq!(names(directory.path()), [".tmp-of-another-program", "x", "y"]);
    }

    #[test]
    fn the_longest_name_can_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ü".repeat(127));
        write_atomic(&path, b"x").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_directory_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let message = write_atomic(directory.path(), b"x").unwrap_err().to_string();
        assert!(message.contains("is a directory"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_it_points_to_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("elsewhere/x"), directory.path().join("link"));
        write_atomic(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }
}
