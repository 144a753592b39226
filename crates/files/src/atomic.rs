//! Writing beside and renaming.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::FilesError;

/// A file that appears under its name only when [`AtomicFile::commit`] has succeeded.
///
/// Dropped without a commit it leaves nothing behind; killed, it leaves a `.tmp-…` sibling that nobody reads.
pub struct AtomicFile {
    writer: Option<BufWriter<File>>,
    temporary: PathBuf,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts writing what will become `target`; missing parent directories are made.
    pub fn create(target: &Path) -> Result<Self, FilesError> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let parent = parent_of(target);
        fs::create_dir_all(parent).map_err(FilesError::io("create directory", parent))?;
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let temporary = parent.join(format!(".tmp-{}-{serial}-{name}", std::process::id()));
        let file = File::create(&temporary).map_err(FilesError::io("create", &temporary))?;
        Ok(Self { writer: Some(BufWriter::with_capacity(1 << 20, file)), temporary, target: target.into() })
    }

    /// Syncs the content, renames it to its name and syncs the directory.
    pub fn commit(mut self) -> Result<(), FilesError> {
        let writer = self.writer.take().expect("only commit takes the writer, and it consumes the file");
        let file = writer
            .into_inner()
            .map_err(|error| FilesError::io("write", &self.temporary)(error.into_error()))?;
        file.sync_all().map_err(FilesError::io("sync", &self.temporary))?;
        fs::rename(&self.temporary, &self.target).map_err(FilesError::io("rename to", &self.target))?;
        sync_directory(parent_of(&self.target))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.as_mut().expect("the writer lives until commit").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.as_mut().expect("the writer lives until commit").flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.writer.as_mut().expect("the writer lives until commit").seek(to)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After a commit the temporary name is gone already; either way a failure here has no remedy.
        if self.writer.is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `bytes` to `path`, wholly or not at all.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(FilesError::io("write", path))?;
    file.commit()
}

/// Writes `text` (a JSON document) with a final newline, wholly or not at all.
pub fn write_json(path: &Path, text: &str) -> Result<(), FilesError> {
    write_atomic(path, format!("{text}\n").as_bytes())
}

/// Appends one line to a journal. A line cut short by a kill is the journal's last; its reader drops it.
pub fn append_line(path: &Path, line: &str) -> Result<(), FilesError> {
    let mut file =
        OpenOptions::new().create(true).append(true).open(path).map_err(FilesError::io("open", path))?;
    file.write_all(format!("{line}\n").as_bytes()).map_err(FilesError::io("append to", path))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_directory(directory: &Path) -> Result<(), FilesError> {
    File::open(directory)
        .and_then(|handle| handle.sync_all())
        .map_err(FilesError::io("sync directory", directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_write_leaves_the_old_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b.txt");
        write_atomic(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_commit_replaces_the_content() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("b.txt");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
