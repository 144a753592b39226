//! From one sample rate to another.
//!
//! `y[m] = Σ_k x[k]·h(m·from/to − k)`: output `m` lies at input position `m·from/to`, so there is no delay; `n` samples become
//! `ceil(n·to/from)`; equal rates are the identity. What differs between the [`Resampler`]s is `h`.
//!
//! **Invariant:** [`ResamplerStream`] gives, bit for bit, what [`resample`] gives, whatever the blocks.

mod high_quality;
mod polyphase;
mod torchaudio;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::AudioError;

use high_quality::HighQuality;
use polyphase::Polyphase;

/// Which low-pass filter resampling uses. Tokens and features of 44.1 and 48 kHz material depend on it: record which was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resampler {
    /// The default windowed sinc of torchaudio, which EnCodec, MERT and MARBLE use: a poor filter, kept because published models
    /// have heard the world through it.
    #[default]
    Torchaudio,
    /// A long windowed sinc of rubato: flat to 1e-5 up to 0.88 of the lower Nyquist frequency, aliases below 1e-6.
    Hq,
}

impl fmt::Display for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torchaudio => "torchaudio",
            Self::Hq => "hq",
        })
    }
}

impl FromStr for Resampler {
    type Err = AudioError;

    fn from_str(text: &str) -> Result<Self, AudioError> {
        match text {
            "torchaudio" => Ok(Self::Torchaudio),
            "hq" => Ok(Self::Hq),
            _ => Err(AudioError::Setting {
                name: "resampler",
                value: text.to_owned(),
                needed: "it is `torchaudio` or `hq`",
            }),
        }
    }
}

/// Samples that `n_samples` at `from_hz` become at `to_hz`: `ceil(n·to/from)`.
pub fn resampled_len(n_samples: u64, from_hz: u32, to_hz: u32) -> u64 {
    (u128::from(n_samples) * u128::from(to_hz)).div_ceil(u128::from(from_hz.max(1))) as u64
}

/// Resamples a whole signal. Panics when a rate is zero.
///
/// # Shapes
/// - `samples`: `[n]`, returns `[ceil(n·to/from)]`
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32, resampler: Resampler) -> Vec<f32> {
    let mut stream = ResamplerStream::new(from_hz, to_hz, resampler);
    let mut output = Vec::with_capacity(resampled_len(samples.len() as u64, from_hz, to_hz) as usize);
    stream.push(samples, &mut output);
    stream.finish(&mut output);
    output
}

/// Resamples block after block in constant memory.
pub struct ResamplerStream {
    engine: Engine,
}

enum Engine {
    Identity,
    Polyphase(Polyphase),
    HighQuality(Box<HighQuality>),
}

impl ResamplerStream {
    /// A stream at its start. Panics when a rate is zero.
    pub fn new(from_hz: u32, to_hz: u32, resampler: Resampler) -> Self {
        assert!(from_hz > 0 && to_hz > 0, "sample rates are positive");
        let divisor = gcd(from_hz, to_hz);
        let (from, to) = ((from_hz / divisor) as usize, (to_hz / divisor) as usize);
        let engine = match resampler {
            _ if from == to => Engine::Identity,
            Resampler::Torchaudio => Engine::Polyphase(Polyphase::new(torchaudio::kernel(from, to))),
            Resampler::Hq => Engine::HighQuality(Box::new(HighQuality::new(from, to))),
        };
        Self { engine }
    }

    /// Takes a block of any length and appends what can be said of the output so far.
    pub fn push(&mut self, block: &[f32], output: &mut Vec<f32>) {
        match &mut self.engine {
            Engine::Identity => output.extend_from_slice(block),
            Engine::Polyphase(engine) => engine.push(block, output),
            Engine::HighQuality(engine) => engine.push(block, output),
        }
    }

    /// Appends the rest; the signal is followed by zeros. The stream is spent afterwards.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        match &mut self.engine {
            Engine::Identity => {}
            Engine::Polyphase(engine) => engine.finish(output),
            Engine::HighQuality(engine) => engine.finish(output),
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
