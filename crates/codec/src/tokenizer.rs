//! What every tokenizer can do.

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

    /// Codebooks, that is codes a frame.
    fn n_codebooks(&self) -> usize;

    /// Entries of each codebook; codes are below it.
    fn n_entries(&self) -> usize;

    /// Encodes a whole recording, 24 kHz mono, in one go.
    ///
    /// # Shapes
    /// - samples: `[n]`
    /// - returns `[ceil(n / 320), K]`; no samples give no frames
    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_hop_is_a_frame() {
        assert_eq!([0, 1, 320, 321, 24_000].map(frames_of), [0, 1, 1, 2, 75]);
    }
}
