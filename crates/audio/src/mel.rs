//! Log-mel frames, 75 a second at 24 kHz.
//!
//! `y[t, m] = ln(ε + Σ_f B[m, f]·|X[t, f]|²)`; `X[t]` is the transform of `x[hop·t − W/2 .. hop·t + W/2]` under a periodic Hann window
//! `w` scaled by `2/Σw` (a sine of amplitude A on a line has magnitude A); `x` is zero outside the signal; ε = 1e-8. The bands `B` are
//! triangles of peak 1 whose corners are equally spaced on the HTK mel scale, `mel = 2595·log₁₀(1 + f/700)`: O'Shaughnessy 1987, as in
//! the HTK book 3.4, section 5.6. Shapes: `[n]` samples to `[ceil(n/hop), mels]`, row-major. Pure; shared by threads.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use crate::AudioError;

/// Energy added before the logarithm, 80 dB below a full-scale sine.
const FLOOR: f32 = 1e-8;

/// What log-mel frames are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MelConfig {
    /// Samples a second.
    pub sample_rate: u32,
    /// Samples between frames.
    pub hop: usize,
    /// Samples of the window.
    pub window: usize,
    /// Mel bands.
    pub n_mels: usize,
    /// Lower corner of the lowest band, in Hz.
    pub fmin: f64,
    /// Upper corner of the highest band, in Hz.
    pub fmax: f64,
}

impl Default for MelConfig {
    fn default() -> Self {
        Self { sample_rate: 24_000, hop: 320, window: 1024, n_mels: 64, fmin: 30.0, fmax: 12_000.0 }
    }
}

impl MelConfig {
    /// Refuses what has no frames.
    pub fn check(&self) -> Result<(), AudioError> {
        let refuse = |name, value: String, needed| Err(AudioError::Setting { name, value, needed });
        if !(1..=1 << 20).contains(&self.hop) {
            return refuse("mel.hop", self.hop.to_string(), "it lies from 1 to 1048576");
        }
        if !(2..=1 << 20).contains(&self.window) || self.window % 2 == 1 {
            return refuse("mel.window", self.window.to_string(), "it is even and lies from 2 to 1048576");
        }
        if !(1..=4096).contains(&self.n_mels) {
            return refuse("mel.n_mels", self.n_mels.to_string(), "it lies from 1 to 4096");
        }
        let nyquist = f64::from(self.sample_rate) / 2.0;
        if !(self.fmin >= 0.0 && self.fmin < self.fmax && self.fmax <= nyquist) {
            let value = format!("{} to {}", self.fmin, self.fmax);
            return refuse("mel.fmin to mel.fmax", value, "they rise and lie from 0 to half the sample rate");
        }
        Ok(())
    }
}

/// The tables of log-mel frames.
pub struct LogMel {
    config: MelConfig,
    forward: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    bands: Vec<Band>,
}

struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl LogMel {
    /// Makes the tables. Panics where [`MelConfig::check`] refuses.
    pub fn new(config: MelConfig) -> Self {
        Self::try_new(config).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes the tables.
    pub fn try_new(config: MelConfig) -> Result<Self, AudioError> {
        config.check()?;
        let n = config.window as f64;
        // The Hann window sums to n/2.
        let window = (0..config.window).map(|i| ((0.5 - 0.5 * (TAU * i as f64 / n).cos()) * 4.0 / n) as f32);
        let forward = RealFftPlanner::new().plan_fft_forward(config.window);
        Ok(Self { config, forward, window: window.collect(), bands: bands(&config) })
    }

    /// Mel bands of a frame.
    pub fn n_mels(&self) -> usize {
        self.config.n_mels
    }

    /// Log energies of all frames.
    ///
    /// # Shapes
    /// - `samples`: `[n]`, returns `[ceil(n/hop), mels]`
    pub fn transform(&self, samples: &[f32]) -> Vec<f32> {
        let MelConfig { hop, window, n_mels, .. } = self.config;
        let n_frames = samples.len().div_ceil(hop);
        let mut frames = Vec::with_capacity(n_frames * n_mels);
        let mut input = self.forward.make_input_vec();
        let mut spectrum = self.forward.make_output_vec();
        let mut scratch = self.forward.make_scratch_vec();
        for frame in 0..n_frames {
            let centre = frame * hop;
            let skipped = (window / 2).saturating_sub(centre);
            let from = centre.saturating_sub(window / 2);
            let present = &samples[from..samples.len().min(centre + window / 2)];
            input.fill(0.0);
            for ((x, &sample), &weight) in
                input[skipped..].iter_mut().zip(present).zip(&self.window[skipped..])
            {
                *x = sample * weight;
            }
            #[expect(clippy::expect_used, reason = "the plan made the buffers")]
            self.forward
                .process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                .expect("buffers of the plan's lengths");
            frames.extend(self.bands.iter().map(|band| {
                let lines = spectrum[band.first..].iter().zip(&band.weights);
                (FLOOR + lines.map(|(x, weight)| weight * x.norm_sqr()).sum::<f32>()).ln()
            }));
        }
        frames
    }
}

/// The triangles. A band narrower than a line's spacing would hold none: it takes the line nearest to its peak.
fn bands(config: &MelConfig) -> Vec<Band> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let hertz = |mel: f64| 700.0 * (10.0f64.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(config.fmin), mel(config.fmax));
    let step = (high - low) / (config.n_mels + 1) as f64;
    let corner = |i: usize| hertz(low + step * i as f64);
    let spacing = f64::from(config.sample_rate) / config.window as f64;
    let n_lines = config.window / 2 + 1;
    let band = |m: usize| {
        let (left, peak, right) = (corner(m), corner(m + 1), corner(m + 2));
        let first = (left / spacing).floor() as usize + 1;
        let last = ((right / spacing).ceil() as usize).min(n_lines);
        let weight = |line: usize| {
            let hz = line as f64 * spacing;
            ((hz - left) / (peak - left)).min((right - hz) / (right - peak)).max(0.0) as f32
        };
        let weights: Vec<f32> = (first..last).map(weight).collect();
        if weights.iter().any(|weight| *weight > 0.0) {
            return Band { first, weights };
        }
        Band { first: ((peak / spacing).round() as usize).min(n_lines - 1), weights: vec![1.0] }
    };
    (0..config.n_mels).map(band).collect()
}
