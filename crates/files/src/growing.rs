//! Files that grow in place: journals, and work that is gone on with.
//!
//! A kill cuts such a file short at its end; whoever reads one expects a torn end, and knows by hashes or by syntax what is whole.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::FilesError;
use crate::disk::DiskFile;

/// A file that is appended to.
pub struct GrowingFile {
    file: DiskFile,
    path: PathBuf,
    length: u64,
    /// Whether something may stand behind `length`.
    is_torn: bool,
}

impl GrowingFile {
    /// Opens a file to go on behind its last byte; makes it when absent.
    pub fn open(path: &Path) -> Result<Self, FilesError> {
        let file = DiskFile::open(path).map_err(FilesError::io("open", path))?;
        let length = file.handle().metadata().map_err(FilesError::io("open", path))?.len();
        Ok(Self { file, path: path.into(), length, is_torn: false })
    }

    /// Bytes that were appended, or were there.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes. What a failed call wrote of them is cut off by the next.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        if self.is_torn {
            self.cut(self.length)?;
        }
        self.is_torn = true;
        let mut write = || {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes)
        };
        write().map_err(FilesError::io("append to", &self.path))?;
        self.is_torn = false;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Cuts the file to its first `length` bytes.
    pub fn cut(&mut self, length: u64) -> Result<(), FilesError> {
        self.file.set_len(length).map_err(FilesError::io("cut", &self.path))?;
        (self.length, self.is_torn) = (length, false);
        Ok(())
    }

    /// Brings what was appended to the disk.
    pub fn sync(&self) -> Result<(), FilesError> {
        self.file.sync().map_err(FilesError::io("sync", &self.path))
    }

    /// Reads the file from its beginning.
    pub fn reader(&self) -> Result<BufReader<File>, FilesError> {
        File::open(&self.path).map(BufReader::new).map_err(FilesError::io("open", &self.path))
    }

    /// Ends a line that a kill cut short, so that the next line stands alone.
    fn end_torn_line(&mut self) -> Result<(), FilesError> {
        let mut last = [b'\n'];
        if self.length > 0 {
            let read = self.file.seek(SeekFrom::Start(self.length - 1));
            read.and_then(|_| self.file.read_exact(&mut last)).map_err(FilesError::io("read", &self.path))?;
        }
        if last == [b'\n'] { Ok(()) } else { self.append(b"\n") }
    }
}

/// Appends one line to a journal and brings it to the disk. A line cut short by a kill cannot be read, and the journal's reader drops it.
pub fn append_line(path: &Path, line: &str) -> Result<(), FilesError> {
    let mut file = GrowingFile::open(path)?;
    file.end_torn_line()?;
    file.append(format!("{line}\n").as_bytes())?;
    file.sync()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::faults;

    #[test]
    fn under_every_fault_the_lines_before_stay_and_the_next_stands_alone() {
        faults::everywhere(
            |root: &Path| append_line(&root.join("j"), "line one").unwrap(),
            |root: &Path| append_line(&root.join("j"), "line two"),
            |root, is_done| {
                let text = fs::read_to_string(root.join("j")).unwrap();
                assert!(text.starts_with("line one\n"), "{text}");
                assert!(!is_done || text.lines().any(|line| line == "line two"), "{text}");
            },
        );
    }

    #[test]
    fn what_a_failed_append_wrote_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let mut file = GrowingFile::open(&path).unwrap();
        file.append(b"abc").unwrap();
        {
            let _fault = faults::inject(directory.path(), faults::Fault::Refused, 0);
            assert!(file.append(b"a long one").is_err());
        }
        assert!(fs::read(&path).unwrap().len() > 3, "the fault wrote half of it");
        file.append(b"d").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abcd");
        file.cut(1).unwrap();
        file.append(b"z").unwrap();
        let mut read = String::new();
        file.reader().unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "az");
    }
}
