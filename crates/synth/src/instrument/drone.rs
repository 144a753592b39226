//! Drones: the tanpura's four strings plucked in turn, and free reeds that hold tonic and fifth.
//!
//! A tanpura is tuned fifth (or fourth), upper tonic, upper tonic, lower tonic; its curved bridge keeps feeding the high partials.
//! Source: B. C. Deva, *The Music of India: A Scientific Study* (1981).

use draws::Draws;

use super::Touch;
use super::plucked;
use crate::instrument::Instrument;
use crate::ornament::Ornament;
use crate::score::{Note, Part};
use crate::signal::{Oscillator, Resonance, Resonators, Wavetable, mix_into};

/// What holds the tonic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drone {
    Tanpura,
    Harmonium,
    ShrutiBox,
}

impl Drone {
    /// Value of its `instrument:` tag.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tanpura => "tanpura",
            Self::Harmonium => "harmonium",
            Self::ShrutiBox => "shruti_box",
        }
    }

    /// Plays the drone on `tonic_hz` with its second pitch `fifth_cents` above.
    pub(crate) fn play(
        self,
        tonic_hz: f64,
        fifth_cents: f64,
        touch: &Touch,
        draws: &Draws,
        sample_rate: u32,
        n_samples: usize,
    ) -> Vec<f32> {
        match self {
            Self::Tanpura => tanpura(tonic_hz, fifth_cents, touch, draws, sample_rate, n_samples),
            Self::Harmonium => {
                let reeds = [0.0, fifth_cents, 1200.0, 1203.0];
                reed_chord(&reeds, 0.75, tonic_hz, touch, draws, sample_rate, n_samples)
            }
            Self::ShrutiBox => {
                let reeds = [0.0, 1.5, fifth_cents, 1200.0];
                reed_chord(&reeds, 1.1, tonic_hz, touch, draws, sample_rate, n_samples)
            }
        }
    }
}

fn tanpura(
    tonic_hz: f64,
    fifth_cents: f64,
    touch: &Touch,
    draws: &Draws,
    sample_rate: u32,
    n_samples: usize,
) -> Vec<f32> {
    let mut own = Draws::from_key(draws.at(0));
    let gap = own.between(0.75, 1.15);
    let strings = [fifth_cents - 1200.0, 0.0, own.between(-1.5, 1.5), -1200.0].map(|cents| {
        let note = Note {
            start: 0.0,
            seconds: 4.0,
            cents,
            level: 1.0,
            ornament: Ornament::default(),
            slurred: false,
        };
        // The instrument of the part does not matter here: the string is named by its figures.
        let part = Part { instrument: Instrument::Sitar, hertz: tonic_hz, gain: 1.0, notes: vec![note] };
        let mut string = vec![0.0; ((4.5 * f64::from(sample_rate)) as usize).min(n_samples)];
        plucked::play(
            &plucked::TANPURA,
            &part,
            touch,
            &Draws::from_key(own.next_u64()),
            sample_rate,
            &mut string,
        );
        string
    });
    let mut out = vec![0.0; n_samples];
    // The tanpura has been playing for a while when the piece begins: the first plucks come close together and softly.
    let mut time = 0.0;
    for pluck in 0.. {
        let start = (time * f64::from(sample_rate)) as usize;
        if start >= n_samples || sample_rate == 0 {
            break;
        }
        mix_into(&mut out[start..], &strings[pluck % 4], own.between(0.85, 1.1) as f32);
        time += if pluck < 3 { 0.1 } else { gap * own.between(0.96, 1.04) };
    }
    out
}

fn reed_chord(
    reeds: &[f64],
    slope: f64,
    tonic_hz: f64,
    touch: &Touch,
    draws: &Draws,
    sample_rate: u32,
    n_samples: usize,
) -> Vec<f32> {
    let mut own = Draws::from_key(draws.at(0));
    let amplitudes: Vec<f32> = (1..=24).map(|k| libm::pow(f64::from(k), -slope) as f32).collect();
    let wave = Wavetable::new(&amplitudes);
    let rate = f64::from(sample_rate.max(1));
    let mut voice = vec![0.0; n_samples];
    let mut out = vec![0.0; n_samples];
    for cents in reeds {
        let cycles = tonic_hz * libm::exp2((cents + own.between(-1.0, 1.0)) / 1200.0) / rate;
        Oscillator::at(own.uniform()).run(&wave, cycles, cycles, &mut voice);
        mix_into(&mut out, &voice, own.between(0.7, 1.0) as f32);
    }
    bellows(&mut out, &mut own, sample_rate);
    let body = [
        Resonance::new(450.0 / touch.size, 120.0, 0.9),
        Resonance::new(1100.0 / touch.size, 250.0, 0.7),
        Resonance::new(2400.0 / touch.size, 600.0, 0.4),
        Resonance::new(90.0, 60.0, 0.4),
    ];
    Resonators::<4>::new(&body, sample_rate).run(&mut out, 0.4, 0.8);
    out
}

/// The slow swell of the bellows, in straight pieces.
fn bellows(samples: &mut [f32], own: &mut Draws, sample_rate: u32) {
    let mut level = 0.3f32;
    for push in samples.chunks_mut((sample_rate as usize * 2 / 3).max(1)) {
        let next = own.between(0.75, 1.0) as f32;
        let slope = (next - level) / push.len() as f32;
        for y in push {
            *y *= level;
            level += slope;
        }
    }
}
