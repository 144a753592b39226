//! The kernels of all bins in time, as the original keeps them in its checkpoints: for files that its program is to open.
//!
//! Kernel k is `hann(l_k)·e^{2πi f_k n/sr} / l_k`, n from `floor(−l_k/2)`, divided by its L1 norm in float64, rounded to float32, and
//! placed in the middle of a row of `W` samples, the least power of two that holds the longest. Source: nnAudio 0.3.4 `create_cqt_kernels`,
//! with its order of operations, so that the bytes agree. Our own transform does not use them. Pure.

use std::f64::consts::PI;

use super::CqtConfig;
use crate::AudioError;

/// Elements above which no kernels are made: 1 GiB of each part.
const MOST_ELEMENTS: usize = 1 << 28;

/// Kernels in time. B bins, W samples.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeKernels {
    /// Length of each bin's window, samples, `[B]`.
    pub lengths: Vec<f32>,
    /// W.
    pub width: usize,
    /// Real parts, `[B, W]`.
    pub real: Vec<f32>,
    /// Imaginary parts, `[B, W]`.
    pub imaginary: Vec<f32>,
}

impl CqtConfig {
    /// Makes the kernels in time.
    pub fn time_kernels(&self) -> Result<TimeKernels, AudioError> {
        self.check()?;
        let width = self.length(0).next_power_of_two();
        if width.saturating_mul(self.n_bins) > MOST_ELEMENTS {
            let (name, value) = ("cqt.n_bins", self.n_bins.to_string());
            return Err(AudioError::Setting {
                name,
                value,
                needed: "the kernels in time take at most 1 GiB",
            });
        }
        let mut kernels = TimeKernels {
            lengths: (0..self.n_bins).map(|bin| self.length(bin) as f32).collect(),
            width,
            real: vec![0.0; self.n_bins * width],
            imaginary: vec![0.0; self.n_bins * width],
        };
        for bin in 0..self.n_bins {
            let row = bin * width..(bin + 1) * width;
            self.kernel(bin, &mut kernels.real[row.clone()], &mut kernels.imaginary[row]);
        }
        Ok(kernels)
    }

    fn kernel(&self, bin: usize, real: &mut [f32], imaginary: &mut [f32]) {
        let n_taps = self.length(bin);
        let length = n_taps as f64;
        let step = 2.0 * PI / length;
        let first = (-length / 2.0).floor();
        let taps: Vec<(f64, f64)> = (0..n_taps)
            .map(|index| {
                let window = 0.5 + 0.5 * (index as f64 * step - PI).cos();
                let angle =
                    (first + index as f64) * 2.0 * PI * self.frequency(bin) / f64::from(self.sample_rate);
                let scale = 1.0 / length;
                (window * angle.cos() * scale, window * angle.sin() * scale)
            })
            .collect();
        let norm: f64 = taps.iter().map(|(re, im)| re.hypot(*im)).sum();
        // A window of an odd length begins half a sample early.
        let start = real.len() / 2 - n_taps / 2 - n_taps % 2;
        for (index, (re, im)) in taps.into_iter().enumerate() {
            real[start + index] = (re * (1.0 / norm)) as f32;
            imaginary[start + index] = (im * (1.0 / norm)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_have_unit_norm_and_lie_in_the_middle() {
        let config = CqtConfig::mert(84);
        let kernels = config.time_kernels().unwrap();
        assert_eq!(kernels.lengths.len(), 84);
        for bin in [0, 1, 40, 83] {
            let row = bin * kernels.width..(bin + 1) * kernels.width;
            let magnitude = kernels.real[row.clone()].iter().zip(&kernels.imaginary[row.clone()]);
            let norm: f64 = magnitude.map(|(&re, &im)| f64::from(re.hypot(im))).sum();
            assert!((norm - 1.0).abs() < 1e-5, "{norm}");
            let centre = kernels.width / 2;
            let peak = (0..kernels.width).max_by(|&a, &b| {
                let size = |at: usize| kernels.real[row.start + at].hypot(kernels.imaginary[row.start + at]);
                size(a).total_cmp(&size(b))
            });
            assert!(peak.unwrap().abs_diff(centre) <= 1, "{peak:?} of {}", kernels.width);
        }
    }

    #[test]
    fn absurd_numbers_of_bins_are_refused() {
        assert!(CqtConfig::mert(16_384).time_kernels().is_err());
    }
}
