//! What a frame is: 75 a second, log-mel or log constant-Q.
//!
//! Log-mel as the audio crate makes it. Constant-Q magnitudes `m` become `ln(m + 10⁻³)`: loudness is heard in ratios, and the constant
//! keeps silence from dominating. `n` samples give `ceil(n / 320)` frames of `bins` elements, float32. Pure.

use audio::cqt::{Cqt, CqtConfig, CqtStream};
use audio::mel::{LogMel, MelConfig};
use serde::{Deserialize, Serialize};

use crate::tokenizer::check_samples;
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
        let mut frames = Vec::with_capacity(frames_of(samples.len()) * self.features.bins());
        let mut stream = self.stream();
        stream.push(samples, &mut frames)?;
        stream.finish(&mut frames)?;
        Ok(frames)
    }

    /// Frames of a recording that comes in pieces.
    pub(crate) fn stream(&self) -> FrameStream<'_> {
        let source = match &self.transform {
            Transform::LogMel(mel) => FrameSource::LogMel { mel, samples: Vec::new(), first_hop: 0 },
            Transform::Cqt(cqt) => FrameSource::Cqt(Box::new(cqt.stream())),
        };
        FrameStream { bins: self.features.bins(), source, n_samples: 0, n_frames: 0 }
    }
}

/// Hops that a log-mel window reaches to either side.
const MEL_REACH: usize = 2;
/// Log-mel frames that are made at once.
const MEL_BATCH: usize = 256;

/// A recording on its way to frames. What comes out does not depend on the pieces it comes in, by no bit.
pub(crate) struct FrameStream<'a> {
    bins: usize,
    source: FrameSource<'a>,
    n_samples: usize,
    n_frames: usize,
}

enum FrameSource<'a> {
    /// The samples that frames to come see, from hop `first_hop` on.
    LogMel {
        mel: &'a LogMel,
        samples: Vec<f32>,
        first_hop: usize,
    },
    Cqt(Box<CqtStream<'a>>),
}

impl FrameStream<'_> {
    /// Takes the next samples and appends the frames that are settled by now, `[t, bins]`.
    pub(crate) fn push(&mut self, samples: &[f32], frames: &mut Vec<f32>) -> Result<(), CodecError> {
        check_samples(samples, self.n_samples, HOP)?;
        self.n_samples += samples.len();
        let from = frames.len();
        match &mut self.source {
            FrameSource::Cqt(stream) => stream.push(samples, frames),
            FrameSource::LogMel { samples: waiting, .. } => {
                waiting.extend_from_slice(samples);
                let settled = (self.n_samples / HOP).saturating_sub(MEL_REACH);
                if settled >= self.n_frames + MEL_BATCH {
                    self.log_mel(settled, frames);
                }
            }
        }
        self.settle(from, frames)
    }

    /// Appends the rest.
    pub(crate) fn finish(&mut self, frames: &mut Vec<f32>) -> Result<(), CodecError> {
        let from = frames.len();
        let all = frames_of(self.n_samples);
        match &mut self.source {
            FrameSource::Cqt(stream) => stream.finish(frames),
            FrameSource::LogMel { .. } => self.log_mel(all, frames),
        }
        // The constant-Q transform has `n / 320 + 1` frames: one more than there are started hops when 320 divides `n`.
        frames.truncate(from + (all - self.n_frames) * self.bins);
        self.settle(from, frames)
    }

    /// Makes log-mel frames up to `end`. A frame sees its window only, and windows begin on the same samples wherever they are cut out.
    fn log_mel(&mut self, end: usize, frames: &mut Vec<f32>) {
        let FrameSource::LogMel { mel, samples, first_hop } = &mut self.source else { return };
        let made = mel.transform(samples);
        let wanted = (self.n_frames - *first_hop) * self.bins..(end - *first_hop) * self.bins;
        frames.extend_from_slice(&made[wanted]);
        let kept = end.saturating_sub(MEL_REACH).max(*first_hop);
        samples.drain(..samples.len().min((kept - *first_hop) * HOP));
        *first_hop = kept;
    }

    /// Counts and checks the frames that came behind `from`, and puts constant-Q magnitudes on their scale.
    fn settle(&mut self, from: usize, frames: &mut [f32]) -> Result<(), CodecError> {
        let made = &mut frames[from..];
        if matches!(self.source, FrameSource::Cqt(_)) {
            for magnitude in made.iter_mut() {
                *magnitude = (*magnitude + CQT_FLOOR).ln();
            }
        }
        check_finite(made, self.bins, self.n_frames)?;
        self.n_frames += made.len() / self.bins;
        Ok(())
    }
}

/// Refuses NaN and infinity; `first` is the number of the first frame.
pub(crate) fn check_finite(frames: &[f32], dims: usize, first: usize) -> Result<(), CodecError> {
    match frames.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(CodecError::NotFinite { frame_idx: first + at / dims }),
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
