//! Bowed strings: a Helmholtz sawtooth, brighter as it grows louder, with bow noise, through the resonances of a body.
//!
//! `a_k = |sin(πkβ)| / (β k^s)`-like spectrum for a bow at `β` of the string, `s` the slope. Source: N. Fletcher and T. Rossing, *The Physics of
//! Musical Instruments* (1998), chapter 10, for the Helmholtz motion and the main wood and bridge resonances.

use draws::Draws;

use super::Touch;
use super::contour::Contour;
use crate::signal::{Noise, Oscillator, Resonance, Resonators, Wavetable, one_pole};

/// The figures of a bowed instrument.
pub(crate) struct Bowed {
    /// Spectral slope.
    slope: f64,
    /// Bow noise.
    noise: f32,
    /// Corner of the bridge at full level, Hz.
    corner: f64,
    /// Detunings of the players, cents.
    players: &'static [f64],
    body: [Resonance; 8],
    /// Attack and pitch time constants, seconds.
    pub(crate) attack: f64,
    pub(crate) glide: f64,
}

const fn at(hertz: f64, bandwidth: f64, weight: f32) -> Resonance {
    Resonance::new(hertz, bandwidth, weight)
}

/// Turkish classical kemençe (pear-shaped, gut strings touched with the nail).
pub(crate) const KEMENCE: Bowed = Bowed {
    slope: 1.05,
    noise: 0.05,
    corner: 3800.0,
    players: &[0.0],
    body: [
        at(420.0, 70.0, 1.2),
        at(640.0, 90.0, 1.0),
        at(980.0, 120.0, 1.4),
        at(1500.0, 160.0, 1.2),
        at(2300.0, 260.0, 1.3),
        at(3100.0, 350.0, 0.8),
        at(4300.0, 500.0, 0.4),
        at(6000.0, 900.0, 0.2),
    ],
    attack: 0.03,
    glide: 0.02,
};

/// Cretan lyra.
pub(crate) const LYRA: Bowed = Bowed {
    slope: 0.9,
    noise: 0.07,
    corner: 5200.0,
    players: &[0.0],
    body: [
        at(380.0, 60.0, 0.9),
        at(560.0, 80.0, 1.2),
        at(860.0, 110.0, 1.0),
        at(1250.0, 140.0, 1.5),
        at(1950.0, 220.0, 1.4),
        at(2800.0, 320.0, 1.2),
        at(3900.0, 450.0, 0.8),
        at(5600.0, 800.0, 0.4),
    ],
    attack: 0.018,
    glide: 0.01,
};

/// Sarangi: skin belly, gut strings, many sympathetic strings.
pub(crate) const SARANGI: Bowed = Bowed {
    slope: 0.85,
    noise: 0.06,
    corner: 4200.0,
    players: &[0.0],
    body: [
        at(260.0, 70.0, 0.7),
        at(450.0, 70.0, 1.3),
        at(800.0, 90.0, 1.6),
        at(1150.0, 110.0, 1.6),
        at(1700.0, 160.0, 1.1),
        at(2600.0, 240.0, 1.2),
        at(3600.0, 380.0, 0.6),
        at(5000.0, 700.0, 0.3),
    ],
    attack: 0.04,
    glide: 0.025,
};

/// Violin, tuned and held the Carnatic way, one string glided on.
pub(crate) const VIOLIN: Bowed = Bowed {
    slope: 1.0,
    noise: 0.035,
    corner: 4600.0,
    players: &[0.0],
    body: [
        at(280.0, 40.0, 1.3),
        at(460.0, 45.0, 1.2),
        at(550.0, 50.0, 1.1),
        at(860.0, 90.0, 0.7),
        at(1300.0, 150.0, 0.8),
        at(2400.0, 400.0, 1.3),
        at(3100.0, 500.0, 1.0),
        at(4800.0, 900.0, 0.3),
    ],
    attack: 0.03,
    glide: 0.018,
};

/// A section of strings.
pub(crate) const STRINGS: Bowed = Bowed {
    slope: 1.15,
    noise: 0.03,
    corner: 3600.0,
    players: &[-7.0, 1.0, 8.0],
    body: [
        at(250.0, 60.0, 1.2),
        at(430.0, 80.0, 1.1),
        at(560.0, 80.0, 1.0),
        at(900.0, 150.0, 0.8),
        at(1400.0, 250.0, 0.8),
        at(2300.0, 500.0, 0.9),
        at(3200.0, 700.0, 0.7),
        at(4800.0, 1200.0, 0.3),
    ],
    attack: 0.07,
    glide: 0.02,
};

/// Plays `contour` into `out`.
pub(crate) fn play(
    spec: &Bowed,
    contour: &Contour,
    touch: &Touch,
    draws: &Draws,
    sample_rate: u32,
    out: &mut [f32],
) {
    let mut own = Draws::from_key(draws.at(0));
    let bow = own.between(0.06, 0.12);
    let amplitudes: Vec<f32> = (1..=48)
        .map(|k| {
            let k = f64::from(k);
            ((libm::sin(std::f64::consts::PI * k * bow).abs() + 0.15) / libm::pow(k, spec.slope)) as f32
        })
        .collect();
    let wave = Wavetable::new(&amplitudes);
    let mut players: Vec<(f64, Oscillator)> = spec
        .players
        .iter()
        .map(|cents| (libm::exp2(cents / 1200.0), Oscillator::at(own.uniform())))
        .collect();
    let mut noise = Noise::new(Draws::from_key(draws.at(1)));
    let mut scratch = vec![0.0f32; sample_rate as usize / 100 + 2];
    let mut smooth = 0.0f32;
    let per_cycle = 1.0 / f64::from(sample_rate.max(1));
    for (block, range) in contour.sounding_blocks(sample_rate, out.len()) {
        let out = &mut out[range];
        let n = out.len();
        for (index, (detune, oscillator)) in players.iter_mut().enumerate() {
            let (from, to) =
                (contour.hertz[block] * per_cycle * *detune, contour.hertz[block + 1] * per_cycle * *detune);
            if index == 0 {
                oscillator.run(&wave, from, to, out);
            } else {
                oscillator.run(&wave, from, to, &mut scratch[..n]);
                out.iter_mut().zip(&scratch[..n]).for_each(|(y, x)| *y += x);
            }
        }
        let (level, next) = (contour.level[block], contour.level[block + 1]);
        let follow = one_pole(spec.corner * touch.bright * f64::from(0.35 + 0.65 * level), sample_rate);
        let slope = (next - level) / n as f32;
        let mut gain = level;
        for y in out {
            smooth += follow * (*y + spec.noise * noise.sample() - smooth);
            *y = gain * smooth;
            gain += slope;
        }
    }
    let body = spec.body.map(|r| Resonance { hertz: r.hertz / touch.size, ..r });
    Resonators::<8>::new(&body, sample_rate).run(out, 0.35, 1.0);
}
