//! What the targets share: an input of theirs as a file or as the files of a directory.

use std::fs;
use std::path::{Path, PathBuf};

/// Stands between the files of an input.
pub const SEAM: &[u8] = b"\n%%%%\n";

/// A directory of this process that is filled anew for every input, in memory where the system has a place for that.
pub struct Room(PathBuf);

impl Room {
    /// An empty directory.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let room = parent.join(format!("culturemert-fuzz-{}", std::process::id()));
        fs::create_dir_all(&room).expect("a directory can be made");
        Self(room)
    }

    /// Writes `bytes` as the file `name`.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a directory can be made");
        // A new file, since an earlier one may still be mapped.
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// Cuts `bytes` at the seams and writes the pieces as `names`; a missing piece is a missing file.
    pub fn directory(&self, names: &[&str], bytes: &[u8]) -> PathBuf {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::create_dir_all(&self.0);
        for (name, piece) in names.iter().zip(pieces(bytes)) {
            self.file(name, piece);
        }
        self.0.clone()
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The files of an input.
pub fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(SEAM.len()).position(|window| window == SEAM) {
        pieces.push(&rest[..at]);
        rest = &rest[at + SEAM.len()..];
    }
    pieces.push(rest);
    pieces
}

/// Files as one input, the inverse of [`pieces`].
pub fn joined(files: &[&[u8]]) -> Vec<u8> {
    files.join(SEAM)
}
