//! Every operation of this workspace that changes a disk. The seam is narrow so that a test can let any of them fail: see `faults`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

#[cfg(any(test, feature = "faults"))]
use crate::faults::permit;

/// What is about to be done.
#[cfg_attr(not(any(test, feature = "faults")), expect(dead_code, reason = "only faults look at it"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation<'a> {
    CreateDirectories(&'a Path),
    Create(&'a Path),
    Write(&'a Path, &'a File, &'a [u8]),
    Cut(&'a Path),
    Sync(&'a Path),
    SyncDirectory(&'a Path),
    Rename(&'a Path, &'a Path),
    Exchange(&'a Path, &'a Path),
    RemoveFile(&'a Path),
    RemoveTree(&'a Path),
}

/// Without faults every operation is permitted, at no cost.
#[cfg(not(any(test, feature = "faults")))]
#[inline]
#[expect(clippy::unnecessary_wraps, reason = "with faults it can refuse")]
fn permit(_: Operation<'_>) -> io::Result<()> {
    Ok(())
}

/// A file that is being written.
pub(crate) struct DiskFile {
    file: File,
    path: PathBuf,
}

impl DiskFile {
    /// Makes a file; fails where there is one.
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        permit(Operation::Create(path))?;
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Self { file, path: path.into() })
    }

    /// Opens a file to read and write it in place; makes it when absent.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        permit(Operation::Create(path))?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file, path: path.into() })
    }

    /// The system's handle, to lock or to measure.
    pub(crate) fn handle(&self) -> &File {
        &self.file
    }

    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        permit(Operation::Cut(&self.path))?;
        self.file.set_len(length)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        permit(Operation::Sync(&self.path))?;
        self.file.sync_all()
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        permit(Operation::Write(&self.path, &self.file, bytes))?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for DiskFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Seek for DiskFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Makes a directory and those above it, and syncs each entry that is new.
pub(crate) fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    permit(Operation::CreateDirectories(path))?;
    let new: Vec<&Path> = path.ancestors().take_while(|above| !above.exists()).collect();
    fs::create_dir_all(path)?;
    new.into_iter().try_for_each(|directory| sync_directory(parent_of(directory)))
}

/// Makes one directory; fails where there is something.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    permit(Operation::CreateDirectories(path))?;
    fs::create_dir(path)
}

pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    permit(Operation::SyncDirectory(path))?;
    File::open(path)?.sync_all()
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    permit(Operation::Rename(from, to))?;
    fs::rename(from, to)
}

/// Lets two names change places in one step; an error where the system cannot.
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    permit(Operation::Exchange(a, b))?;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes a file; one that is absent is removed already.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    permit(Operation::RemoveFile(path))?;
    absent_is_fine(fs::remove_file(path))
}

/// Removes a directory with all that is in it; one that is absent is removed already.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    permit(Operation::RemoveTree(path))?;
    absent_is_fine(fs::remove_dir_all(path))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The directory a path lies in.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
