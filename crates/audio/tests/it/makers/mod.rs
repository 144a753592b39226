//! Small recordings of every container, written byte by byte: whole ones, and the parts to make bad ones of.

mod aiff;
mod flac;
mod mp3;
mod mp4;
mod ogg;
mod wav;
mod zoo;

pub(crate) use aiff::Aiff;
pub(crate) use flac::Flac;
pub(crate) use mp3::{id3, mp3};
pub(crate) use mp4::{Mp4, movie_box};
pub(crate) use ogg::{Page, opus_head, opus_pages, opus_tags, pages};
pub(crate) use wav::Wav;
pub(crate) use zoo::{Specimen, zoo};

/// `n` samples of a tone, between -9000 and 9000.
pub(crate) fn tone(n: usize) -> Vec<i16> {
    (0..n).map(|i| ((i as f64 * 0.1).sin() * 9000.0) as i16).collect()
}
