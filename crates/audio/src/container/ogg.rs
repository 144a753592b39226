//! Ogg: pages that follow one another to the file's end. Source: RFC 3533, section 6.
//!
//! An Ogg file states no length; but a file that was cut ends inside a page, so the pages are counted through.

use super::bytes::Bytes;
use crate::error::Flaw;

pub(super) fn inspect(bytes: &mut Bytes<'_>, start: u64) -> Result<(), Flaw> {
    let mut at = start;
    while at < bytes.len() {
        let mut head = [0; 27];
        let n_head = bytes.peek(at, &mut head)?;
        if n_head >= 4 && &head[..4] != b"OggS" {
            // Something else follows the stream, for instance a tag; a lost page shows when it is decoded.
            return Ok(());
        }
        let mut lacing = [0; 255];
        let n_segments = usize::from(head[26]);
        let n_lacing = if n_head < 27 { 0 } else { bytes.peek(at + 27, &mut lacing[..n_segments])? };
        let n_body: u64 = lacing[..n_lacing].iter().map(|&n| u64::from(n)).sum();
        let end = at + 27 + n_lacing as u64 + n_body;
        if n_head < 27 || n_lacing < n_segments || end > bytes.len() {
            return Err(Flaw::Truncated(format!("it ends at byte {} inside a page", bytes.len())));
        }
        at = end;
    }
    Ok(())
}
