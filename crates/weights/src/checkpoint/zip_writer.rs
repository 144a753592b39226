//! The part of the zip format that torch reads: members stored as they are, each beginning on a multiple of 64 bytes, zip64 where
//! a size or position needs it.

use std::io::Write;
use std::path::{Path, PathBuf};

use files::{AtomicFile, FilesError};

use crate::WeightsError;

/// Where torch likes tensors to begin, so that they can be mapped.
const ALIGNMENT: u64 = 64;
/// Marks of fields whose value lies in the zip64 field.
const ELSEWHERE: u32 = u32::MAX;
/// 1980-01-01, the first day zip knows: the same checkpoint gives the same bytes.
const DATE: u16 = 0x21;

/// Writes a zip file member by member; it appears under its name when [`ZipWriter::finish`] has succeeded.
pub(super) struct ZipWriter {
    file: AtomicFile,
    path: PathBuf,
    position: u64,
    directory: Vec<u8>,
    n_members: u64,
}

impl ZipWriter {
    pub(super) fn create(path: &Path) -> Result<Self, WeightsError> {
        let file = AtomicFile::create(path)?;
        Ok(Self { file, path: path.into(), position: 0, directory: Vec::new(), n_members: 0 })
    }

    pub(super) fn member(&mut self, name: &str, bytes: &[u8]) -> Result<(), WeightsError> {
        let (length, local) = (bytes.len() as u64, self.position);
        let crc = crc32fast::hash(bytes);
        let wide_length = length >= u64::from(ELSEWHERE);
        let mut extra = Vec::new();
        if wide_length {
            extra.extend([1, 0, 16, 0]);
            extra.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
        }
        // torch's own way to move the bytes: an extra field `FB` of padding.
        let begin = local + 30 + name.len() as u64 + extra.len() as u64 + 4;
        let padding = begin.next_multiple_of(ALIGNMENT) - begin;
        extra.extend(*b"FB");
        extra.extend((padding as u16).to_le_bytes());
        extra.resize(extra.len() + padding as usize, b'Z');

        let stated = if wide_length { ELSEWHERE } else { length as u32 };
        let common = |version: u16, extra_length: usize| {
            let mut header = Vec::new();
            header.extend(version.to_le_bytes());
            header.extend([0; 4]); // flags, method: stored
            header.extend([0, 0]);
            header.extend(DATE.to_le_bytes());
            header.extend(crc.to_le_bytes());
            header.extend(stated.to_le_bytes());
            header.extend(stated.to_le_bytes());
            header.extend((name.len() as u16).to_le_bytes());
            header.extend((extra_length as u16).to_le_bytes());
            header
        };
        let version = if wide_length { 45 } else { 20 };
        let local_header =
            [&b"PK\x03\x04"[..], &common(version, extra.len()), name.as_bytes(), &extra].concat();
        self.put(&local_header)?;
        self.put(bytes)?;

        let wide_position = local >= u64::from(ELSEWHERE);
        let mut wide = Vec::new();
        if wide_length {
            wide.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
        }
        if wide_position {
            wide.extend(local.to_le_bytes());
        }
        if !wide.is_empty() {
            wide.splice(0..0, [[1, 0], (wide.len() as u16).to_le_bytes()].concat());
        }
        let version = if wide.is_empty() { 20u16 } else { 45 };
        self.directory.extend(*b"PK\x01\x02");
        self.directory.extend(version.to_le_bytes());
        self.directory.extend(common(version, wide.len()));
        self.directory.extend([0; 10]); // comment, disk, attributes
        let stated = if wide_position { ELSEWHERE } else { local as u32 };
        self.directory.extend(stated.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.directory.extend(wide);
        self.n_members += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), WeightsError> {
        let (begin, length, n) = (self.position, self.directory.len() as u64, self.n_members);
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        if begin >= u64::from(ELSEWHERE) || n >= u64::from(u16::MAX) {
            let record = self.position;
            let mut wide = b"PK\x06\x06".to_vec();
            wide.extend(44u64.to_le_bytes());
            wide.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for number in [n, n, length, begin] {
                wide.extend(number.to_le_bytes());
            }
            wide.extend(*b"PK\x06\x07\0\0\0\0");
            wide.extend(record.to_le_bytes());
            wide.extend([1, 0, 0, 0]);
            self.put(&wide)?;
        }
        let narrow = |number: u64| u32::try_from(number).unwrap_or(ELSEWHERE).to_le_bytes();
        let count = u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes();
        let end =
            [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &narrow(length), &narrow(begin), &[0, 0]].concat();
        self.put(&end)?;
        Ok(self.file.commit()?)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WeightsError> {
        self.file.write_all(bytes).map_err(FilesError::io("write", &self.path))?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::zip::members;
    use super::*;

    #[test]
    fn members_are_found_again_and_lie_aligned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.zip");
        let mut writer = ZipWriter::create(&path).unwrap();
        for n in 0..300usize {
            writer.member(&format!("archive/data/{n}"), &vec![n as u8; n]).unwrap();
        }
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let mut input = std::io::Cursor::new(&bytes[..]);
        let found = members(&mut input, bytes.len() as u64).unwrap();
        assert_eq!(found.len(), 300);
        for n in 0..300usize {
            let span = found[&format!("archive/data/{n}")];
            let begin = span.begin as usize;
            assert_eq!((begin % 64, &bytes[begin..begin + n]), (0, &vec![n as u8; n][..]));
        }
    }
}
