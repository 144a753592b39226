//! MPEG audio frames without a container: does the first one hold a count of the frames?
//!
//! Encoders hide a tag named `Xing`, `Info` or `VBRI` in a silent first frame. Without it demuxers guess the length from the first
//! frame's bit rate, which is no statement.

use super::bytes::Bytes;
use crate::error::Flaw;

/// Bytes between a frame's start and its tag: header, perhaps a checksum, side information of 9, 17 or 32 bytes.
const XING_OFFSETS: [usize; 6] = [13, 15, 21, 23, 36, 38];
const VBRI_OFFSET: usize = 36;

pub(super) fn states_length(bytes: &mut Bytes<'_>, start: u64) -> Result<bool, Flaw> {
    let mut head = [0; 8192];
    let n_head = bytes.peek(start, &mut head)?;
    let head = &head[..n_head];
    let synced = |at: Option<usize>| {
        at.and_then(|at| head.get(at..at + 2)).is_some_and(|b| b[0] == 0xff && b[1] & 0xe0 == 0xe0)
    };
    Ok(head.windows(4).enumerate().any(|(at, name)| match name {
        b"Xing" | b"Info" => XING_OFFSETS.iter().any(|&offset| synced(at.checked_sub(offset))),
        b"VBRI" => synced(at.checked_sub(VBRI_OFFSET)),
        _ => false,
    }))
}
