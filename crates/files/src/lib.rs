//! Files that a killed process cannot damage, content hashes and the npy format.
//!
//! Law: every file is written beside its final place, synced, renamed, and its directory synced. A killed write leaves what was there.

mod atomic;
mod error;
mod hash;
mod npy;
mod npy_grid;

pub use atomic::{AtomicFile, append_line, write_atomic, write_json};
pub use error::FilesError;
pub use hash::{ContentHash, Hasher, hash_bytes, hash_file};
pub use npy::{Npy, NpyElement, NpyWriter, write_npy};
pub use npy_grid::NpyGrid;
