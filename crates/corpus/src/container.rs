//! Which kind of file a recording says it is by its name, and which it is by its first bytes.
//!
//! A name that contradicts the bytes is a sign of a broken archive (a web page saved as `.mp3`, a renamed transfer), so it is
//! quarantined. Bytes that are not recognised contradict nothing: the decoder decides.
//! Signatures: RIFF/WAVE and AIFF chunk headers, FLAC `fLaC`, Ogg `OggS`, ISO base media `ftyp`, ID3v2 2.4 section 3.1,
//! MPEG audio frame sync (ISO 11172-3 section 2.4.1.3), ADTS (ISO 13818-7), Matroska EBML.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// A family of files that share a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Wave,
    Aiff,
    Flac,
    Ogg,
    IsoMedia,
    Mpeg,
    Adts,
    Matroska,
    Caf,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wave => "WAVE",
            Self::Aiff => "AIFF",
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
            Self::IsoMedia => "MPEG-4",
            Self::Mpeg => "MPEG audio",
            Self::Adts => "AAC",
            Self::Matroska => "Matroska",
            Self::Caf => "CAF",
        })
    }
}

/// File endings of recordings and what may be in them.
const ENDINGS: &[(&str, &[Container])] = &[
    ("wav", &[Container::Wave]),
    ("wave", &[Container::Wave]),
    ("aif", &[Container::Aiff]),
    ("aiff", &[Container::Aiff]),
    ("aifc", &[Container::Aiff]),
    ("flac", &[Container::Flac, Container::Ogg]),
    ("ogg", &[Container::Ogg]),
    ("oga", &[Container::Ogg]),
    ("opus", &[Container::Ogg]),
    ("m4a", &[Container::IsoMedia]),
    ("m4b", &[Container::IsoMedia]),
    ("mp4", &[Container::IsoMedia]),
    ("aac", &[Container::Adts, Container::IsoMedia]),
    ("mp3", &[Container::Mpeg]),
    ("mp2", &[Container::Mpeg]),
    ("mp1", &[Container::Mpeg]),
    ("mka", &[Container::Matroska]),
    ("webm", &[Container::Matroska]),
    ("caf", &[Container::Caf]),
];

/// The ending of a file's name in small letters.
pub(crate) fn extension(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// Whether the name is that of a recording.
pub(crate) fn has_audio_extension(path: &Path) -> bool {
    expected(path).is_some()
}

fn expected(path: &Path) -> Option<&'static [Container]> {
    let ending = extension(path);
    ENDINGS.iter().find(|(name, _)| *name == ending).map(|(_, containers)| *containers)
}

/// What the file holds, when its name says something else.
pub(crate) fn contradiction(path: &Path) -> std::io::Result<Option<Container>> {
    let Some(expected) = expected(path) else { return Ok(None) };
    Ok(sniff(&mut File::open(path)?)?.filter(|found| !expected.contains(found)))
}

/// The container of a stream, by its first bytes; an ID3v2 tag in front is stepped over.
fn sniff(stream: &mut (impl Read + Seek)) -> std::io::Result<Option<Container>> {
    let mut start = 0;
    // Two tags in a row are seen in the wild; more are an attack.
    for _ in 0..4 {
        let mut head = [0; 16];
        stream.seek(SeekFrom::Start(start))?;
        let n_read = read_up_to(stream, &mut head)?;
        match id3_length(&head[..n_read]) {
            Some(length) => start += length,
            None => return Ok(by_signature(&head[..n_read])),
        }
    }
    Ok(None)
}

fn by_signature(head: &[u8]) -> Option<Container> {
    let at = |offset: usize, signature: &[u8]| head.get(offset..offset + signature.len()) == Some(signature);
    if (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) && at(8, b"WAVE") {
        return Some(Container::Wave);
    }
    if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        return Some(Container::Aiff);
    }
    if at(0, b"fLaC") {
        return Some(Container::Flac);
    }
    if at(0, b"OggS") {
        return Some(Container::Ogg);
    }
    if at(4, b"ftyp") {
        return Some(Container::IsoMedia);
    }
    if at(0, b"\x1a\x45\xdf\xa3") {
        return Some(Container::Matroska);
    }
    if at(0, b"caff") {
        return Some(Container::Caf);
    }
    match head {
        // Twelve sync bits, then layer 0: ADTS. Eleven sync bits and a layer: MPEG audio.
        [0xFF, second, ..] if second & 0xF6 == 0xF0 => Some(Container::Adts),
        [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => Some(Container::Mpeg),
        _ => None,
    }
}

/// Length of the ID3v2 tag that `head` opens, its header included.
fn id3_length(head: &[u8]) -> Option<u64> {
    let size = head.get(6..10).filter(|_| head.starts_with(b"ID3"))?;
    let size = size.iter().fold(0u64, |length, &byte| (length << 7) | u64::from(byte & 0x7F));
    let footer = if head[5] & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}

fn read_up_to(stream: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut n_read = 0;
    while n_read < buffer.len() {
        match stream.read(&mut buffer[n_read..])? {
            0 => break,
            n => n_read += n,
        }
    }
    Ok(n_read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<Container>) {
        assert_eq!(sniff(&mut Cursor::new(bytes)).unwrap(), expected);
    }

    #[test]
    fn signatures_are_told_apart() {
        check(b"RIFF\0\0\0\0WAVEfmt ", Some(Container::Wave));
        check(b"FORM\0\0\0\0AIFFCOMM", Some(Container::Aiff));
        check(b"\xff\xfb\x90\x00", Some(Container::Mpeg));
        check(b"\xff\xf1\x50\x80", Some(Container::Adts));
        check(b"<html>", None);
        check(b"", None);
    }

    #[test]
    fn an_id3_tag_hides_nothing() {
        let mut tagged = b"ID3\x04\0\0\0\0\x01\x00".to_vec();
        tagged.resize(10 + 128, 0);
        tagged.extend(b"fLaC");
        check(&tagged, Some(Container::Flac));
        // A tag that claims more than there is leaves the question to the decoder.
        check(b"ID3\x04\0\0\x7f\x7f\x7f\x7f", None);
    }
}
