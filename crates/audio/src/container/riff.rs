//! WAV and AIFF: chunks of a name and a length, little-endian in the one and big-endian in the other.
//!
//! Sources: Microsoft/IBM *Multimedia Programming Interface and Data Specifications 1.0*, chapter 3; Apple *AIFF-C* (1991).

use super::bytes::Bytes;
use super::{check_channels, check_length, check_rate};
use crate::error::Flaw;

/// More chunks than any writer makes.
const MOST_CHUNKS: usize = 10_000;

/// PCM, float, A-law, µ-law, and those named in an extension.
const WAV_CODECS: [u16; 5] = [1, 3, 6, 7, WAV_EXTENSIBLE];
const WAV_EXTENSIBLE: u16 = 0xfffe;

/// Channels that the decoder has places for where the file names none.
const MOST_PLACES: u16 = 26;

/// Codings of AIFF-C in which a sample has the bytes that its bits need.
const AIFC_AS_THEY_ARE: [[u8; 4]; 8] =
    [*b"NONE", *b"twos", *b"sowt", *b"in24", *b"in32", *b"fl32", *b"FL32", *b"raw "];

/// Returns whether the length of the samples is stated: a program that writes into a pipe cannot know it.
pub(super) fn inspect_wav(bytes: &mut Bytes<'_>, start: u64) -> Result<bool, Flaw> {
    let unknown = [0xff; 4];
    let riff_is_open = bytes.exact::<4>(start + 4)? == unknown;
    let mut format = None;
    let mut at = start + 12;
    for _ in 0..MOST_CHUNKS {
        let Some((name, size)) = chunk(bytes, at)? else { break };
        let stated = u64::from(u32::from_le_bytes(size));
        match &name {
            b"fmt " => {
                let f = bytes.exact::<16>(at + 8)?;
                let n_channels = u16::from_le_bytes([f[2], f[3]]);
                check_channels(u32::from(n_channels))?;
                check_rate(u32::from_le_bytes([f[4], f[5], f[6], f[7]]))?;
                let codec = u16::from_le_bytes([f[0], f[1]]);
                if !WAV_CODECS.contains(&codec) {
                    return Err(Flaw::Unsupported(format!("wav codec {codec:#06x}")));
                }
                if codec != WAV_EXTENSIBLE && n_channels > MOST_PLACES {
                    return Err(Flaw::Unsupported(format!("{n_channels} channels without places")));
                }
                format = Some(u16::from_le_bytes([f[12], f[13]]));
            }
            b"data" => {
                let Some(block) = format else {
                    return Err(Flaw::Absurd("its samples come before their format".into()));
                };
                if block == 0 {
                    return Err(Flaw::Absurd("blocks of 0 bytes".into()));
                }
                let present = bytes.len().saturating_sub(at + 8);
                if riff_is_open && size == unknown {
                    return Ok(false);
                }
                if stated < u64::from(block) {
                    return Err(Flaw::Empty("it has no samples".into()));
                }
                check_length("data chunk", stated, present, bytes.len())?;
                return Ok(true);
            }
            _ => check_length("chunk", stated, bytes.len().saturating_sub(at + 8), bytes.len())?,
        }
        at += 8 + stated + stated % 2;
    }
    Err(missing("data", at, bytes.len()))
}

pub(super) fn inspect_aiff(bytes: &mut Bytes<'_>, start: u64) -> Result<(), Flaw> {
    let is_plain = bytes.exact::<4>(start + 8)? == *b"AIFF";
    let mut common = None;
    let mut present = None;
    let mut at = start + 12;
    for _ in 0..MOST_CHUNKS {
        let Some((name, size)) = chunk(bytes, at)? else { break };
        let stated = u64::from(u32::from_be_bytes(size));
        match &name {
            b"COMM" => {
                let c = bytes.exact::<18>(at + 8)?;
                let n_channels = u32::from(u16::from_be_bytes([c[0], c[1]]));
                check_channels(n_channels)?;
                check_rate(extended(&c[8..18]))?;
                let n_frames = u64::from(u32::from_be_bytes([c[2], c[3], c[4], c[5]]));
                let bits = u64::from(u16::from_be_bytes([c[6], c[7]]));
                let is_plain = is_plain || AIFC_AS_THEY_ARE.contains(&bytes.exact::<4>(at + 26)?);
                common = Some((n_frames, n_frames * u64::from(n_channels) * bits.div_ceil(8), is_plain));
            }
            b"SSND" => {
                let there = bytes.len().saturating_sub(at + 8);
                check_length("sound chunk", stated, there, bytes.len())?;
                present = Some(stated.saturating_sub(8));
            }
            _ => check_length("chunk", stated, bytes.len().saturating_sub(at + 8), bytes.len())?,
        }
        at += 8 + stated + stated % 2;
    }
    match (common, present) {
        (Some((0, ..)), _) => Err(Flaw::Empty("it has no samples".into())),
        (Some((n_frames, n_sound, _)), Some(present)) if n_sound / super::ABSURD_EXCESS > present => {
            Err(Flaw::Absurd(format!("{n_frames} frames in {present} bytes")))
        }
        // AIFF-C may hold fewer bytes than frames imply, when it is compressed.
        (Some((n_frames, n_sound, true)), Some(present)) if n_sound > present => Err(Flaw::Truncated(
            format!("it states {n_frames} frames of {n_sound} bytes, {present} are there"),
        )),
        (Some(_), Some(_)) => Ok(()),
        (None, _) => Err(missing("COMM", at, bytes.len())),
        (_, None) => Err(missing("SSND", at, bytes.len())),
    }
}

/// Name and length, in the file's byte order.
type ChunkHead = ([u8; 4], [u8; 4]);

/// The head of the chunk at `at`, `None` where the file ends.
fn chunk(bytes: &mut Bytes<'_>, at: u64) -> Result<Option<ChunkHead>, Flaw> {
    let mut head = [0; 8];
    if bytes.peek(at, &mut head)? < 8 {
        return Ok(None);
    }
    let [a, b, c, d, e, f, g, h] = head;
    Ok(Some(([a, b, c, d], [e, f, g, h])))
}

/// The file ended, or chunks without end came, before a chunk that must be there.
fn missing(name: &str, at: u64, n_bytes: u64) -> Flaw {
    Flaw::Truncated(format!("no `{name}` chunk up to byte {} of {n_bytes}", at.min(n_bytes)))
}

/// The whole part of an 80-bit float, as sample rates are stated.
fn extended(bytes: &[u8]) -> u32 {
    let exponent = i32::from(u16::from_be_bytes([bytes[0], bytes[1]]) & 0x7fff) - 16383;
    let mantissa = bytes[2..10].iter().fold(0u64, |whole, &byte| whole << 8 | u64::from(byte));
    match exponent {
        0..=31 if bytes[0] & 0x80 == 0 => (mantissa >> (63 - exponent)) as u32,
        32.. => u32::MAX,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn extended_floats_are_read() {
        assert_eq!(super::extended(&[0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 44_100);
        assert_eq!(super::extended(&[0; 10]), 0);
        assert_eq!(super::extended(&[0x7f; 10]), u32::MAX);
    }
}
