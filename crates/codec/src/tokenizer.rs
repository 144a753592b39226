//! What every tokenizer can do: a whole recording at once, or piece by piece in memory that does not grow with its length.

use crate::{CodecError, Codes};

/// Samples between two frames: 24 000 Hz / 75 Hz, the stride of EnCodec's encoder and of the model's front end.
pub const HOP: usize = 320;

/// Frames of `n_samples` samples: `ceil(n / 320)`.
pub fn frames_of(n_samples: usize) -> usize {
    n_samples.div_ceil(HOP)
}

/// Turns sound into discrete codes. Pure: the same samples give the same codes on any number of threads.
pub trait Tokenizer: Send + Sync {
    /// The kind, for people: `residual-kmeans`, `encodec`.
    fn name(&self) -> &str;

    /// Hexadecimal digits (16 or more) of the content that determines the codes. Codes on disk are kept under it.
    fn hash(&self) -> &str;

    /// Samples a frame, at 24 kHz. A corpus takes codes of [`HOP`] only.
    fn hop(&self) -> usize {
        HOP
    }

    /// Codebooks, that is codes a frame.
    fn n_codebooks(&self) -> usize;

    /// Entries of each codebook; codes are below it.
    fn n_entries(&self) -> usize;

    /// Kilobits a second of the codes: `K · log₂ C · ⌈24000 / hop⌉ / 1000`.
    fn kbps(&self) -> f64 {
        let rate = (audio::SAMPLE_RATE as usize).div_ceil(self.hop());
        self.n_codebooks() as f64 * (self.n_entries() as f64).log2() * rate as f64 / 1000.0
    }

    /// Begins a recording that comes in pieces.
    fn stream(&self) -> Box<dyn CodeStream + '_>;

    /// No codes yet, to be filled by a stream.
    fn no_codes(&self) -> Codes {
        Codes { n_frames: 0, n_codebooks: self.n_codebooks(), data: Vec::new() }
    }

    /// Encodes a whole recording, 24 kHz mono, in one go.
    ///
    /// # Shapes
    /// - samples: `[n]`
    /// - returns `[ceil(n / hop), K]`; no samples give no frames
    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError> {
        let (mut codes, mut stream) = (self.no_codes(), self.stream());
        stream.push(samples, &mut codes)?;
        stream.finish(&mut codes)?;
        drop(stream);
        Ok(codes)
    }
}

/// A recording on its way through a [`Tokenizer`]. The codes do not depend on how it is cut into pieces.
///
/// After an error the stream is of no more use.
pub trait CodeStream: Send {
    /// Takes the next samples, 24 kHz mono, and appends the codes that are settled by now.
    fn push(&mut self, samples: &[f32], codes: &mut Codes) -> Result<(), CodecError>;

    /// Appends the rest; the recording is over.
    fn finish(&mut self, codes: &mut Codes) -> Result<(), CodecError>;
}

/// Refuses NaN and infinity; `position` is that of the first sample in its recording.
pub(crate) fn check_samples(samples: &[f32], position: usize, hop: usize) -> Result<(), CodecError> {
    match samples.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(CodecError::NotFinite { frame_idx: (position + at) / hop }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_hop_is_a_frame() {
        assert_eq!([0, 1, 320, 321, 24_000].map(frames_of), [0, 1, 1, 2, 75]);
    }
}
