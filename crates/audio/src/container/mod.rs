//! What a file says about itself, read before any decoder sees it.
//!
//! Decoders trust headers; corpora hold damaged files. So the few numbers that decide about memory and completeness are read here
//! first, from the file's first bytes and chunk headers, and held against the file's real length. Nothing is allocated from them.

mod bytes;
mod flac;
mod mp4;
mod mpeg;
mod ogg;
mod riff;

use std::fs::File;
use std::io::BufReader;

use crate::error::Flaw;
use bytes::Bytes;

/// Sample rates that recordings have; others are damage.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Channels that recordings have.
const MOST_CHANNELS: u32 = 255;

/// A stated length of more than this many times the file is no truncation but nonsense.
const ABSURD_EXCESS: u64 = 1024;

/// The family of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Wav,
    Aiff,
    Flac,
    Ogg,
    Mp4,
    /// MPEG audio or ADTS frames, or something unknown: only the decoder can tell.
    Bare,
}

/// What the container states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) kind: Kind,
    /// Bytes of the file.
    pub(crate) n_bytes: u64,
    /// Where content begins, behind leading tags.
    pub(crate) content: u64,
    /// Whether the frame count that the demuxer reports is stated by the file and not guessed from its size.
    pub(crate) length_is_stated: bool,
    /// The part of the decoded track that is meant to be heard.
    pub(crate) edit: Option<Edit>,
}

/// An edit of an MP4 track, in seconds: encoder delay and padding are cut with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edit {
    /// To skip at the start.
    pub(crate) skip: f64,
    /// To keep after that.
    pub(crate) keep: Option<f64>,
    /// How coarsely the kept length is stated.
    pub(crate) grain: f64,
}

/// Reads what the file states and refuses what cannot be.
pub(crate) fn inspect(file: &File) -> Result<Statement, Flaw> {
    let n_bytes = file.metadata().map_err(Flaw::Io)?.len();
    if n_bytes == 0 {
        return Err(Flaw::Empty("it has no bytes".into()));
    }
    let mut bytes = Bytes::new(BufReader::new(file), n_bytes);
    let content = behind_tags(&mut bytes)?;
    let mut marker = [0; 12];
    let n_marker = bytes.peek(content, &mut marker)?;
    let statement =
        |kind, length_is_stated, edit| Statement { kind, n_bytes, content, length_is_stated, edit };
    let marker = &marker[..n_marker];
    Ok(match marker {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E'] => {
            statement(Kind::Wav, riff::inspect_wav(&mut bytes, content)?, None)
        }
        [b'R', b'F', b'6', b'4', ..] | [b'R', b'I', b'F', b'X', ..] => {
            return Err(Flaw::Unsupported("a variant of RIFF other than `RIFF`".into()));
        }
        [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', b'F' | b'C'] => {
            riff::inspect_aiff(&mut bytes, content)?;
            statement(Kind::Aiff, true, None)
        }
        [b'f', b'L', b'a', b'C', ..] => statement(Kind::Flac, flac::inspect(&mut bytes, content)?, None),
        [b'O', b'g', b'g', b'S', ..] => {
            ogg::inspect(&mut bytes, content)?;
            statement(Kind::Ogg, true, None)
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..] | [_, _, _, _, b'm', b'o', b'o', b'v', ..] => {
            statement(Kind::Mp4, true, mp4::inspect(&mut bytes, content)?)
        }
        // Cut inside the marker of a container.
        [b'R', b'I', b'F', b'F', ..] | [b'F', b'O', b'R', b'M', ..] if n_marker < 12 => {
            return Err(Flaw::Truncated("the file ends inside its header".into()));
        }
        _ => statement(Kind::Bare, mpeg::states_length(&mut bytes, content)?, None),
    })
}

/// Position behind any ID3v2 tags.
fn behind_tags(bytes: &mut Bytes<'_>) -> Result<u64, Flaw> {
    let mut at = 0;
    // Some taggers write one tag in front of another; nobody writes many.
    for _ in 0..8 {
        let mut head = [0; 10];
        if bytes.peek(at, &mut head)? < 10 || &head[..3] != b"ID3" {
            break;
        }
        let size = head[6..10].iter().fold(0u64, |size, &byte| size << 7 | u64::from(byte & 0x7f));
        let footer = if head[5] & 0x10 == 0 { 0 } else { 10 };
        at += 10 + size + footer;
        if at >= bytes.len() {
            return Err(Flaw::Truncated(format!("its tag ends at byte {at} of {}", bytes.len())));
        }
    }
    Ok(at)
}

fn check_rate(rate_hz: u32) -> Result<(), Flaw> {
    if RATES_HZ.contains(&rate_hz) {
        return Ok(());
    }
    let (least, most) = (RATES_HZ.start(), RATES_HZ.end());
    Err(Flaw::Absurd(format!("a sample rate of {rate_hz} Hz, outside {least} to {most}")))
}

fn check_channels(n_channels: u32) -> Result<(), Flaw> {
    match n_channels {
        0 => Err(Flaw::NoChannels),
        1..=MOST_CHANNELS => Ok(()),
        _ => Err(Flaw::Absurd(format!("{n_channels} channels"))),
    }
}

/// Refuses `stated` bytes where only `present` follow.
fn check_length(what: &str, stated: u64, present: u64, n_bytes: u64) -> Result<(), Flaw> {
    if stated <= present {
        return Ok(());
    }
    let detail = format!("its {what} states {stated} bytes, {present} are there");
    Err(if stated / ABSURD_EXCESS > n_bytes { Flaw::Absurd(detail) } else { Flaw::Truncated(detail) })
}

/// Checks the format of the decoded sound as the header was checked.
pub(crate) fn check_format(rate_hz: u32, n_channels: usize) -> Result<(), Flaw> {
    check_channels(u32::try_from(n_channels).unwrap_or(u32::MAX))?;
    check_rate(rate_hz)
}
