//! A piano-like instrument: sixteen stiff-string partials, each a decaying rotation.
//!
//! `f_k = k f √(1 + B k²)`, amplitude `|sin(πk/8)| / k`, decay shorter for higher partials and higher notes.
//! Source: N. Fletcher and T. Rossing, *The Physics of Musical Instruments* (1998), chapter 12.

use super::Touch;
use crate::score::{Note, Part};

const N_PARTIALS: usize = 16;
/// Stiffness of a string in the middle of the keyboard.
const INHARMONICITY: f64 = 4e-4;
/// Seconds in which the fundamental of 220 Hz falls by 60 dB.
const RING: f64 = 6.0;
/// Seconds a damped string sounds on.
const RELEASE: f64 = 0.18;

/// Plays every note of `part` into `out`.
pub(crate) fn play(part: &Part, touch: &Touch, sample_rate: u32, out: &mut [f32]) {
    for note in &part.notes {
        let start = (note.start.max(0.0) * f64::from(sample_rate)) as usize;
        if start < out.len() {
            strike(note, part.hertz * libm::exp2(note.cents / 1200.0), touch, sample_rate, &mut out[start..]);
        }
    }
}

fn strike(note: &Note, hertz: f64, touch: &Touch, sample_rate: u32, out: &mut [f32]) {
    let rate = f64::from(sample_rate);
    let mut x = [0.0f32; N_PARTIALS];
    let mut y = [0.0f32; N_PARTIALS];
    let mut turn_x = [0.0f32; N_PARTIALS];
    let mut turn_y = [0.0f32; N_PARTIALS];
    // Louder notes are brighter.
    let softness = 0.22 / (touch.bright * f64::from(note.level).max(0.2));
    for partial in 0..N_PARTIALS {
        let k = partial as f64 + 1.0;
        let f = k * hertz * (1.0 + INHARMONICITY * k * k).sqrt();
        if f < 0.45 * rate {
            let strength = libm::sin(std::f64::consts::PI * k / 8.0).abs() + 0.1;
            y[partial] = (strength / k * libm::exp(-softness * (k - 1.0))) as f32;
            let seconds = RING * libm::pow(220.0 / hertz, 0.6) / (1.0 + 0.25 * (k - 1.0));
            let radius = libm::pow(1e-3, 1.0 / (seconds * rate));
            let omega = std::f64::consts::TAU * f / rate;
            turn_x[partial] = (radius * libm::cos(omega)) as f32;
            turn_y[partial] = (radius * libm::sin(omega)) as f32;
        }
    }
    let hold = (note.seconds * rate) as usize;
    let n = ((note.seconds + RELEASE) * rate) as usize;
    let attack = (0.002 * rate).max(1.0) as f32;
    let tail = (n - hold).max(1) as f32;
    for (i, sample) in out.iter_mut().take(n).enumerate() {
        let mut sum = 0.0;
        for partial in 0..N_PARTIALS {
            let (a, b) = (x[partial], y[partial]);
            x[partial] = a * turn_x[partial] - b * turn_y[partial];
            y[partial] = a * turn_y[partial] + b * turn_x[partial];
            sum += x[partial];
        }
        let damped = 1.0 - i.saturating_sub(hold) as f32 / tail;
        *sample += note.level * sum * (i as f32 / attack).min(1.0) * damped * damped;
    }
}
