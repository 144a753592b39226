//! Recordings to 24 kHz mono samples, constant-Q and log-mel spectra: files and slices in, slices out.
//!
//! [`load`] and [`Stream24k`] decode wav, aiff, flac, mp3, ogg (vorbis, opus) and m4a (aac) by content, average the channels and
//! resample; [`to_24k`] does the same with samples that are held already, [`resample`] does the last step alone, and [`seconds`] says how long a
//! recording is without decoding it where it can. [`cqt::Cqt`] and [`mel::LogMel`] turn samples into frames, 75 a second.
//!
//! **Invariant:** nothing here prints, and no file makes it panic: what cannot be used is an [`AudioError`] with its [`Fault`].
//! **Invariant:** a recording is either whole or an error; it is never shorter than its container says.
//! **Invariant:** reading ends: after two days of sound, more than 1024 samples a byte, or 65 536 packets without sound it is an error.
//! **Invariant:** the samples do not depend on how a recording was cut into blocks, nor on threads.

/// Samples a second of everything behind the decoder.
pub const SAMPLE_RATE: u32 = 24_000;

mod container;
pub mod cqt;
mod decode;
mod error;
mod held;
pub mod mel;
mod resample;
mod stream;
mod wav;

pub use error::{AudioError, Fault};
pub use held::to_24k;
pub use resample::{Resampler, ResamplerStream, resample, resampled_len};
pub use stream::{Stream24k, load, seconds};
pub use wav::write_wav;
