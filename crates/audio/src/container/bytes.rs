//! A file read at positions, never past its end and never more than asked for.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::error::Flaw;

pub(super) struct Bytes<'a> {
    reader: BufReader<&'a File>,
    at: u64,
    len: u64,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(reader: BufReader<&'a File>, len: u64) -> Self {
        Self { reader, at: 0, len }
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills as much of `into` as there is at `at`; returns how much.
    pub(super) fn peek(&mut self, at: u64, into: &mut [u8]) -> Result<usize, Flaw> {
        let present = self.len.saturating_sub(at).min(into.len() as u64) as usize;
        if present > 0 {
            self.seek(at)?;
            self.reader.read_exact(&mut into[..present])?;
            self.at = at + present as u64;
        }
        Ok(present)
    }

    /// Reads exactly `N` bytes at `at`.
    pub(super) fn exact<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Flaw> {
        let mut into = [0; N];
        if self.peek(at, &mut into)? < N {
            return Err(Flaw::Truncated("the file ends inside its header".into()));
        }
        Ok(into)
    }

    fn seek(&mut self, at: u64) -> Result<(), Flaw> {
        // A relative step keeps the buffer where it can.
        match i64::try_from(i128::from(at) - i128::from(self.at)) {
            Ok(step) => self.reader.seek_relative(step).map_err(Flaw::Io),
            Err(_) => self.reader.seek(SeekFrom::Start(at)).map(drop).map_err(Flaw::Io),
        }
    }
}
