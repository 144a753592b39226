//! The constant-Q transform, as MERT's musical teacher computes it.
//!
//! `f_k = f_0·2^(k/b)`, `Q = 1/(2^(1/b) − 1)`, `l_k = ceil(Q·sr/f_k)`; bin k of frame t is
//! `√l_k · |Σ_τ x[hop·t + τ]·w_k(τ)·e^{2πi f_k τ/sr}| / (l_k/2)`, τ from `−ceil(l_k/2)`, `w_k` the periodic Hann window of `l_k`
//! samples; `x` is zero outside the signal. No logarithm, no floor: a steady sine of amplitude A gives `A/2·√l_k`.
//! Source: nnAudio 0.3.4 `CQT1992v2` with the arguments in MERT's `mert_model.py`.
//!
//! The original sums 3.5 million taps a frame. Here a block of the signal is transformed once; a kernel is short in frequency, so
//! each bin is a few products with its band, folded to the frame rate and transformed back (`kernels.rs`, `block.rs`).
//! Shapes: `[n]` samples to `[n/hop + 1, bins]`, row-major. Pure; tables are made once and shared by threads.

mod block;
mod kernels;
mod original;
mod stream;

use crate::AudioError;
use block::{Block, Layout, Plans};
use kernels::Kernels;

pub use original::TimeKernels;
pub use stream::CqtStream;

/// What a constant-Q transform is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CqtConfig {
    /// Samples a second.
    pub sample_rate: u32,
    /// Samples between frames.
    pub hop: usize,
    /// Frequency of the lowest bin, in Hz.
    pub fmin: f64,
    /// Bins.
    pub n_bins: usize,
    /// Bins an octave.
    pub bins_per_octave: usize,
}

impl CqtConfig {
    /// The transform of MERT's musical teacher: 24 kHz, 75 frames a second, seven octaves from 32.7 Hz (C1). MERT-95M was trained
    /// with 336 bins. Not a multiple of 7: the octaves are cut to whole bins, as in the original.
    pub fn mert(n_bins: usize) -> Self {
        Self { sample_rate: 24_000, hop: 320, fmin: 32.7, n_bins, bins_per_octave: (n_bins / 7).max(1) }
    }

    /// Refuses what has no transform.
    pub fn check(&self) -> Result<(), AudioError> {
        let refuse = |name, value: String, needed| Err(AudioError::Setting { name, value, needed });
        if !(1_000..=768_000).contains(&self.sample_rate) {
            return refuse("cqt.sample_rate", self.sample_rate.to_string(), "it lies from 1000 to 768000");
        }
        if !(1..=1 << 16).contains(&self.hop) {
            return refuse("cqt.hop", self.hop.to_string(), "it lies from 1 to 65536");
        }
        if !(1..=1 << 14).contains(&self.n_bins) {
            return refuse("cqt.n_bins", self.n_bins.to_string(), "it lies from 1 to 16384");
        }
        if !(1..=1 << 11).contains(&self.bins_per_octave) {
            return refuse("cqt.bins_per_octave", self.bins_per_octave.to_string(), "it lies from 1 to 2048");
        }
        if !(self.fmin.is_finite() && self.fmin > 0.0 && self.length(0) <= 1 << 22) {
            return refuse("cqt.fmin", self.fmin.to_string(), "its window has at most 4194304 samples");
        }
        let top = self.frequency(self.n_bins - 1);
        if top >= f64::from(self.sample_rate) / 2.0 {
            return refuse(
                "cqt.n_bins",
                self.n_bins.to_string(),
                "the top bin lies below half the sample rate",
            );
        }
        Ok(())
    }

    /// Frequency of a bin, in Hz.
    pub fn frequency(&self, bin: usize) -> f64 {
        self.fmin * 2.0f64.powf(bin as f64 / self.bins_per_octave as f64)
    }

    /// Samples of a bin's window.
    pub fn length(&self, bin: usize) -> usize {
        let q = 1.0 / (2.0f64.powf(1.0 / self.bins_per_octave as f64) - 1.0);
        (q * f64::from(self.sample_rate) / self.frequency(bin)).ceil() as usize
    }
}

/// The tables of a constant-Q transform.
pub struct Cqt {
    config: CqtConfig,
    layout: Layout,
    kernels: Kernels,
    plans: Plans,
}

impl Cqt {
    /// Makes the tables. Panics where [`CqtConfig::check`] refuses.
    pub fn new(config: CqtConfig) -> Self {
        Self::try_new(config).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes the tables.
    pub fn try_new(config: CqtConfig) -> Result<Self, AudioError> {
        config.check()?;
        let layout = Layout::new(config.hop, config.length(0), config.sample_rate);
        let kernels = Kernels::new(&config, layout.n_samples());
        let plans = Plans::new(layout, &kernels);
        Ok(Self { config, layout, kernels, plans })
    }

    /// Bins of a frame.
    pub fn n_bins(&self) -> usize {
        self.config.n_bins
    }

    /// What this transform is.
    pub fn config(&self) -> &CqtConfig {
        &self.config
    }

    /// Frames of `n_samples`: `n/hop + 1`, and none of no samples.
    pub fn n_frames(&self, n_samples: usize) -> usize {
        if n_samples == 0 { 0 } else { n_samples / self.config.hop + 1 }
    }

    /// Magnitudes of all frames.
    ///
    /// # Shapes
    /// - `samples`: `[n]`, returns `[n/hop + 1, bins]`
    pub fn transform(&self, samples: &[f32]) -> Vec<f32> {
        let n_bins = self.n_bins();
        let mut frames = vec![0.0; self.n_frames(samples.len()) * n_bins];
        let mut block = self.block();
        for (index, rows) in frames.chunks_mut(self.layout.n_frames * n_bins).enumerate() {
            block.transform(samples, index * self.layout.n_frames, rows);
        }
        frames
    }

    /// Magnitudes of a recording that comes in pieces: those of [`Self::transform`], bit for bit.
    pub fn stream(&self) -> CqtStream<'_> {
        CqtStream::new(self)
    }

    fn block(&self) -> Block<'_> {
        Block::new(self.layout, &self.kernels, &self.plans)
    }
}
