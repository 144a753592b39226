//! MP4: boxes within boxes. Source: ISO/IEC 14496-12, sections 4.2 and 8.
//!
//! Read here: whether every box fits the file, and the first sound track's edit, which says what part of the decoded track is meant
//! to be heard (AAC begins with 1024 or more samples of the encoder's own and ends with padding).

use super::bytes::Bytes;
use super::{Edit, check_length};
use crate::error::Flaw;

/// Largest movie header that is read: tables of a day of AAC take a third of it.
const MOST_HEADER_BYTES: u64 = 1 << 25;

/// More top-level boxes than any writer makes, fragments included.
const MOST_BOXES: usize = 1_000_000;

pub(super) fn inspect(bytes: &mut Bytes<'_>, start: u64) -> Result<Option<Edit>, Flaw> {
    let mut movie = None;
    let mut at = start;
    for _ in 0..MOST_BOXES {
        let mut head = [0; 16];
        let n_head = bytes.peek(at, &mut head)?;
        if n_head < 8 {
            break;
        }
        let short = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let (n_header, size) = match short {
            0 => (8, bytes.len() - at),
            1 if n_head < 16 => return Err(Flaw::Truncated("it ends inside a box header".into())),
            1 => (16, u64::from_be_bytes([8, 9, 10, 11, 12, 13, 14, 15].map(|i: usize| head[i]))),
            _ => (8, short),
        };
        if size < n_header {
            return Err(Flaw::Absurd(format!("a box of {size} bytes at byte {at}")));
        }
        let name = String::from_utf8_lossy(&head[4..8]).into_owned();
        check_length(&format!("box `{name}`"), size, bytes.len() - at, bytes.len())?;
        if &head[4..8] == b"moov" {
            if size > MOST_HEADER_BYTES {
                return Err(Flaw::Absurd(format!("a movie header of {size} bytes")));
            }
            let mut body = vec![0; (size - n_header) as usize];
            bytes.peek(at + n_header, &mut body)?;
            movie = Some(body);
        }
        at += size;
    }
    let movie = movie.ok_or_else(|| Flaw::Truncated("it has no movie header".into()))?;
    check_sizes(&movie, bytes.len(), 0)?;
    Ok(edit(&movie))
}

/// The edit of the first sound track, when it is one plain cut.
fn edit(movie: &[u8]) -> Option<Edit> {
    let movie_rate = timescale(child(movie, *b"mvhd")?)?;
    let track = boxes(movie).filter(|(name, _)| name == b"trak").map(|(_, body)| body).find(|track| {
        child(track, *b"mdia").and_then(|media| child(media, *b"hdlr")).and_then(|h| h.get(8..12))
            == Some(b"soun")
    })?;
    let media_rate = timescale(child(child(track, *b"mdia")?, *b"mdhd")?)?;
    let list = child(child(track, *b"edts")?, *b"elst")?;
    let wide = *list.first()? == 1;
    let n_entries = be(list.get(4..8)?) as usize;
    let entry_len = if wide { 20 } else { 12 };
    let mut cuts = list.get(8..)?.chunks_exact(entry_len).take(n_entries).filter_map(|entry| {
        let (duration, from) = if wide {
            (be(&entry[..8]), be(&entry[8..16]) as i64)
        } else {
            (be(&entry[..4]), i64::from(be(&entry[4..8]) as u32 as i32))
        };
        // A negative time is a pause before the sound, not a cut.
        (from >= 0).then_some((duration, from))
    });
    let (duration, from) = cuts.next()?;
    if cuts.next().is_some() {
        return None;
    }
    let keep = (duration > 0).then_some(duration as f64 / movie_rate);
    Some(Edit { skip: from as f64 / media_rate, keep, grain: 1.0 / movie_rate })
}

/// Refuses packets larger than the file; a table of sizes lies in every track, four boxes deep.
fn check_sizes(parent: &[u8], n_bytes: u64, depth: usize) -> Result<(), Flaw> {
    for (name, body) in boxes(parent) {
        match &name {
            b"trak" | b"mdia" | b"minf" | b"stbl" if depth < 4 => check_sizes(body, n_bytes, depth + 1)?,
            b"stsz" if body.len() >= 12 => {
                let constant = be(&body[4..8]);
                let entries = body[12..].chunks_exact(4).map(be).max().filter(|_| constant == 0);
                let largest = entries.unwrap_or(constant);
                if largest > n_bytes {
                    return Err(Flaw::Absurd(format!("a packet of {largest} bytes in {n_bytes}")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Units a second of a movie or media header.
fn timescale(header: &[u8]) -> Option<f64> {
    let at = if *header.first()? == 1 { 20 } else { 12 };
    let scale = be(header.get(at..at + 4)?);
    (scale > 0).then_some(scale as f64)
}

fn child(parent: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    boxes(parent).find(|(found, _)| *found == name).map(|(_, body)| body)
}

/// The boxes of a body, up to the first that does not fit.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let size = be(rest.get(..4)?) as usize;
        let name = rest.get(4..8)?.try_into().ok()?;
        let body = rest.get(8..size)?;
        rest = &rest[size..];
        Some((name, body))
    })
}

fn be(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |whole, &byte| whole << 8 | u64::from(byte))
}
