//! The part of the zip format that torch writes: members stored as they are, zip64 where needed.
//!
//! Source: PKWARE's application note (end of central directory, central directory, local headers). All fields little-endian.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

/// A central directory names some thousand members; a larger one is not torch's.
const LARGEST_DIRECTORY: u64 = 8 << 20;

/// Where a checkpoint is read from: a file, or bytes in memory.
pub(super) trait Input: Read + Seek + Send {}

impl<T: Read + Seek + Send> Input for T {}

/// Where a member's bytes lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) begin: u64,
    pub(super) length: u64,
}

/// Members by name. Sizes are checked against the file; nothing is read but headers.
pub(super) fn members(file: &mut dyn Input, file_length: u64) -> Result<BTreeMap<String, Span>, String> {
    let (directory, entries) = directory(file, file_length)?;
    let mut members = BTreeMap::new();
    let mut rest = &directory[..];
    for _ in 0..entries {
        let header = rest.get(..46).filter(|header| header.starts_with(b"PK\x01\x02"));
        let header = header.ok_or("its central directory is cut short")?;
        let (name_length, extra_length) = (u16_at(header, 28), u16_at(header, 30));
        let total = 46 + name_length + extra_length + u16_at(header, 32);
        let all = rest.get(..total).ok_or("its central directory is cut short")?;
        let name = String::from_utf8_lossy(&all[46..46 + name_length]).into_owned();
        let extra = &all[46 + name_length..46 + name_length + extra_length];
        let (length, local) =
            sizes(header, extra).ok_or_else(|| format!("member `{name}` has damaged sizes"))?;
        if u16_at(header, 10) != 0 {
            return Err(format!("member `{name}` is compressed, which torch never does"));
        }
        let begin = local_data(file, local).map_err(|reason| format!("member `{name}`: {reason}"))?;
        if begin.checked_add(length).is_none_or(|end| end > file_length) {
            return Err(format!("member `{name}` ends behind the file"));
        }
        if members.insert(name.clone(), Span { begin, length }).is_some() {
            return Err(format!("member `{name}` is there twice"));
        }
        rest = &rest[total..];
    }
    Ok(members)
}

/// The bytes of the central directory and the number of its entries.
fn directory(file: &mut dyn Input, file_length: u64) -> Result<(Vec<u8>, u64), String> {
    let tail_length = file_length.min(65_557);
    let tail_begin = file_length - tail_length;
    let tail = read(file, tail_begin, tail_length)?;
    let is_end = |at: &usize| tail[*at..].starts_with(b"PK\x05\x06") && tail.len() - at >= 22;
    let at = (0..tail.len())
        .rev()
        .find(is_end)
        .ok_or("it has no end of a zip directory; the file is cut short")?;
    let end = &tail[at..];
    let (mut entries, mut size, mut begin) =
        (u16_at(end, 10) as u64, u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
    let end_position = tail_begin + at as u64;
    if entries == 0xffff || size == 0xffff_ffff || begin == 0xffff_ffff {
        let locator = read(file, end_position.checked_sub(20).ok_or("its zip64 locator is missing")?, 20)?;
        if !locator.starts_with(b"PK\x06\x07") {
            return Err("its zip64 locator is missing".into());
        }
        let record = read(file, u64_at(&locator, 8), 56)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err("its zip64 record is damaged".into());
        }
        (entries, size, begin) = (u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48));
    }
    if size > LARGEST_DIRECTORY || begin.checked_add(size).is_none_or(|end| end > file_length) {
        return Err(format!("its central directory claims {size} bytes at {begin}"));
    }
    Ok((read(file, begin, size)?, entries))
}

/// Length of a member and position of its local header, from the fixed fields or the zip64 extra field.
fn sizes(header: &[u8], extra: &[u8]) -> Option<(u64, u64)> {
    let (packed, length, local) = (u32_at(header, 20), u32_at(header, 24), u32_at(header, 42));
    let mut wide: &[u8] = &[];
    let mut rest = extra;
    while rest.len() >= 4 {
        let (id, size) = (u16_at(rest, 0), u16_at(rest, 2));
        let body = rest.get(4..4 + size)?;
        if id == 1 {
            wide = body;
        }
        rest = &rest[4 + size..];
    }
    // The extra field holds only what does not fit the header, in this order.
    let mut next = |narrow: u32| {
        if narrow != u32::MAX {
            return Some(u64::from(narrow));
        }
        let (value, later) = wide.split_at_checked(8)?;
        wide = later;
        Some(u64_at(value, 0))
    };
    let length = next(length)?;
    let packed = next(packed)?;
    let local = next(local)?;
    (packed == length).then_some((length, local))
}

fn local_data(file: &mut dyn Input, position: u64) -> Result<u64, String> {
    let header = read(file, position, 30)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err("its local header is damaged".into());
    }
    let skip = 30 + u16_at(&header, 26) as u64 + u16_at(&header, 28) as u64;
    position.checked_add(skip).ok_or_else(|| "its position is absurd".into())
}

/// Reads a checked, small number of bytes.
fn read(file: &mut dyn Input, begin: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length as usize];
    file.seek(SeekFrom::Start(begin))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
