//! The recording: the microphone's bandwidth and noise floor, no constant offset, a level, clean ends.
//!
//! High-pass `y[n] = x[n] − x[n−1] + r y[n−1]` at 25 Hz, one-pole low-pass at the microphone's corner, a gain to the drawn loudness that never
//! lets the peak pass 0.97, then the mean is taken off.

use draws::Draws;

use crate::signal::{Noise, one_pole, sounding_level};

/// Highest peak of a recording.
const CEILING: f32 = 0.97;
/// Fade at both ends, seconds.
const FADE: f64 = 0.012;

/// A performer's microphone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Microphone {
    /// Corner of its low-pass, Hz.
    corner: f64,
    /// Noise against the music, dB.
    noise_decibels: f64,
    /// Loudness of its recordings, root mean square in dB of full scale.
    loudness_decibels: f64,
}

fn from_decibels(decibels: f64) -> f32 {
    libm::exp2(decibels / 20.0 * std::f64::consts::LOG2_10) as f32
}

impl Microphone {
    /// A microphone and the hand at its level.
    pub(crate) fn drawn(draws: &mut Draws) -> Self {
        Self {
            corner: draws.between(5500.0, 10_500.0),
            noise_decibels: draws.between(-72.0, -48.0),
            loudness_decibels: draws.between(-24.0, -16.0),
        }
    }

    /// Records `samples` in place. `draws` are those of the piece.
    pub(crate) fn record(&self, samples: &mut [f32], draws: &mut Draws, sample_rate: u32) {
        let level = sounding_level(samples, sample_rate);
        if level <= 0.0 || samples.is_empty() {
            return;
        }
        let floor = level * from_decibels(self.noise_decibels);
        let mut noise = Noise::new(Draws::from_key(draws.next_u64()));
        let follow = one_pole(self.corner.min(0.4 * f64::from(sample_rate)), sample_rate);
        let keep = 1.0 - one_pole(25.0, sample_rate);
        let (mut smooth, mut before, mut out) = (0.0f32, 0.0f32, 0.0f32);
        for x in samples.iter_mut() {
            smooth += follow * (*x + floor * noise.sample() - smooth);
            out = smooth - before + keep * out;
            before = smooth;
            *x = out;
        }
        let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / samples.len() as f64;
        for x in samples.iter_mut() {
            *x -= mean as f32;
        }
        let peak = samples.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
        let loudness = self.loudness_decibels + draws.between(-2.0, 2.0);
        let gain = (from_decibels(loudness) / level).min(CEILING / peak.max(1e-9));
        for x in samples.iter_mut() {
            *x *= gain;
        }
        fade(samples, sample_rate);
    }
}

fn fade(samples: &mut [f32], sample_rate: u32) {
    let n = ((FADE * f64::from(sample_rate)) as usize).min(samples.len() / 2);
    let last = samples.len() - 1;
    for i in 0..n {
        let share = i as f32 / n as f32;
        samples[i] *= share;
        samples[last - i] *= share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_has_its_level_no_offset_and_never_clips() {
        let microphone = Microphone { corner: 9000.0, noise_decibels: -60.0, loudness_decibels: -20.0 };
        let tone = |i: u32| 3.0 + 40.0 * (0.05 * f64::from(i)).sin();
        let mut samples: Vec<f32> = (0..48_000).map(|i| tone(i) as f32).collect();
        microphone.record(&mut samples, &mut Draws::new(1, "microphone", &[]), 24_000);
        let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / 48_000.0;
        let decibels = 10.0 * (samples.iter().map(|&x| f64::from(x * x)).sum::<f64>() / 48_000.0).log10();
        assert!(mean.abs() < 2e-4, "{mean}");
        assert!((-23.5..-16.5).contains(&decibels), "{decibels}");

        let mut click = vec![0.0f32; 24_000];
        click[12_000] = 100.0;
        microphone.record(&mut click, &mut Draws::new(1, "microphone", &[]), 24_000);
        assert!(click.iter().all(|x| x.is_finite() && x.abs() <= 0.99));
    }
}
