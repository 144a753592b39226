//! Files that a killed process cannot damage, content hashes and the npy format.
//!
//! Law: every file is written beside its final place, synced, renamed, and its directory synced. A killed write leaves what was there. The
//! exceptions are journals ([`GrowingFile`]), whose readers expect a torn end.

mod atomic;
mod beside;
mod directory;
mod disk;
mod error;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod growing;
mod hash;
mod npy;
mod npy_grid;
mod npy_header;
mod npy_text;
mod room;

pub use atomic::{AtomicFile, write_atomic, write_json, write_together};
pub use beside::UNFINISHED;
pub use directory::{
    create_directories, put_in_place, recover_directory, remove_directory, remove_file, rename,
    replace_directory,
};
pub use error::FilesError;
pub use growing::{GrowingFile, append_line};
pub use hash::{ContentHash, Hasher, hash_bytes, hash_file};
pub use npy::{Npy, NpyElement, NpyWriter, write_npy};
pub use npy_grid::NpyGrid;
pub use npy_text::{read_npy_pickle, read_npy_text};
pub use room::{Room, room};
