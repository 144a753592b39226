//! How samples, frames and labels of a batch line up.
//!
//! Frames T of L samples by the convolutions; with `r = label rate · stride / sample rate`, frames beyond the labels are trimmed: when
//! `r·T > columns`, `T = ⌊columns / r⌋` (`mert_model.py` 1018–1033). Frame `t` is told by label `⌊r·t⌋`. Of a clip padded to L samples, a
//! frame of `⌊L / T⌋` samples is real when any of its samples is (1035). Pure.

use crate::{EncoderConfig, MertError};

/// Labels a second over samples a second: 75 / 24000, one label for 320 samples.
const SAMPLES_PER_LABEL: f64 = 320.0;

/// Frames of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Frames T of every clip, after trimming.
    pub n_frames: usize,
    /// Real frames of each clip.
    pub n_valid: Vec<usize>,
    /// Labels for a frame; 1 for the published models.
    pub labels_per_frame: f64,
}

impl Geometry {
    /// For clips padded to `n_samples`, of which the first `valid_samples` of each are real, with `label_columns` labels a clip.
    pub fn new(
        config: &EncoderConfig,
        n_samples: usize,
        valid_samples: &[usize],
        label_columns: usize,
    ) -> Result<Self, MertError> {
        let labels_per_frame = config.stride() as f64 / SAMPLES_PER_LABEL;
        let mut n_frames = config.n_frames(n_samples);
        if labels_per_frame * n_frames as f64 > label_columns as f64 {
            n_frames = (label_columns as f64 / labels_per_frame) as usize;
        }
        if n_frames == 0 {
            return Err(MertError::TooShort { samples: n_samples, needed: config.field_of_view() });
        }
        let frame_samples = n_samples / n_frames;
        let n_valid = valid_samples.iter().map(|&n| n.div_ceil(frame_samples).min(n_frames)).collect();
        Ok(Self { n_frames, n_valid, labels_per_frame })
    }

    /// The label column of frame `t`.
    pub fn label_of(&self, t: usize) -> usize {
        (self.labels_per_frame * t as f64) as usize
    }

    /// The real frames of each clip when some clip is padded.
    pub(crate) fn padding(&self) -> Option<&[usize]> {
        self.n_valid.iter().any(|&n| n < self.n_frames).then_some(self.n_valid.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seconds_have_374_frames_and_labels_shorten_them() {
        let config = EncoderConfig::v1_95m();
        let frames = |columns| Geometry::new(&config, 120_000, &[120_000], columns).unwrap().n_frames;
        assert_eq!([frames(375), frames(374), frames(372)], [374, 374, 372]);
        assert!(Geometry::new(&config, 399, &[399], 5).is_err());
    }

    #[test]
    fn a_frame_is_real_when_one_of_its_samples_is() {
        let config = EncoderConfig::v1_95m();
        let n_valid = Geometry::new(&config, 120_000, &[0, 1, 320, 321, 119_999], 375).unwrap().n_valid;
        assert_eq!(n_valid, [0, 1, 1, 2, 374]);
    }
}
