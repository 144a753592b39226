//! The default filter of torchaudio: a sinc of six zero crossings under a squared cosine.
//!
//! With coprime rates o → n and `base = 0.99·min(o, n)`, phase j of n and input offset d:
//! `t = clamp((d/o − j/n)·base, −6, 6)`, `tap = sinc(t)·cos²(πt/12)·base/o`, `sinc(t) = sin πt / πt`.
//! Source: torchaudio `functional.resample` with its default arguments (`sinc_interp_hann`, width 6, roll-off 0.99). The original
//! correlates with the whole width `2·width + o` of a round; the taps where `|t|` reaches 6 vanish, and only the others are kept.
//! Taps are computed in float64 and kept in float32. Pure.

use std::f64::consts::PI;

use super::polyphase::{Kernel, LANES};

const ZERO_CROSSINGS: f64 = 6.0;
const ROLL_OFF: f64 = 0.99;

pub(super) fn kernel(from: usize, to: usize) -> Kernel {
    let (o, n) = (from as f64, to as f64);
    let base = ROLL_OFF * o.min(n);
    let reach = ZERO_CROSSINGS * o / base;
    // Taps beyond the reach are zero.
    let len = ((2.0 * reach).ceil() as usize + 1).next_multiple_of(LANES);
    let mut first = Vec::with_capacity(to);
    let mut taps = Vec::with_capacity(to * len);
    for phase in 0..to {
        let centre = phase as f64 / n;
        let begin = (centre * o - reach).ceil();
        first.push(begin as isize);
        taps.extend((0..len).map(|i| tap(((begin + i as f64) / o - centre) * base, base / o)));
    }
    Kernel { from, to, len, first, taps }
}

fn tap(t: f64, scale: f64) -> f32 {
    let t = t.clamp(-ZERO_CROSSINGS, ZERO_CROSSINGS);
    let sinc = if t == 0.0 { 1.0 } else { (PI * t).sin() / (PI * t) };
    let window = (PI * t / ZERO_CROSSINGS / 2.0).cos().powi(2);
    (sinc * window * scale) as f32
}
