//! The kernels of all bins as seen from frequency, where each is a short real band.
//!
//! A kernel's transform at `f` of an `N`-point spectrum is, up to a constant phase, `R(θ)·e^{−πi f/N}` for odd lengths and `R(θ)` for
//! even ones (the window of an odd length is centred half a sample early), with `θ = f/N − f_k/sr` and the real
//! `R(θ) = (2/l)·[T(θ)/2 + T(θ + 1/l)/4 + T(θ − 1/l)/4]`, `T(θ) = sin(πlθ)/tan(πθ)`: the transform of a Hann window, exact.
//! `|R|` falls as `1/(π u³)` at `u = l·|θ|`; it is kept up to the `u` where a full-scale sine out there would add less than
//! [`LEAKAGE`] to the magnitude. Pure.

use std::f64::consts::PI;

use rayon::prelude::*;

use super::CqtConfig;

/// The most that a sine of amplitude 1 outside the band may add, in units of the output (whose scale is `√l/2`, 10 to 110).
const LEAKAGE: f64 = 4e-5;

pub(super) struct Kernels {
    pub(super) bins: Vec<Kernel>,
    /// Lowest and highest spectral line that any band reads; lines below 0 and above `N/2` are mirrored.
    pub(super) lines: std::ops::Range<isize>,
}

pub(super) struct Kernel {
    /// First line of the band.
    pub(super) first: isize,
    /// `R` on the band's lines, times the output's scale and `1/N`.
    pub(super) taps: Vec<f32>,
    /// Whether the window has an odd number of samples.
    pub(super) odd: bool,
}

impl Kernels {
    pub(super) fn new(config: &CqtConfig, n_samples: usize) -> Self {
        let bins: Vec<Kernel> =
            (0..config.n_bins).into_par_iter().map(|bin| kernel(config, bin, n_samples)).collect();
        let first = bins.iter().map(|kernel| kernel.first).min().unwrap_or(0);
        let last = bins.iter().map(|kernel| kernel.first + kernel.taps.len() as isize).max().unwrap_or(0);
        Self { bins, lines: first..last }
    }
}

fn kernel(config: &CqtConfig, bin: usize, n_samples: usize) -> Kernel {
    let n_taps = config.length(bin);
    let (length, n) = (n_taps as f64, n_samples as f64);
    let centre = config.frequency(bin) / f64::from(config.sample_rate);
    let reach = (0.5 * length.sqrt() / (PI * LEAKAGE)).cbrt().max(4.0) / length;
    // A band wider than half the circle would meet itself.
    let reach = reach.min(0.5);
    let first = ((centre - reach) * n).ceil() as isize;
    let last = ((centre + reach) * n).floor() as isize;
    let scale = length.sqrt() / n;
    let tap = |line| (scale * window_transform(line as f64 / n - centre, length)) as f32;
    Kernel { first, taps: (first..=last).map(tap).collect(), odd: n_taps % 2 == 1 }
}

/// `R(θ)`; 1 at 0.
fn window_transform(theta: f64, length: f64) -> f64 {
    let comb = |theta: f64| {
        let slope = (PI * theta).tan();
        if slope.abs() < 1e-12 { length } else { (PI * length * theta).sin() / slope }
    };
    let step = 1.0 / length;
    2.0 / length * (0.5 * comb(theta) + 0.25 * (comb(theta + step) + comb(theta - step)))
}

#[cfg(test)]
mod tests {
    use super::window_transform;
    use std::f64::consts::TAU;

    #[test]
    fn the_closed_form_is_the_sum() {
        for length in [2.0, 3.0, 7.0, 64.0, 401.0] {
            for theta in [0.0, 1e-9, 0.5 / length, 1.0 / length, -1.0 / length, 2.7 / length, 0.31, -0.49] {
                let sum: f64 = (0..length as usize)
                    .map(|i| {
                        let window = 0.5 - 0.5 * (TAU * i as f64 / length).cos();
                        window * (TAU * theta * (i as f64 - length / 2.0)).cos()
                    })
                    .sum();
                let closed = window_transform(theta, length);
                assert!((closed - sum * 2.0 / length).abs() < 1e-9, "{length} {theta}: {closed}");
            }
        }
    }
}
