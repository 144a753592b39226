//! Band-limited periodic waves read from tables.
//!
//! `w(φ) = Σ_k a_k sin(2πkφ)`, one table for each of several limits on `k`, so that a tone at any pitch has no harmonic above its limit.
//! Reading is linear interpolation at a 32-bit phase that wraps by itself. Source: the usual wavetable synthesis.

use std::sync::OnceLock;

const BITS: u32 = 11;
/// Samples in a table, without the guard sample that closes the circle.
const LENGTH: usize = 1 << BITS;

type Table = [f32; LENGTH + 1];

fn sine() -> &'static [f32; LENGTH] {
    static SINE: OnceLock<Box<[f32; LENGTH]>> = OnceLock::new();
    SINE.get_or_init(|| {
        Box::new(std::array::from_fn(|i| libm::sin(std::f64::consts::TAU * i as f64 / LENGTH as f64) as f32))
    })
}

/// A periodic wave at several bandwidths.
pub(crate) struct Wavetable {
    /// `(number of harmonics, table)`, few harmonics first.
    levels: Vec<(usize, Box<Table>)>,
}

impl Wavetable {
    /// The wave with amplitude `amplitudes[k - 1]` for harmonic `k`, scaled to a root mean square of 0.5.
    pub(crate) fn new(amplitudes: &[f32]) -> Self {
        let power: f32 = amplitudes.iter().map(|a| a * a / 2.0).sum();
        let scale = 0.5 / power.sqrt().max(1e-9);
        let mut sum = [0.0f32; LENGTH + 1];
        let mut levels = Vec::new();
        let mut next_limit = 1.0;
        for (index, amplitude) in amplitudes.iter().enumerate() {
            let harmonic = index + 1;
            if *amplitude != 0.0 {
                for (i, y) in sum.iter_mut().enumerate() {
                    *y += scale * amplitude * sine()[(harmonic * i) % LENGTH];
                }
            }
            if harmonic as f64 >= next_limit || harmonic == amplitudes.len() {
                levels.push((harmonic, Box::new(sum)));
                next_limit = (harmonic as f64 * 1.3).ceil();
            }
        }
        Self { levels }
    }

    /// The richest table whose harmonics stay below 0.45 of the sample rate at `cycles` per sample. None when not even the first does.
    pub(crate) fn table(&self, cycles: f64) -> Option<&Table> {
        let limit = 0.45 / cycles;
        self.levels
            .iter()
            .rev()
            .find(|(harmonics, _)| (*harmonics as f64) <= limit)
            .map(|(_, table)| table.as_ref())
    }

    /// One period of the wave that lasts `period` samples, written over and over until `out` is full.
    pub(crate) fn fill(&self, period: f64, out: &mut [f32]) {
        Oscillator::default().run(self, 1.0 / period, 1.0 / period, out);
    }
}

/// A phase that runs through a wave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oscillator {
    phase: u32,
}

impl Oscillator {
    /// An oscillator that starts at `turn` of its period.
    pub(crate) fn at(turn: f64) -> Self {
        Self { phase: to_phase(turn) }
    }

    /// Writes a stretch of the wave while its frequency ramps from `from` to `to`, in cycles per sample.
    pub(crate) fn run(&mut self, wave: &Wavetable, from: f64, to: f64, out: &mut [f32]) {
        let Some(table) = wave.table(from.max(to)) else {
            out.fill(0.0);
            return;
        };
        let mut step = to_phase(from);
        let bend = ((to_phase(to) as i64 - step as i64) / out.len().max(1) as i64) as u32;
        for y in out {
            let index = (self.phase >> (32 - BITS)) as usize;
            let fraction =
                (self.phase & ((1 << (32 - BITS)) - 1)) as f32 * (1.0 / (1u32 << (32 - BITS)) as f32);
            let (here, next) = (table[index], table[index + 1]);
            *y = here + fraction * (next - here);
            self.phase = self.phase.wrapping_add(step);
            step = step.wrapping_add(bend);
        }
    }
}

fn to_phase(turns: f64) -> u32 {
    (turns.fract() * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_harmonic_is_a_sine_of_the_asked_frequency() {
        let wave = Wavetable::new(&[1.0]);
        let mut out = vec![0.0; 4800];
        Oscillator::default().run(&wave, 0.01, 0.01, &mut out);
        for (i, y) in out.iter().enumerate() {
            let expected = (std::f64::consts::TAU * 0.01 * i as f64).sin() * std::f64::consts::FRAC_1_SQRT_2;
            assert!((f64::from(*y) - expected).abs() < 1e-4, "sample {i}");
        }
    }

    #[test]
    fn no_table_holds_harmonics_beyond_its_limit() {
        let wave = Wavetable::new(&[1.0; 64]);
        assert!(wave.table(0.46).is_none());
        for cycles in [0.4, 0.2, 0.05, 0.01, 0.001] {
            let table = wave.table(cycles).unwrap();
            let strongest = (1..=64usize)
                .filter(|k| {
                    let correlate: f32 = (0..LENGTH).map(|i| table[i] * sine()[(k * i) % LENGTH]).sum();
                    correlate.abs() / LENGTH as f32 > 1e-4
                })
                .max();
            assert!(strongest.unwrap() as f64 * cycles <= 0.45, "{cycles}: {strongest:?}");
        }
    }
}
