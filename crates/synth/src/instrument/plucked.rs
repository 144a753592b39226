//! Plucked strings after Karplus and Strong, with fractional delay, so that any pitch and any bend is in tune.
//!
//! `y[n] = g Σ_m h_m y[n − D − m]`, where `h` is a cubic Lagrange delay of the fraction of the period convolved with the smoothing
//! `[b, 1 − 2b, b]`. `g` gives the decay of the fundamental and `b` that of 4 kHz, both in seconds, whatever the pitch and the sample rate. The string starts as one period of the
//! spectrum `sin(πkβ) / k^s` of a pluck at `β` of its length. As nothing younger than `D − 2` samples is read, a whole stretch of that length is computed at once.
//! Sources: K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres" (1983); D. Jaffe and J. Smith, "Extensions of the
//! Karplus–Strong plucked-string algorithm" (1983); T. Laakso et al., "Splitting the unit delay" (1996).

use draws::Draws;

use super::Touch;
use crate::ornament::Ornament;
use crate::score::Part;
use crate::signal::{Noise, Resonance, Resonators, Wavetable, one_pole};

/// The figures of a plucked instrument.
pub(crate) struct Plucked {
    /// Where the string is plucked, as a share of its length.
    pick: f64,
    /// Spectral slope: smaller is brighter.
    slope: f64,
    /// Seconds in which 220 Hz falls by 60 dB (lower strings ring longer).
    ring: f64,
    /// Seconds in which 4 kHz does.
    ring_high: f64,
    /// The strings of a course: cents from the note, and weight.
    course: &'static [(f64, f32)],
    body: [Resonance; 4],
    /// Share of the sound that comes straight from the string, not through the body.
    direct: f32,
    /// The buzzing bridge (jawari) of sitar and tanpura.
    pub(crate) buzz: f32,
    /// Noise of the plectrum or nail.
    click: f32,
    /// Seconds a string sounds on after its note.
    release: f64,
}

const fn at(hertz: f64, bandwidth: f64, weight: f32) -> Resonance {
    Resonance::new(hertz, bandwidth, weight)
}

pub(crate) const TANBUR: Plucked = Plucked {
    pick: 0.09,
    slope: 0.75,
    ring: 3.5,
    ring_high: 0.5,
    course: &[(-1.5, 1.0), (1.5, 0.9)],
    body: [at(230.0, 60.0, 0.8), at(520.0, 90.0, 0.9), at(1200.0, 200.0, 0.8), at(2600.0, 500.0, 0.6)],
    direct: 0.7,
    buzz: 0.0,
    click: 0.10,
    release: 0.25,
};

pub(crate) const OUD: Plucked = Plucked {
    pick: 0.16,
    slope: 1.25,
    ring: 1.6,
    ring_high: 0.12,
    course: &[(-2.0, 1.0), (2.0, 0.9)],
    body: [at(110.0, 35.0, 1.6), at(230.0, 50.0, 1.3), at(410.0, 90.0, 1.0), at(900.0, 250.0, 0.6)],
    direct: 0.35,
    buzz: 0.0,
    click: 0.16,
    release: 0.12,
};

pub(crate) const KANUN: Plucked = Plucked {
    pick: 0.12,
    slope: 0.7,
    ring: 2.6,
    ring_high: 0.35,
    course: &[(-2.2, 1.0), (0.0, 0.9), (1.8, 0.9)],
    body: [at(320.0, 80.0, 0.9), at(700.0, 120.0, 0.8), at(1600.0, 300.0, 0.6), at(3000.0, 700.0, 0.4)],
    direct: 0.8,
    buzz: 0.0,
    click: 0.08,
    release: 0.5,
};

pub(crate) const SITAR: Plucked = Plucked {
    pick: 0.07,
    slope: 0.65,
    ring: 4.0,
    ring_high: 1.2,
    course: &[(0.0, 1.0)],
    body: [at(280.0, 70.0, 0.7), at(650.0, 110.0, 0.7), at(1700.0, 300.0, 0.8), at(3200.0, 600.0, 0.8)],
    direct: 0.8,
    buzz: 0.8,
    click: 0.12,
    release: 0.5,
};

pub(crate) const VEENA: Plucked = Plucked {
    pick: 0.1,
    slope: 0.95,
    ring: 4.5,
    ring_high: 0.6,
    course: &[(0.0, 1.0)],
    body: [at(180.0, 45.0, 1.2), at(380.0, 70.0, 1.0), at(850.0, 150.0, 0.8), at(2100.0, 400.0, 0.6)],
    direct: 0.6,
    buzz: 0.35,
    click: 0.06,
    release: 0.5,
};

pub(crate) const BOUZOUKI: Plucked = Plucked {
    pick: 0.1,
    slope: 0.7,
    ring: 2.2,
    ring_high: 0.4,
    course: &[(-2.5, 1.0), (2.5, 1.0)],
    body: [at(260.0, 60.0, 0.9), at(560.0, 90.0, 1.0), at(1100.0, 180.0, 0.8), at(2900.0, 500.0, 0.7)],
    direct: 0.6,
    buzz: 0.0,
    click: 0.14,
    release: 0.1,
};

pub(crate) const LAOUTO: Plucked = Plucked {
    pick: 0.14,
    slope: 0.85,
    ring: 2.0,
    ring_high: 0.25,
    course: &[(-2.0, 1.0), (1202.0, 0.5)],
    body: [at(140.0, 40.0, 1.3), at(300.0, 60.0, 1.1), at(620.0, 110.0, 0.9), at(1800.0, 400.0, 0.5)],
    direct: 0.5,
    buzz: 0.0,
    click: 0.15,
    release: 0.15,
};

pub(crate) const GUITAR: Plucked = Plucked {
    pick: 0.22,
    slope: 1.1,
    ring: 3.2,
    ring_high: 0.25,
    course: &[(0.0, 1.0)],
    body: [at(102.0, 25.0, 1.4), at(205.0, 35.0, 1.2), at(400.0, 60.0, 0.8), at(750.0, 200.0, 0.5)],
    direct: 0.6,
    buzz: 0.0,
    click: 0.05,
    release: 0.35,
};

/// The string of a tanpura: long and very bright.
pub(crate) const TANPURA: Plucked = Plucked {
    pick: 0.5,
    slope: 0.55,
    ring: 9.0,
    ring_high: 3.0,
    course: &[(0.0, 1.0)],
    body: [at(170.0, 50.0, 0.8), at(420.0, 90.0, 0.7), at(1200.0, 300.0, 0.5), at(2600.0, 700.0, 0.5)],
    direct: 0.8,
    buzz: 1.4,
    click: 0.0,
    release: 0.5,
};

/// Plays every note of `part` into `out`.
pub(crate) fn play(
    spec: &Plucked,
    part: &Part,
    touch: &Touch,
    draws: &Draws,
    sample_rate: u32,
    out: &mut [f32],
) {
    let wave = spectrum(spec, touch);
    let mut own = Draws::from_key(draws.at(0));
    let mut click = Noise::new(Draws::from_key(draws.at(1)));
    let mut string = Vec::new();
    let rate = f64::from(sample_rate);
    for note in &part.notes {
        let seconds = note.seconds + spec.release;
        for (index, &(cents, weight)) in spec.course.iter().enumerate() {
            // The plectrum meets the strings of a course one after the other.
            let start = ((note.start + 0.006 * index as f64 * own.uniform()).max(0.0) * rate) as usize;
            if start >= out.len() {
                continue;
            }
            let target = &mut out[start..];
            let hertz = part.hertz * libm::exp2((note.cents + cents) / 1200.0);
            let n = ((seconds * rate) as usize).min(target.len());
            vibrate(spec, &wave, hertz, &note.ornament, note.seconds, sample_rate, n, &mut string);
            let gain = weight * note.level;
            let hold = ((note.seconds * rate) as usize).min(n);
            release(&mut string, hold, sample_rate);
            crate::signal::mix_into(&mut target[..n], &string, gain);
            let mut scrape = gain * spec.click;
            for y in &mut target[..n.min(sample_rate as usize / 60)] {
                *y += scrape * click.sample();
                scrape *= 0.985;
            }
        }
    }
    if spec.buzz > 0.0 {
        buzz(out, spec.buzz * touch.bright as f32, sample_rate);
    }
    let body = spec.body.map(|r| Resonance { hertz: r.hertz / touch.size, ..r });
    Resonators::<4>::new(&body, sample_rate).run(out, spec.direct, 1.0);
}

/// The wave a string starts with.
fn spectrum(spec: &Plucked, touch: &Touch) -> Wavetable {
    let slope = spec.slope - 0.5 * libm::log(touch.bright);
    let amplitudes: Vec<f32> = (1..=64)
        .map(|k| {
            let k = f64::from(k);
            // A plectrum has some width: no harmonic vanishes.
            ((0.12 + libm::sin(std::f64::consts::PI * k * spec.pick).abs()) / libm::pow(k, slope)) as f32
        })
        .collect();
    Wavetable::new(&amplitudes)
}

/// Fills `string` with `n` samples of a string at `hertz`.
#[expect(
    clippy::too_many_arguments,
    reason = "the inner voice of one function; a struct would only rename them"
)]
fn vibrate(
    spec: &Plucked,
    wave: &Wavetable,
    hertz: f64,
    ornament: &Ornament,
    note_seconds: f64,
    sample_rate: u32,
    n: usize,
    string: &mut Vec<f32>,
) {
    let rate = f64::from(sample_rate);
    let bend_at = |sample: usize| libm::exp2(ornament.cents_at(sample as f64 / rate, note_seconds) / 1200.0);
    let plain = ornament.is_plain();
    let first = rate / (hertz * if plain { 1.0 } else { bend_at(0) });
    // The longest period a bend can ask for; slides of more than an octave down do not occur.
    let history = (2.0 * rate / hertz).ceil() as usize + 8;
    string.clear();
    string.resize(history + n, 0.0);
    if first < 8.0 {
        return;
    }
    wave.fill(first, &mut string[..history]);
    let mut done = history;
    let mut taps = [0.0f32; 6];
    let mut shortest = 0;
    while done < string.len() {
        if shortest == 0 || !plain {
            let period = if plain { first } else { rate / (hertz * bend_at(done - history)) };
            let period = period.clamp(8.0, (history - 4) as f64);
            taps = loop_filter(spec, period, sample_rate);
            shortest = period.floor() as usize - 2;
        }
        let stretch = if plain { shortest } else { shortest.min(64) }.min(string.len() - done);
        let (past, now) = string.split_at_mut(done);
        let oldest = &past[done - shortest - 5..];
        for (i, y) in now[..stretch].iter_mut().enumerate() {
            let x = &oldest[i..i + 6];
            *y = taps[5] * x[0]
                + taps[4] * x[1]
                + taps[3] * x[2]
                + taps[2] * x[3]
                + taps[1] * x[4]
                + taps[0] * x[5];
        }
        done += stretch;
    }
    string.drain(..history);
}

/// The six coefficients of the loop, for delays from `⌊period⌋ − 2` to `⌊period⌋ + 3` samples.
fn loop_filter(spec: &Plucked, period: f64, sample_rate: u32) -> [f32; 6] {
    let rate = f64::from(sample_rate);
    let hertz = rate / period;
    // 60 dB are a factor of 1000, spread over `hertz · seconds` rounds.
    let per_round = |seconds: f64| libm::pow(1e-3, 1.0 / (hertz * seconds));
    let gain = per_round(spec.ring * (220.0 / hertz).sqrt());
    let high = (4000.0 / rate).min(0.4) * std::f64::consts::TAU;
    let smoothing =
        ((1.0 - per_round(spec.ring_high) / gain) / (2.0 * (1.0 - libm::cos(high)))).clamp(0.0, 0.25);
    let d = 1.0 + period.fract();
    let lagrange = [
        -(d - 1.0) * (d - 2.0) * (d - 3.0) / 6.0,
        d * (d - 2.0) * (d - 3.0) / 2.0,
        -d * (d - 1.0) * (d - 3.0) / 2.0,
        d * (d - 1.0) * (d - 2.0) / 6.0,
    ];
    let mut taps = [0.0f64; 6];
    for (index, &weight) in lagrange.iter().enumerate() {
        taps[index] += smoothing * weight;
        taps[index + 1] += (1.0 - 2.0 * smoothing) * weight;
        taps[index + 2] += smoothing * weight;
    }
    taps.map(|tap| (gain * tap) as f32)
}

/// Softens the first millisecond and damps what follows `hold` samples.
fn release(string: &mut [f32], hold: usize, sample_rate: u32) {
    let attack = (sample_rate as usize / 700).max(1).min(string.len());
    for (i, y) in string[..attack].iter_mut().enumerate() {
        *y *= i as f32 / attack as f32;
    }
    let tail = &mut string[hold..];
    let n = tail.len();
    for (i, y) in tail.iter_mut().enumerate() {
        let left = 1.0 - i as f32 / n as f32;
        *y *= left * left * left;
    }
}

/// The string grazing a curved bridge: its rounded upper halves excite high partials, more as it swings wider.
fn buzz(samples: &mut [f32], amount: f32, sample_rate: u32) {
    let follow = one_pole(12.0, sample_rate);
    let rise = one_pole(2200.0, sample_rate);
    let (mut envelope, mut low) = (0.0f32, 0.0f32);
    for x in samples {
        envelope += follow * (x.abs() - envelope);
        let swing = (*x / (envelope + 1e-6)).clamp(0.0, 4.0);
        let graze = envelope * swing * swing * 0.3;
        low += rise * (graze - low);
        *x += amount * (graze - low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_keeps_the_fundamental_for_as_long_as_the_table_says() {
        for sample_rate in [24_000u32, 48_000] {
            for period in [40.3, 101.5, 180.0] {
                let taps = loop_filter(&GUITAR, period, sample_rate);
                let omega = std::f64::consts::TAU / period;
                let (mut real, mut imaginary) = (0.0, 0.0);
                for (index, &tap) in taps.iter().enumerate() {
                    let angle = omega * (period.floor() - 2.0 + index as f64);
                    real += f64::from(tap) * angle.cos();
                    imaginary += f64::from(tap) * angle.sin();
                }
                let hertz = f64::from(sample_rate) / period;
                let seconds = -6.907_755 / real.hypot(imaginary).ln() / hertz;
                let expected = GUITAR.ring * (220.0 / hertz).sqrt();
                assert!(seconds < 1.05 * expected && seconds > 0.5 * expected, "{seconds} for {expected}");
                // One round is one period: the phase that is left is far below a cent.
                assert!(imaginary.atan2(real).abs() < 2e-3, "{period}: {}", imaginary.atan2(real));
            }
        }
    }
}
