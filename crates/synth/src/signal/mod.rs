//! The few signal parts all instruments are made of.

mod noise;
mod resonator;
mod wavetable;

pub(crate) use noise::Noise;
pub(crate) use resonator::{Resonance, Resonators};
pub(crate) use wavetable::{Oscillator, Wavetable};

/// Control values a second: pitch, level and formants are set this often and ramped between.
pub(crate) const CONTROL_RATE: u32 = 200;

/// First sample of control block `block`.
pub(crate) fn block_start(block: usize, sample_rate: u32) -> usize {
    (block as u64 * u64::from(sample_rate) / u64::from(CONTROL_RATE)) as usize
}

/// Root mean square over what sounds: samples in 20 ms windows within 40 dB of the loudest one. 0 for silence.
pub(crate) fn sounding_level(samples: &[f32], sample_rate: u32) -> f32 {
    let window = (sample_rate as usize / 50).max(1);
    let powers: Vec<f64> = samples
        .chunks(window)
        .map(|chunk| {
            // Eight running sums let the loop be vectorised; a window is short, so f32 is exact enough.
            let mut sums = [0.0f32; 8];
            let (eights, rest) = chunk.as_chunks::<8>();
            for eight in eights {
                for (sum, x) in sums.iter_mut().zip(eight) {
                    *sum += x * x;
                }
            }
            let total = sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>();
            f64::from(total) / chunk.len() as f64
        })
        .collect();
    let threshold = powers.iter().copied().fold(0.0, f64::max) * 1e-4;
    let (sum, count) = powers
        .iter()
        .filter(|&&power| power > threshold)
        .fold((0.0, 0u32), |(sum, n), power| (sum + power, n + 1));
    if count == 0 { 0.0 } else { (sum / f64::from(count)).sqrt() as f32 }
}

/// `target += gain · source`, as far as both reach.
pub(crate) fn mix_into(target: &mut [f32], source: &[f32], gain: f32) {
    for (y, x) in target.iter_mut().zip(source) {
        *y += gain * x;
    }
}

/// Coefficient of a one-pole low-pass `y += c·(x − y)` with its corner at `hertz`.
pub(crate) fn one_pole(hertz: f64, sample_rate: u32) -> f32 {
    (1.0 - libm::exp(-std::f64::consts::TAU * hertz / f64::from(sample_rate.max(1)))) as f32
}
