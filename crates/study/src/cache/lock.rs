//! One process at a time per step.
//!
//! The lock is the kernel's advisory lock on an open file, so it goes with its holder: a killed process leaves the file but not
//! the lock. Lock files are never removed, because removing one would let two processes hold "the" lock on different files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use files::FilesError;

use crate::StudyError;

/// Held while a step is looked up and computed; let go on drop.
pub(super) struct Lock {
    /// Closing the file lets the lock go.
    _file: File,
}

impl Lock {
    /// Takes the lock. When another holds it, tells `on_wait` who (as far as known), then waits.
    pub(super) fn acquire(path: &Path, on_wait: impl FnOnce(Option<u32>)) -> Result<Self, StudyError> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(FilesError::io("open", path))?;
        let refused = |source| StudyError::Lock { path: path.into(), source };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                on_wait(holder(path));
                file.lock().map_err(refused)?;
            }
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        // The number is a courtesy to whoever waits; nothing depends on it.
        let _ = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).and_then(|_| {
            let id = std::process::id();
            write!(file, "{id}")
        });
        Ok(Self { _file: file })
    }
}

fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
