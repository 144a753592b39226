//! A directory that appears wholly or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use files::FilesError;

use crate::WeightsError;

/// Removes a directory that was not brought to its place.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        // Gone already after a success; otherwise a failure here has no remedy.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Fills a directory beside `target` and puts it in the place of `target`. What was there stays whole until then, and is only
/// replaced when it is a model directory or empty.
pub(crate) fn replace_directory(
    target: &Path,
    fill: impl FnOnce(&Path) -> Result<(), WeightsError>,
) -> Result<(), WeightsError> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    refuse_occupied(target)?;
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(FilesError::io("create directory", parent))?;
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let staging = Staging(parent.join(format!(".tmp-{}-{serial}-{name}", std::process::id())));
    fs::create_dir(&staging.0).map_err(FilesError::io("create directory", &staging.0))?;
    fill(&staging.0)?;
    sync(&staging.0)?;
    if target.exists() {
        // Once more: somebody may have put something else there meanwhile.
        refuse_occupied(target)?;
        exchange(&staging.0, target)?;
    } else {
        fs::rename(&staging.0, target).map_err(FilesError::io("rename to", target))?;
    }
    sync(parent)?;
    Ok(())
}

fn refuse_occupied(target: &Path) -> Result<(), WeightsError> {
    if !target.exists() {
        return Ok(());
    }
    let ours = target.join("config.json").is_file() && target.join("model.safetensors").is_file();
    let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if ours || empty() { Ok(()) } else { Err(WeightsError::Occupied { dir: target.into() }) }
}

/// Swaps two directories: in one step where the system can, else by way of a third name.
fn exchange(new: &Path, target: &Path) -> Result<(), FilesError> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    let aside = new.with_extension("old");
    fs::rename(target, &aside).map_err(FilesError::io("rename", target))?;
    if let Err(error) = fs::rename(new, target) {
        // Put the old one back, so that a failure changes nothing.
        let _ = fs::rename(&aside, target);
        return Err(FilesError::io("rename to", target)(error));
    }
    fs::remove_dir_all(&aside).map_err(FilesError::io("remove", &aside))
}

fn sync(directory: &Path) -> Result<(), FilesError> {
    File::open(directory)
        .and_then(|handle| handle.sync_all())
        .map_err(FilesError::io("sync directory", directory))
}
