//! What a frame is: 75 a second, log-mel or log constant-Q.
//!
//! Log-mel as the audio crate makes it. Constant-Q magnitudes `m` become `ln(m + 10⁻³)`: loudness is heard in ratios, and the constant
//! keeps silence from dominating. `n` samples give `ceil(n / 320)` frames of `bins` elements, float32. Pure.

use audio::cqt::{Cqt, CqtConfig};
use audio::mel::{LogMel, MelConfig};
use serde::{Deserialize, Serialize};

use crate::{CodecError, HOP, frames_of};

/// Added to constant-Q magnitudes before the logarithm; about 60 dB below a full-scale tone.
const CQT_FLOOR: f32 = 1e-3;

/// Most elements a frame may have.
pub(crate) const MAX_BINS: usize = 4096;

/// Which features the tokenizer quantises. In TOML: `features = { kind = "log-mel", bins = 64 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Features {
    /// Log energies of mel bands.
    LogMel {
        /// Mel bands.
        bins: usize,
    },
    /// Log magnitudes of the constant-Q transform that is the musical teacher too.
    Cqt {
        /// Constant-Q bins, a multiple of 7 (the transform spans seven octaves).
        bins: usize,
    },
}

impl Default for Features {
    fn default() -> Self {
        Self::LogMel { bins: 64 }
    }
}

impl Features {
    /// Elements of a frame.
    pub fn bins(&self) -> usize {
        match *self {
            Self::LogMel { bins } | Self::Cqt { bins } => bins,
        }
    }

    pub(crate) fn check(&self) -> Result<(), CodecError> {
        let refuse = |needed: String| {
            Err(CodecError::Setting { key: "features.bins", value: self.bins().to_string(), needed })
        };
        match *self {
            Self::LogMel { bins } if !(1..=512).contains(&bins) => refuse("from 1 to 512".into()),
            Self::Cqt { bins } if !(7..=MAX_BINS).contains(&bins) || bins % 7 != 0 => {
                refuse(format!("a multiple of 7 up to {MAX_BINS}"))
            }
            _ => Ok(()),
        }
    }
}

/// Makes frames from samples; shared by threads.
pub struct FeatureExtractor {
    features: Features,
    transform: Transform,
}

enum Transform {
    LogMel(Box<LogMel>),
    Cqt(Box<Cqt>),
}

impl FeatureExtractor {
    /// Prepares the transform.
    pub fn new(features: Features) -> Result<Self, CodecError> {
        features.check()?;
        let transform = match features {
            Features::LogMel { bins } => {
                Transform::LogMel(Box::new(LogMel::new(MelConfig { n_mels: bins, ..MelConfig::default() })))
            }
            Features::Cqt { bins } => Transform::Cqt(Box::new(Cqt::new(CqtConfig::mert(bins)))),
        };
        Ok(Self { features, transform })
    }

    /// What a frame is.
    pub fn features(&self) -> Features {
        self.features
    }

    /// Every number that makes a frame, for the hash: frames made otherwise are other frames.
    pub(crate) fn definition(&self) -> String {
        match self.features {
            Features::LogMel { bins } => format!("{:?}", MelConfig { n_mels: bins, ..MelConfig::default() }),
            Features::Cqt { bins } => format!("{:?}, floor {CQT_FLOOR:?}", CqtConfig::mert(bins)),
        }
    }

    /// Frames of a recording, 24 kHz mono.
    ///
    /// # Shapes
    /// - samples: `[n]`
    /// - returns `[ceil(n / 320), bins]`
    pub fn frames(&self, samples: &[f32]) -> Result<Vec<f32>, CodecError> {
        if let Some(at) = samples.iter().position(|x| !x.is_finite()) {
            return Err(CodecError::NotFinite { frame_idx: at / HOP });
        }
        let n_elements = frames_of(samples.len()) * self.features.bins();
        if n_elements == 0 {
            return Ok(Vec::new());
        }
        let mut frames = match &self.transform {
            Transform::LogMel(mel) => mel.transform(samples),
            Transform::Cqt(cqt) => {
                let mut magnitudes = cqt.transform(samples);
                for magnitude in &mut magnitudes {
                    *magnitude = (*magnitude + CQT_FLOOR).ln();
                }
                magnitudes
            }
        };
        // The constant-Q transform has `n / 320 + 1` frames: one more than there are started hops when 320 divides `n`.
        assert!(frames.len() >= n_elements, "the transform makes a frame for every started hop");
        frames.truncate(n_elements);
        check_finite(&frames, self.features.bins())?;
        Ok(frames)
    }
}

/// Refuses NaN and infinity.
pub(crate) fn check_finite(frames: &[f32], dims: usize) -> Result<(), CodecError> {
    match frames.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(CodecError::NotFinite { frame_idx: at / dims }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_started_hop_has_a_frame() {
        for features in [Features::LogMel { bins: 32 }, Features::Cqt { bins: 84 }] {
            let extractor = FeatureExtractor::new(features).unwrap();
            for n in [0, 1, 319, 320, 321, 6400, 24_000] {
                let frames = extractor.frames(&golden::cf_wave("frames", n)).unwrap();
                assert_eq!(frames.len(), n.div_ceil(320) * features.bins(), "{features:?}, {n} samples");
            }
        }
    }

    #[test]
    fn senseless_bins_and_broken_samples_are_refused() {
        for features in
            [Features::LogMel { bins: 0 }, Features::LogMel { bins: 600 }, Features::Cqt { bins: 85 }]
        {
            assert!(FeatureExtractor::new(features).is_err(), "{features:?}");
        }
        let mut samples = golden::cf_wave("broken", 3200);
        samples[1000] = f32::NAN;
        let error = FeatureExtractor::new(Features::default()).unwrap().frames(&samples).unwrap_err();
        assert!(matches!(error, CodecError::NotFinite { frame_idx: 3 }), "{error}");
    }
}
