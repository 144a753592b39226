//! How each tradition moves from note to note: figures for the melody and for its ornaments.
//!
//! Rough and audible, not measured from recordings. Sources of the habits: K. Signell (1977) for makam, J. Bor (1999) and T. Viswanathan (1977)
//! for meend and gamaka, R. Holst (1975) for bouzouki ornament.

use draws::Draws;

use crate::Tradition;
use crate::instrument::Bending;
use crate::ornament::{Figure, Ornament, Slide};
use crate::theory::{Gesture, Mode};

/// The habits of a tradition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Length of a note that is split half of the time, seconds.
    pub(crate) note_seconds: f64,
    /// Share of steps that are leaps, and of repeated notes.
    pub(crate) leap: f64,
    pub(crate) repeat: f64,
    /// Chance that a characteristic turn of the mode begins at a note.
    pub(crate) motif: f64,
    /// Chances of a slide into a note, a grace note, a mordent or turn, a trill.
    slide: f64,
    grace: f64,
    turn: f64,
    trill: f64,
    /// Vibrato depth in cents.
    vibrato: f64,
    /// Share of notes joined to the one before, on instruments that can.
    pub(crate) slur: f64,
}

/// The habits of `tradition`.
pub(crate) const fn style(tradition: Tradition) -> Style {
    match tradition {
        Tradition::TurkishMakam => Style {
            note_seconds: 0.34,
            leap: 0.08,
            repeat: 0.12,
            motif: 0.3,
            slide: 0.15,
            grace: 0.3,
            turn: 0.12,
            trill: 0.06,
            vibrato: 18.0,
            slur: 0.5,
        },
        Tradition::Hindustani => Style {
            note_seconds: 0.45,
            leap: 0.08,
            repeat: 0.05,
            motif: 0.4,
            slide: 0.6,
            grace: 0.12,
            turn: 0.15,
            trill: 0.0,
            vibrato: 8.0,
            slur: 0.8,
        },
        Tradition::Carnatic => Style {
            note_seconds: 0.28,
            leap: 0.06,
            repeat: 0.08,
            motif: 0.35,
            slide: 0.25,
            grace: 0.2,
            turn: 0.1,
            trill: 0.0,
            vibrato: 0.0,
            slur: 0.7,
        },
        Tradition::Greek => Style {
            note_seconds: 0.24,
            leap: 0.14,
            repeat: 0.15,
            motif: 0.3,
            slide: 0.03,
            grace: 0.3,
            turn: 0.2,
            trill: 0.08,
            vibrato: 14.0,
            slur: 0.3,
        },
        Tradition::Western => Style {
            note_seconds: 0.36,
            leap: 0.25,
            repeat: 0.12,
            motif: 0.15,
            slide: 0.0,
            grace: 0.03,
            turn: 0.03,
            trill: 0.02,
            vibrato: 22.0,
            slur: 0.35,
        },
    }
}

impl Style {
    /// An ornament for a note of `seconds` at `place`, come to from `before`, on an instrument that bends as `bending` says.
    ///
    /// Touched notes are neighbours in the mode; only swings and slides pass between degrees.
    pub(crate) fn ornament(
        &self,
        mode: &Mode,
        before: Option<i32>,
        place: i32,
        seconds: f64,
        bending: Bending,
        draws: &mut Draws,
    ) -> Ornament {
        let mut ornament = Ornament::default();
        if bending == Bending::Fixed {
            return ornament;
        }
        let here = mode.cents(place);
        let (above, below) =
            (mode.cents(mode.step(place, true)) - here, mode.cents(mode.step(place, false)) - here);
        if bending == Bending::Free {
            let come_from = before.map_or(0.0, |before| mode.cents(before) - here);
            let jaru = mode.degree(place).gesture == Gesture::Jaru;
            if come_from.abs() > 1.0 && come_from.abs() <= 750.0 && (jaru || draws.uniform() < self.slide) {
                let share = if jaru { 0.45 } else { draws.between(0.25, 0.5) };
                ornament.slide =
                    Some(Slide { from_cents: come_from, seconds: (share * seconds).clamp(0.05, 0.7) });
            }
            ornament.figure = gesture(mode.degree(place).gesture, above, seconds, draws);
        }
        if ornament.figure == Figure::Plain && ornament.slide.is_none() {
            ornament.figure = self.figure(above, below, seconds, draws);
        }
        if seconds > 0.3 && ornament.figure == Figure::Plain {
            let depth = if bending == Bending::Free { self.vibrato } else { 0.4 * self.vibrato };
            ornament.vibrato_cents = depth * draws.between(0.5, 1.2);
            ornament.vibrato_hertz = draws.between(4.8, 6.4);
        }
        ornament
    }

    fn figure(&self, above: f64, below: f64, seconds: f64, draws: &mut Draws) -> Figure {
        let choice = draws.uniform();
        if choice < self.grace && seconds > 0.14 {
            let cents = if draws.uniform() < 0.7 { above } else { below };
            Figure::Grace { cents, seconds: draws.between(0.04, 0.08) }
        } else if choice < self.grace + self.turn && seconds > 0.25 {
            if draws.uniform() < 0.5 {
                Figure::Mordent { cents: above, seconds: draws.between(0.12, 0.2) }
            } else {
                Figure::Turn { above, below, seconds: draws.between(0.24, 0.36) }
            }
        } else if choice < self.grace + self.turn + self.trill && seconds > 0.4 {
            Figure::Trill { cents: above, hertz: draws.between(6.0, 8.5) }
        } else {
            Figure::Plain
        }
    }
}

/// What the mode asks for on its degree, where the note is long enough for it.
fn gesture(gesture: Gesture, above: f64, seconds: f64, draws: &mut Draws) -> Figure {
    match gesture {
        Gesture::Kampita if seconds > 0.2 => {
            let high = above.min(220.0) * draws.between(0.55, 0.8);
            Figure::Swing { low: -draws.between(10.0, 35.0), high, hertz: draws.between(4.0, 6.0) }
        }
        Gesture::Andolan if seconds > 0.45 => {
            let high = draws.between(15.0, 35.0);
            Figure::Swing { low: -draws.between(20.0, 45.0), high, hertz: draws.between(1.4, 2.4) }
        }
        Gesture::Nokku if seconds > 0.12 => {
            Figure::Fall { cents: above.min(300.0), seconds: draws.between(0.08, 0.14) }
        }
        _ => Figure::Plain,
    }
}
