//! Flutes and reeds: harmonics that grow with the breath, the breath itself, and the noise of its edge around the tone.
//!
//! Two spectra, for soft and for loud blowing, are blended by the level; turbulence is white noise through two resonators that follow the pitch.
//! Source: N. Fletcher and T. Rossing, *The Physics of Musical Instruments* (1998), chapters 15 and 16; clarinets favour odd harmonics.

use draws::Draws;

use super::Touch;
use super::contour::Contour;
use crate::signal::{Noise, Oscillator, Resonance, Resonators, Wavetable};

/// The figures of a wind instrument.
pub(crate) struct Blown {
    /// Amplitudes of the harmonics blown softly.
    soft: &'static [f32],
    /// And loudly.
    loud: &'static [f32],
    /// Turbulence around the tone, and plain breath.
    turbulence: f32,
    breath: f32,
    /// Extra noise at an attack.
    chiff: f32,
    /// Attack and pitch time constants, seconds.
    pub(crate) attack: f64,
    pub(crate) glide: f64,
}

/// Ney: the second and third harmonics are strong, the breath is always heard.
pub(crate) const NEY: Blown = Blown {
    soft: &[1.0, 0.35, 0.12, 0.05, 0.03],
    loud: &[0.8, 0.9, 0.55, 0.25, 0.2, 0.1, 0.06, 0.03],
    turbulence: 1.1,
    breath: 0.05,
    chiff: 1.2,
    attack: 0.055,
    glide: 0.03,
};

/// Bansuri.
pub(crate) const BANSURI: Blown = Blown {
    soft: &[1.0, 0.18, 0.08, 0.03],
    loud: &[1.0, 0.5, 0.3, 0.12, 0.06, 0.03],
    turbulence: 0.5,
    breath: 0.02,
    chiff: 0.8,
    attack: 0.045,
    glide: 0.022,
};

/// Venu, the shorter and brighter flute of Carnatic music.
pub(crate) const VENU: Blown = Blown {
    soft: &[1.0, 0.3, 0.15, 0.06, 0.02],
    loud: &[0.9, 0.7, 0.45, 0.22, 0.12, 0.06, 0.03],
    turbulence: 0.6,
    breath: 0.03,
    chiff: 1.0,
    attack: 0.03,
    glide: 0.014,
};

/// Transverse flute.
pub(crate) const FLUTE: Blown = Blown {
    soft: &[1.0, 0.3, 0.1, 0.04],
    loud: &[0.9, 0.75, 0.35, 0.2, 0.1, 0.05, 0.02],
    turbulence: 0.3,
    breath: 0.012,
    chiff: 0.6,
    attack: 0.03,
    glide: 0.008,
};

/// Clarinet of Greek folk music.
pub(crate) const CLARINET: Blown = Blown {
    soft: &[1.0, 0.03, 0.35, 0.03, 0.15, 0.03, 0.05],
    loud: &[1.0, 0.08, 0.75, 0.1, 0.55, 0.15, 0.4, 0.15, 0.25, 0.12, 0.15, 0.1, 0.1, 0.06, 0.05],
    turbulence: 0.08,
    breath: 0.01,
    chiff: 0.2,
    attack: 0.025,
    glide: 0.02,
};

/// Plays `contour` into `out`.
pub(crate) fn play(
    spec: &Blown,
    contour: &Contour,
    touch: &Touch,
    draws: &Draws,
    sample_rate: u32,
    out: &mut [f32],
) {
    let tilt = |amplitudes: &[f32]| -> Vec<f32> {
        amplitudes
            .iter()
            .enumerate()
            .map(|(k, a)| a * libm::pow(touch.bright, k.min(6) as f64) as f32)
            .collect()
    };
    let (soft, loud) = (Wavetable::new(&tilt(spec.soft)), Wavetable::new(&tilt(spec.loud)));
    let (mut soft_at, mut loud_at) = (Oscillator::default(), Oscillator::default());
    let mut noise = Noise::new(Draws::from_key(draws.at(1)));
    let mut edge = Resonators::<2>::new(&[], sample_rate);
    let mut bright = vec![0.0f32; sample_rate as usize / 100 + 2];
    let mut rush = bright.clone();
    let mut chiff = 0.0f32;
    let per_cycle = 1.0 / f64::from(sample_rate.max(1));
    for (block, range) in contour.sounding_blocks(sample_rate, out.len()) {
        let out = &mut out[range];
        let n = out.len();
        let (hertz, next_hertz) = (contour.hertz[block], contour.hertz[block + 1]);
        let (from, to) = (hertz * per_cycle, next_hertz * per_cycle);
        soft_at.run(&soft, from, to, out);
        loud_at.run(&loud, from, to, &mut bright[..n]);
        chiff = if contour.onset[block] { spec.chiff } else { chiff * 0.82 };
        edge.tune(0, Resonance::new(hertz, 0.12 * hertz, 1.0), sample_rate);
        edge.tune(1, Resonance::new(2.0 * hertz, 0.3 * hertz, 0.7), sample_rate);
        for x in &mut rush[..n] {
            *x = noise.sample();
        }
        edge.run(&mut rush[..n], spec.breath, spec.turbulence + chiff);
        let (level, next) = (contour.level[block], contour.level[block + 1]);
        let slope = (next - level) / n as f32;
        let mut gain = level;
        let blend = level.min(1.2) * 0.8;
        for ((y, bright), rush) in out.iter_mut().zip(&bright).zip(&rush) {
            *y = gain * (*y + blend * (bright - *y) + rush);
            gain += slope;
        }
    }
}
