//! How much a folder can take.

use std::path::Path;

use crate::FilesError;

/// What the system says of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// Whether this user may make files in it.
    pub is_writable: bool,
}

/// Asks the system how much `folder` can take; nothing is written. `None` on systems that are not asked.
pub fn room(folder: &Path) -> Result<Option<Room>, FilesError> {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access, statvfs};
        let there = statvfs(folder).map_err(|error| FilesError::io("measure", folder)(error.into()))?;
        let is_writable = access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
        Ok(Some(Room { free_bytes: there.f_bavail.saturating_mul(there.f_frsize), is_writable }))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(None)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_room_and_what_is_absent_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let found = room(folder.path()).unwrap().unwrap();
        assert!(found.is_writable && found.free_bytes > 0);
        let message = room(&folder.path().join("absent")).unwrap_err().to_string();
        assert!(message.contains("absent"), "{message}");
    }
}
