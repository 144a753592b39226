//! Content hashes: SHA-256, shown in hexadecimal.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::FilesError;

/// SHA-256 of some content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The first 16 hexadecimal digits: enough to name a thing, short enough to read.
    pub fn short(&self) -> String {
        self.to_string()[..16].to_owned()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hashes parts one after the other. Each part is preceded by its length, so that no two lists of parts collide.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds one part.
    pub fn part(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The hash of all parts so far.
    pub fn finish(&self) -> ContentHash {
        ContentHash(self.0.clone().finalize().into())
    }
}

/// SHA-256 of `bytes` as they are (what `sha256sum` prints).
pub fn hash_bytes(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

/// SHA-256 of a file as it is (what `sha256sum` prints), read in blocks.
pub fn hash_file(path: &Path) -> Result<ContentHash, FilesError> {
    let mut file = File::open(path).map_err(FilesError::io("open", path))?;
    let mut sha = Sha256::new();
    let mut block = vec![0; 1 << 18];
    loop {
        match file.read(&mut block).map_err(FilesError::io("read", path))? {
            0 => return Ok(ContentHash(sha.finalize().into())),
            n => sha.update(&block[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_abc_is_the_published_one() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_bytes(b"abc").to_string(), expected);
    }

    #[test]
    fn parts_do_not_run_together() {
        let joined = Hasher::default().part("ab").part("c").finish();
        assert_ne!(joined, Hasher::default().part("a").part("bc").finish());
    }
}
