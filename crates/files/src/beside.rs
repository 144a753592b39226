//! Names of what is being written, beside the name it will have, and the removal of what killed writes left there.
//!
//! `.tmp-culturemert-<process>-<number>-<name>`. A writer holds the system's lock on its file or directory, which goes with the process; so
//! whoever gets the lock of such a name knows that its writer is dead and removes it. That is done once for each directory and process, on
//! the first write into the directory. Where the file system has no locks, leftovers stay and harm nobody.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::disk::{self, parent_of};

/// How the names of unfinished files and directories begin.
pub const UNFINISHED: &str = ".tmp-culturemert-";

/// Bytes of the target's name that are repeated: with process and number the whole stays below the 255 that systems allow.
const LONGEST_NAME: usize = 160;

static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Where a link leads, so that what it points to is replaced and not the link.
pub(crate) fn behind_links(target: &Path) -> PathBuf {
    if target.is_symlink() { target.canonicalize().unwrap_or_else(|_| target.into()) } else { target.into() }
}

/// Makes something new beside `target`, locks it by the handle that `make` gives, and returns it with its name.
pub(crate) fn make<T>(
    target: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
    handle: impl Fn(&T) -> &File,
) -> io::Result<(T, PathBuf)> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    sweep(parent_of(target));
    loop {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let path = parent_of(target).join(name(target, serial));
        let made = match make(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        };
        // A file system without locks is no reason not to write; then nobody else can lock, and nobody removes.
        let _ = handle(&made).lock();
        // Between making and locking, another process may have taken it for a leftover.
        if path.exists() {
            return Ok((made, path));
        }
    }
}

fn name(target: &Path, serial: u64) -> String {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let end = name.floor_char_boundary(LONGEST_NAME);
    format!("{UNFINISHED}{}-{serial}-{}", std::process::id(), &name[..end])
}

/// Removes what dead writers left in `folder`. A failure is of no consequence.
fn sweep(folder: &Path) {
    if !SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.into()) {
        return;
    }
    let Ok(entries) = folder.read_dir() else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_unfinished =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED));
        // A link of such a name is none of ours.
        if !is_unfinished || path.is_symlink() {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() {
            let _ = if path.is_dir() { disk::remove_tree(&path) } else { disk::remove_file(&path) };
        }
    }
}

/// Lets directories be swept again, as a new process would.
#[cfg(any(test, feature = "faults"))]
pub(crate) fn forget_sweeps() {
    SWEPT.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
