//! The instruments: their names, their registers, how they bend pitch, and which of five ways of making sound each uses.

mod blown;
mod bowed;
mod contour;
mod drone;
mod hammered;
mod membrane;
mod plucked;
mod sung;

use draws::Draws;

use crate::score::Part;
use blown::Blown;
use bowed::Bowed;
use contour::Contour;
use plucked::Plucked;

pub(crate) use drone::Drone;
pub(crate) use membrane::Kit;

/// A melody or chord instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instrument {
    Ney,
    Tanbur,
    Oud,
    Kanun,
    Kemence,
    Sitar,
    Bansuri,
    Sarangi,
    Voice,
    Violin,
    Veena,
    Venu,
    Bouzouki,
    Lyra,
    Laouto,
    Clarinet,
    Piano,
    Guitar,
    Strings,
    Flute,
}

/// What an instrument can do with the pitch of a sounding note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bending {
    /// Any slide and swing.
    Free,
    /// Short ornaments within a note, no slides between notes.
    Fretted,
    /// Nothing.
    Fixed,
}

/// How an instrument makes its sound, with its figures.
enum Timbre {
    Plucked(&'static Plucked),
    Bowed(&'static Bowed),
    Blown(&'static Blown),
    Sung,
    Hammered,
}

/// What the player adds to the instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch {
    /// Brightness around 1.
    pub(crate) bright: f64,
    /// Size of the sung vocal tract around 1, and of every instrument's body.
    pub(crate) size: f64,
}

impl Instrument {
    /// Value of its `instrument:` tag.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ney => "ney",
            Self::Tanbur => "tanbur",
            Self::Oud => "oud",
            Self::Kanun => "kanun",
            Self::Kemence => "kemence",
            Self::Sitar => "sitar",
            Self::Bansuri => "bansuri",
            Self::Sarangi => "sarangi",
            Self::Voice => "voice",
            Self::Violin => "violin",
            Self::Veena => "veena",
            Self::Venu => "venu",
            Self::Bouzouki => "bouzouki",
            Self::Lyra => "lyra",
            Self::Laouto => "laouto",
            Self::Clarinet => "clarinet",
            Self::Piano => "piano",
            Self::Guitar => "guitar",
            Self::Strings => "strings",
            Self::Flute => "flute",
        }
    }

    /// Where its tonic likes to lie, Hz: the octave nearest to this is played in.
    pub(crate) const fn home_hz(self) -> f64 {
        match self {
            Self::Oud | Self::Laouto => 125.0,
            Self::Tanbur | Self::Sitar | Self::Veena | Self::Guitar => 145.0,
            Self::Voice => 170.0,
            Self::Sarangi | Self::Bouzouki | Self::Clarinet => 225.0,
            Self::Violin | Self::Kanun | Self::Piano | Self::Strings => 270.0,
            Self::Bansuri | Self::Lyra | Self::Kemence => 310.0,
            Self::Ney | Self::Venu => 350.0,
            Self::Flute => 500.0,
        }
    }

    /// What it can do with pitch.
    pub(crate) const fn bending(self) -> Bending {
        match self {
            Self::Kanun | Self::Piano => Bending::Fixed,
            Self::Bouzouki | Self::Laouto | Self::Guitar | Self::Strings => Bending::Fretted,
            _ => Bending::Free,
        }
    }

    /// Whether it holds a note as long as it likes.
    pub(crate) const fn sustains(self) -> bool {
        !matches!(self.timbre(), Timbre::Plucked(_) | Timbre::Hammered)
    }

    /// Whether it can play chords under a melody.
    pub(crate) const fn plays_chords(self) -> bool {
        matches!(self, Self::Piano | Self::Guitar | Self::Strings | Self::Laouto)
    }

    /// Whether long notes are struck over and over (bouzouki, kanun).
    pub(crate) const fn tremolo(self) -> bool {
        matches!(self, Self::Bouzouki | Self::Kanun)
    }

    const fn timbre(self) -> Timbre {
        match self {
            Self::Ney => Timbre::Blown(&blown::NEY),
            Self::Bansuri => Timbre::Blown(&blown::BANSURI),
            Self::Venu => Timbre::Blown(&blown::VENU),
            Self::Flute => Timbre::Blown(&blown::FLUTE),
            Self::Clarinet => Timbre::Blown(&blown::CLARINET),
            Self::Kemence => Timbre::Bowed(&bowed::KEMENCE),
            Self::Sarangi => Timbre::Bowed(&bowed::SARANGI),
            Self::Violin => Timbre::Bowed(&bowed::VIOLIN),
            Self::Lyra => Timbre::Bowed(&bowed::LYRA),
            Self::Strings => Timbre::Bowed(&bowed::STRINGS),
            Self::Tanbur => Timbre::Plucked(&plucked::TANBUR),
            Self::Oud => Timbre::Plucked(&plucked::OUD),
            Self::Kanun => Timbre::Plucked(&plucked::KANUN),
            Self::Sitar => Timbre::Plucked(&plucked::SITAR),
            Self::Veena => Timbre::Plucked(&plucked::VEENA),
            Self::Bouzouki => Timbre::Plucked(&plucked::BOUZOUKI),
            Self::Laouto => Timbre::Plucked(&plucked::LAOUTO),
            Self::Guitar => Timbre::Plucked(&plucked::GUITAR),
            Self::Piano => Timbre::Hammered,
            Self::Voice => Timbre::Sung,
        }
    }
}

/// Plays `part` into `n_samples` samples at an arbitrary level.
pub(crate) fn play(
    part: &Part,
    touch: &Touch,
    draws: &Draws,
    sample_rate: u32,
    n_samples: usize,
) -> Vec<f32> {
    let mut out = vec![0.0; n_samples];
    let contour = |attack, glide| Contour::new(part, attack, glide, sample_rate, n_samples);
    match part.instrument.timbre() {
        Timbre::Plucked(spec) => plucked::play(spec, part, touch, draws, sample_rate, &mut out),
        Timbre::Hammered => hammered::play(part, touch, sample_rate, &mut out),
        Timbre::Bowed(spec) => {
            bowed::play(spec, &contour(spec.attack, spec.glide), touch, draws, sample_rate, &mut out);
        }
        Timbre::Blown(spec) => {
            blown::play(spec, &contour(spec.attack, spec.glide), touch, draws, sample_rate, &mut out);
        }
        Timbre::Sung => sung::play(&contour(0.035, 0.018), touch, draws, sample_rate, &mut out),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ornament::Ornament;
    use crate::score::Note;
    use crate::signal::sounding_level;

    const ALL: [Instrument; 20] = [
        Instrument::Ney,
        Instrument::Tanbur,
        Instrument::Oud,
        Instrument::Kanun,
        Instrument::Kemence,
        Instrument::Sitar,
        Instrument::Bansuri,
        Instrument::Sarangi,
        Instrument::Voice,
        Instrument::Violin,
        Instrument::Veena,
        Instrument::Venu,
        Instrument::Bouzouki,
        Instrument::Lyra,
        Instrument::Laouto,
        Instrument::Clarinet,
        Instrument::Piano,
        Instrument::Guitar,
        Instrument::Strings,
        Instrument::Flute,
    ];

    fn one_note(instrument: Instrument, hertz: f64, sample_rate: u32) -> Vec<f32> {
        let note = Note {
            start: 0.05,
            seconds: 0.9,
            cents: 0.0,
            level: 1.0,
            ornament: Ornament::default(),
            slurred: false,
        };
        let part = Part { instrument, hertz, gain: 1.0, notes: vec![note] };
        let touch = Touch { bright: 1.0, size: 1.0 };
        play(&part, &touch, &Draws::new(1, "test", &[]), sample_rate, sample_rate as usize)
    }

    /// Period by the highest normalised autocorrelation near the expected lag, in hertz with parabolic refinement.
    fn pitch(samples: &[f32], sample_rate: u32, near: f64) -> f64 {
        let correlation = |lag: usize| -> f64 {
            let (a, b) = (&samples[..samples.len() - lag], &samples[lag..]);
            let product: f64 = a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum();
            let power = |s: &[f32]| s.iter().map(|x| f64::from(x * x)).sum::<f64>();
            product / (power(a) * power(b)).sqrt()
        };
        let centre = f64::from(sample_rate) / near;
        let best = ((centre * 0.9) as usize..=(centre * 1.1) as usize + 1)
            .max_by(|&a, &b| correlation(a).total_cmp(&correlation(b)))
            .unwrap();
        let [before, here, after] = [best - 1, best, best + 1].map(correlation);
        let shift = 0.5 * (before - after) / (before - 2.0 * here + after);
        f64::from(sample_rate) / (best as f64 + shift)
    }

    #[test]
    fn every_instrument_sounds_at_the_pitch_asked_for() {
        for instrument in ALL {
            for sample_rate in [24_000, 44_100] {
                for hertz in [instrument.home_hz(), instrument.home_hz() * 1.618] {
                    let sound = one_note(instrument, hertz, sample_rate);
                    assert!(sound.iter().all(|x| x.is_finite()), "{instrument:?}");
                    let middle = &sound[sample_rate as usize / 4..sample_rate as usize / 2];
                    let cents = 1200.0 * (pitch(middle, sample_rate, hertz) / hertz).log2();
                    assert!(
                        cents.abs() < 12.0,
                        "{instrument:?} at {hertz:.0} Hz and {sample_rate}: {cents:.1} cents off"
                    );
                }
            }
        }
    }

    #[test]
    fn every_instrument_starts_when_asked_and_falls_silent() {
        for instrument in ALL {
            let sound = one_note(instrument, instrument.home_hz(), 24_000);
            let level = |range: std::ops::Range<usize>| {
                (sound[range.clone()].iter().map(|x| x * x).sum::<f32>() / range.len() as f32).sqrt()
            };
            let body = level(2400..19_200);
            assert!(level(0..1100) < 0.02 * body, "{instrument:?} sounds before its note");
            assert!(sounding_level(&sound, 24_000) > 0.0 && body > 1e-3, "{instrument:?} is silent");
            assert!(level(23_500..24_000) < 0.75 * body, "{instrument:?} does not let go");
        }
    }

    #[test]
    fn odd_sample_rates_make_finite_sound() {
        for instrument in ALL {
            for sample_rate in [1, 50, 1000, 192_000] {
                assert!(one_note(instrument, 300.0, sample_rate).iter().all(|x| x.is_finite()));
            }
        }
    }
}
