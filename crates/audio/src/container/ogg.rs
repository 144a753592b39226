//! Ogg: pages that follow one another to the file's end. Source: RFC 3533, section 6.
//!
//! An Ogg file states no length; but a file that was cut ends inside a page, so the pages are counted through. Demuxers skip pages that
//! are damaged, and what was on them is missed by nobody; so their checksums and numbers are looked at too.

use std::collections::BTreeMap;

use super::bytes::Bytes;
use crate::error::Flaw;

/// Bytes of a page's header but for its table of segments.
const HEAD: usize = 27;

/// Bytes of the longest page.
const LONGEST_PAGE: usize = HEAD + 255 + 255 * 255;

pub(super) fn inspect(bytes: &mut Bytes<'_>, start: u64) -> Result<(), Flaw> {
    let crc = Crc::new();
    let mut page = vec![0; LONGEST_PAGE];
    // The number that the next page of each stream has.
    let mut next = BTreeMap::new();
    let mut at = start;
    while at < bytes.len() {
        let n_head = bytes.peek(at, &mut page[..HEAD])?;
        if n_head >= 4 && &page[..4] != b"OggS" {
            // Something else follows the stream, for instance a tag; a lost page shows when it is decoded.
            return Ok(());
        }
        let n_segments = usize::from(page[26]);
        let table = HEAD..HEAD + n_segments;
        let n_table =
            if n_head < HEAD { 0 } else { bytes.peek(at + HEAD as u64, &mut page[table.clone()])? };
        let n_body: usize = page[HEAD..HEAD + n_table].iter().map(|&n| usize::from(n)).sum();
        let body = table.end..table.end + n_body;
        let is_whole = n_head == HEAD
            && n_table == n_segments
            && bytes.peek(at + table.end as u64, &mut page[body.clone()])? == n_body;
        if !is_whole {
            return Err(Flaw::Truncated(format!("it ends at byte {} inside a page", bytes.len())));
        }
        let stated = number(&page[22..26]);
        page[22..26].fill(0);
        if crc.of(&page[..body.end]) != stated {
            return Err(Flaw::Truncated(format!("the page at byte {at} is damaged")));
        }
        let (stream, number) = (number(&page[14..18]), number(&page[18..22]));
        if next.insert(stream, number.wrapping_add(1)).is_some_and(|expected| expected != number) {
            return Err(Flaw::Truncated(format!("pages are missing before byte {at}")));
        }
        at += body.end as u64;
    }
    Ok(())
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |whole, &byte| whole << 8 | u32::from(byte))
}

/// The checksum of a page: polynomial 0x04c11db7, highest bit first, from zero. Four bytes a step.
struct Crc([[u32; 256]; 4]);

impl Crc {
    fn new() -> Self {
        let mut tables = [[0u32; 256]; 4];
        for (byte, entry) in tables[0].iter_mut().enumerate() {
            let mut crc = (byte as u32) << 24;
            for _ in 0..8 {
                crc = if crc >> 31 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 };
            }
            *entry = crc;
        }
        for table in 1..4 {
            for byte in 0..256 {
                let before = tables[table - 1][byte];
                tables[table][byte] = before << 8 ^ tables[0][(before >> 24) as usize];
            }
        }
        Self(tables)
    }

    fn of(&self, bytes: &[u8]) -> u32 {
        let Self([one, two, three, four]) = self;
        let (words, rest) = bytes.as_chunks::<4>();
        let crc = words.iter().fold(0u32, |crc, &word| {
            let [a, b, c, d] = (crc ^ u32::from_be_bytes(word)).to_be_bytes().map(usize::from);
            four[a] ^ three[b] ^ two[c] ^ one[d]
        });
        rest.iter().fold(crc, |crc, &byte| crc << 8 ^ one[(crc >> 24) as usize ^ usize::from(byte)])
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn four_bytes_a_step_are_the_same_as_a_bit_a_step() {
        let plain = |bytes: &[u8]| {
            bytes.iter().fold(0u32, |crc, &byte| {
                (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                    if crc >> 31 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 }
                })
            })
        };
        let crc = super::Crc::new();
        for n in 0..40u8 {
            let bytes: Vec<u8> = (0..n).map(|i| i.wrapping_mul(91) ^ 0x5a).collect();
            assert_eq!(crc.of(&bytes), plain(&bytes));
        }
        assert_eq!(crc.of(b"123456789"), 0x89a1_897f);
    }
}
