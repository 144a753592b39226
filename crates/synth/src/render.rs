//! From a piece to its samples: arrange, play every part, mix, put it in a room, record it.
//!
//! `y = microphone(room(Σ_p g_p x_p / ‖x_p‖))`, `‖·‖` the level over what sounds, so that `g` alone balances the ensemble. Pure and sequential: the same piece
//! and rate give the same samples whatever the machine and however many pieces are rendered side by side.

use draws::Draws;

use crate::arrange::arrange;
use crate::instrument;
use crate::performer::Performer;
use crate::piece::Piece;
use crate::signal::{mix_into, sounding_level};

/// Longest rendering that is made, samples: an hour at 192 kHz.
const MOST_SAMPLES: f64 = 3600.0 * 192_000.0;

/// Renders `piece` as mono samples at `rate_hz`: `round(piece.seconds · rate_hz)` of them, within ±0.99, finite, without offset.
///
/// A rate of 0 gives no samples.
pub fn render(piece: &Piece, rate_hz: u32) -> Vec<f32> {
    let n_samples = (piece.seconds * f64::from(rate_hz)).round().clamp(0.0, MOST_SAMPLES) as usize;
    let recipe = &piece.recipe;
    let performer = Performer::of(recipe, piece.tradition);
    let score = arrange(piece, &performer);
    let mut mix = vec![0.0; n_samples];
    let mut add = |sound: &[f32], gain: f32| {
        let level = sounding_level(sound, rate_hz);
        if level > 0.0 {
            mix_into(&mut mix, sound, gain / level);
        }
    };
    for (index, part) in score.parts.iter().enumerate() {
        let draws = Draws::new(recipe.seed, "part", &[index as u64]);
        add(&instrument::play(part, &performer.touch, &draws, rate_hz, n_samples), part.gain);
    }
    let mut balance = Draws::new(recipe.seed, "balance", &[]);
    let (kit_gain, drone_gain) = (balance.between(0.45, 0.8) as f32, balance.between(0.25, 0.5) as f32);
    if let Some((kit, hits)) = &score.kit {
        let draws = Draws::new(recipe.performer_seed, "kit", &[]);
        add(&kit.play(hits, score.tonic_hz, &draws, rate_hz, n_samples), kit_gain);
    }
    if let Some((drone, fifth)) = score.drone {
        let draws = Draws::new(recipe.performer_seed, "drone", &[]);
        add(&drone.play(score.tonic_hz, fifth, &performer.touch, &draws, rate_hz, n_samples), drone_gain);
    }
    performer.room.fill(&mut mix, rate_hz);
    performer.microphone.record(&mut mix, &mut Draws::new(recipe.seed, "recording", &[]), rate_hz);
    mix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tradition;
    use crate::instrument::{Instrument, Touch};
    use crate::ornament::Ornament;
    use crate::piece::{Recipe, Split};
    use crate::recording::Microphone;
    use crate::room::Room;
    use crate::score::{Note, Part};
    use crate::theory::makam::COMMAS;
    use crate::vocabulary::modes;

    const RATE: u32 = 24_000;

    /// Fundamental near `near`, Hz: the lag between `±40` cents at which the normalised autocorrelation over many periods is highest.
    fn fundamental(samples: &[f32], near: f64) -> f64 {
        let period = f64::from(RATE) / near;
        // Many periods apart, a cent is many samples' worth of phase.
        let n_periods = (0.15 * near).floor().max(1.0);
        let correlation = |lag: usize| -> f64 {
            let (a, b) = (&samples[..samples.len() - lag], &samples[lag..]);
            let product: f64 = a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum();
            let power = |s: &[f32]| s.iter().map(|x| f64::from(x * x)).sum::<f64>();
            product / (power(a) * power(b)).sqrt()
        };
        // Within half a period of the lag asked for, so that the right period is counted.
        let centre = n_periods * period;
        let (low, high) = ((centre - 0.45 * period) as usize, (centre + 0.45 * period) as usize + 1);
        let best = (low..=high).max_by(|&a, &b| correlation(a).total_cmp(&correlation(b))).unwrap();
        let [before, here, after] = [best - 1, best, best + 1].map(correlation);
        let shift = 0.5 * (before - after) / (before - 2.0 * here + after);
        n_periods * f64::from(RATE) / (best as f64 + shift)
    }

    /// The scale of `tradition`'s modes as `instrument` sounds it: `(mode, asked cents, heard cents)`.
    fn heard_scales(tradition: Tradition, instrument: Instrument) -> Vec<(&'static str, f64, f64)> {
        let touch = Touch { bright: 1.0, size: 1.0 };
        let hertz = instrument.home_hz();
        let mut heard = Vec::new();
        for mode in modes(tradition) {
            let places = 0..=mode.n();
            let notes = places.clone().map(|place| Note {
                start: f64::from(place) * 0.8,
                seconds: 0.7,
                cents: mode.cents(place),
                level: 1.0,
                ornament: Ornament::default(),
                slurred: false,
            });
            let part = Part { instrument, hertz, gain: 1.0, notes: notes.collect() };
            let n_samples = (mode.n() as usize + 2) * (RATE as usize * 4 / 5);
            let sound = instrument::play(&part, &touch, &Draws::new(1, "scale", &[]), RATE, n_samples);
            for place in places {
                let start = place as usize * (RATE as usize * 4 / 5) + RATE as usize / 5;
                let asked = mode.cents(place);
                let near = hertz * (asked / 1200.0).exp2();
                let f = fundamental(&sound[start..start + RATE as usize * 2 / 5], near);
                heard.push((mode.name, asked, 1200.0 * (f / hertz).log2()));
            }
        }
        heard
    }

    /// Course strings of a tanbur are ±1.5 cents apart, a cubic delay adds less than a cent, smoothing of a contour a little. A comma is 22.6 cents.
    const CENTS: f64 = 3.0;

    #[test]
    fn scales_sound_in_the_tuning_of_their_theory() {
        for (tradition, instrument) in [
            (Tradition::TurkishMakam, Instrument::Tanbur),
            (Tradition::TurkishMakam, Instrument::Ney),
            (Tradition::Hindustani, Instrument::Bansuri),
            (Tradition::Carnatic, Instrument::Violin),
            (Tradition::Greek, Instrument::Clarinet),
            (Tradition::Western, Instrument::Guitar),
        ] {
            for (mode, asked, heard) in heard_scales(tradition, instrument) {
                let off = heard - asked;
                assert!(off.abs() < CENTS, "{mode} on {instrument:?}: {heard:.1} for {asked:.1} cents");
            }
        }
    }

    #[test]
    fn makams_are_told_apart_by_their_commas_in_the_sound() {
        let heard = heard_scales(Tradition::TurkishMakam, Instrument::Kemence);
        let commas = |makam: &str| -> Vec<i32> {
            let own = heard.iter().filter(|(name, ..)| *name == makam);
            own.map(|(.., cents)| (cents * f64::from(COMMAS) / 1200.0).round() as i32).collect()
        };
        assert_eq!(commas("ussak"), [0, 8, 13, 22, 31, 35, 44, 53]);
        assert_eq!(commas("segah"), [0, 5, 14, 22, 31, 36, 48, 53]);
        assert_eq!(commas("saba"), [0, 8, 13, 18, 30, 35, 44, 53]);
        // Rast climbs by eviç (48 - 9 = 39 + 9) and falls by acem, so both are among its degrees.
        assert_eq!(commas("rast"), [0, 9, 17, 22, 31, 40, 44, 48, 53]);
    }

    #[test]
    fn a_solo_ends_on_the_tonic_of_its_performer() {
        // A solo without drone or drums, whose last note has to be the tonic of the performer.
        for (tradition, instrument) in [
            (Tradition::TurkishMakam, Instrument::Ney),
            (Tradition::Hindustani, Instrument::Bansuri),
            (Tradition::Carnatic, Instrument::Venu),
            (Tradition::Greek, Instrument::Lyra),
        ] {
            for mode in 0..5 {
                let recipe = Recipe {
                    seed: mode as u64 + 3,
                    performer_seed: 9,
                    mode,
                    rhythm: None,
                    players: vec![instrument],
                    kit: None,
                    drone: None,
                };
                let piece = Piece {
                    id: "test/solo".to_owned(),
                    tradition,
                    group: "test/performer".to_owned(),
                    split: Split::Train,
                    tags: Vec::new(),
                    seconds: 12.0,
                    recipe,
                };
                let performer = Performer::of(&piece.recipe, tradition);
                let score = arrange(&piece, &performer);
                let last = score.parts[0].notes.last().unwrap();
                assert!(
                    (last.cents / 1200.0).fract().abs() < 1e-9,
                    "{tradition}: ends {} cents up",
                    last.cents
                );
                let samples = render(&piece, RATE);
                let f = score.parts[0].hertz * (last.cents / 1200.0).exp2();
                let from = ((last.start + 0.45 * last.seconds) * f64::from(RATE)) as usize;
                let heard = fundamental(&samples[from..from + RATE as usize / 5], f);
                // Slides have arrived; vibrato and room are left.
                assert!((1200.0 * (heard / f).log2()).abs() < 25.0, "{tradition} {mode}: {heard} for {f} Hz");
            }
        }
    }

    #[test]
    fn rooms_and_microphones_differ_between_performers() {
        let drawn = |seed| {
            let mut draws = Draws::new(seed, "performer", &[]);
            format!("{:?} {:?}", Room::drawn(&mut draws), Microphone::drawn(&mut draws))
        };
        assert_ne!(drawn(1), drawn(2));
        assert_eq!(drawn(1), drawn(1));
    }
}
