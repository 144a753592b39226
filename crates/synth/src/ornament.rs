//! How the pitch moves within a note: a slide into it, a figure on it, a vibrato.
//!
//! `offset(t)` in cents, for `t` seconds after the onset, is the sum of the three; everything an instrument bends follows this curve.
//! Figures: Turkish *çarpma* and Hindustani *kan* are [`Figure::Grace`], *murki* is [`Figure::Turn`], *andolan* and Carnatic *kampita* are swings,
//! *nokku* is a fall from above, *meend* and *jaru* are slides.
//! Sources: T. Viswanathan (1977) for the gamakas; K. Signell, *Makam* (1977); J. Bor (ed.), *The Raga Guide* (1999).

use std::f64::consts::{PI, TAU};

/// What happens on the note itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Figure {
    /// Nothing.
    #[default]
    Plain,
    /// A short note `cents` away before the main one.
    Grace { cents: f64, seconds: f64 },
    /// Main note, a touch `cents` away, main note.
    Mordent { cents: f64, seconds: f64 },
    /// Above, main, below, main, in quarters of `seconds`.
    Turn { above: f64, below: f64, seconds: f64 },
    /// Alternation with the note `cents` away.
    Trill { cents: f64, hertz: f64 },
    /// A swing between `low` and `high`, starting on the note.
    Swing { low: f64, high: f64, hertz: f64 },
    /// A fall from `cents` above.
    Fall { cents: f64, seconds: f64 },
}

/// The way into the note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slide {
    /// Where the slide starts, relative to the note.
    pub(crate) from_cents: f64,
    /// How long it takes.
    pub(crate) seconds: f64,
}

/// Everything that moves the pitch of a note.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ornament {
    pub(crate) figure: Figure,
    pub(crate) slide: Option<Slide>,
    /// Depth in cents, to either side.
    pub(crate) vibrato_cents: f64,
    pub(crate) vibrato_hertz: f64,
}

/// Vibrato grows in over this time, seconds.
const VIBRATO_ONSET: f64 = 0.25;

impl Ornament {
    /// Whether the pitch stands still.
    pub(crate) fn is_plain(&self) -> bool {
        self.figure == Figure::Plain && self.slide.is_none() && self.vibrato_cents <= 0.0
    }

    /// Cents away from the note, `t` seconds after the onset of a note that lasts `seconds`.
    pub(crate) fn cents_at(&self, t: f64, seconds: f64) -> f64 {
        let slide = self.slide.map_or(0.0, |slide| {
            let progress = (t / slide.seconds.min(0.8 * seconds).max(1e-3)).clamp(0.0, 1.0);
            slide.from_cents * 0.5 * (1.0 + libm::cos(PI * progress))
        });
        let vibrato = if self.vibrato_cents > 0.0 {
            let grown = (t / VIBRATO_ONSET - 0.4).clamp(0.0, 1.0);
            self.vibrato_cents * grown * libm::sin(TAU * self.vibrato_hertz * t)
        } else {
            0.0
        };
        slide + vibrato + self.figure.cents_at(t, seconds)
    }
}

impl Figure {
    fn cents_at(self, t: f64, note_seconds: f64) -> f64 {
        match self {
            Self::Plain => 0.0,
            Self::Grace { cents, seconds } => cents * inside(t, 0.0, seconds.min(0.4 * note_seconds)),
            Self::Mordent { cents, seconds } => {
                let third = seconds.min(0.6 * note_seconds) / 2.0;
                cents * inside(t, third, 2.0 * third)
            }
            Self::Turn { above, below, seconds } => {
                let quarter = seconds.min(0.8 * note_seconds) / 4.0;
                above * inside(t, 0.0, quarter) + below * inside(t, 2.0 * quarter, 3.0 * quarter)
            }
            Self::Trill { cents, hertz } => {
                let up = (hertz * t).fract() >= 0.5 && t < 0.85 * note_seconds;
                if up { cents } else { 0.0 }
            }
            Self::Swing { low, high, hertz } => {
                // Starts and ends on the note itself.
                let fade = (12.0 * t).min(8.0 * (note_seconds - t)).clamp(0.0, 1.0);
                let middle = 0.5 * (low + high);
                let phase = libm::asin((-middle / (0.5 * (high - low)).max(1e-6)).clamp(-1.0, 1.0));
                fade * (middle + 0.5 * (high - low) * libm::sin(TAU * hertz * t + phase))
            }
            Self::Fall { cents, seconds } => {
                let length = seconds.min(0.5 * note_seconds).max(1e-3);
                let left = (1.0 - t / length).clamp(0.0, 1.0);
                cents * left * left * (3.0 - 2.0 * left)
            }
        }
    }
}

/// 1 between `from` and `to`, 0 outside.
fn inside(t: f64, from: f64, to: f64) -> f64 {
    f64::from(u8::from((from..to).contains(&t)))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are made without rounding")]
mod tests {
    use super::*;

    fn curve(ornament: &Ornament) -> Vec<f64> {
        (0..=200).map(|i| ornament.cents_at(f64::from(i) * 0.005, 1.0)).collect()
    }

    #[test]
    fn a_slide_starts_where_it_comes_from_and_arrives() {
        let ornament =
            Ornament { slide: Some(Slide { from_cents: -200.0, seconds: 0.3 }), ..Ornament::default() };
        let cents = curve(&ornament);
        assert_eq!(cents[0], -200.0);
        assert!(
            cents.windows(2).all(|pair| pair[1] >= pair[0]) && cents[61..].iter().all(|c| c.abs() < 1e-9)
        );
    }

    #[test]
    fn a_swing_stays_in_its_range_and_crosses_it() {
        let figure = Figure::Swing { low: -20.0, high: 150.0, hertz: 5.0 };
        let cents = curve(&Ornament { figure, ..Ornament::default() });
        let (low, high) = cents.iter().fold((0.0f64, 0.0f64), |(l, h), &c| (l.min(c), h.max(c)));
        assert!(cents[0].abs() < 1e-9 && cents[200].abs() < 1e-9);
        assert!((-20.0..-15.0).contains(&low) && (140.0..=150.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn figures_leave_most_of_the_note_on_its_pitch() {
        for figure in [
            Figure::Grace { cents: 200.0, seconds: 0.08 },
            Figure::Mordent { cents: 200.0, seconds: 0.16 },
            Figure::Turn { above: 200.0, below: -100.0, seconds: 0.3 },
            Figure::Fall { cents: 200.0, seconds: 0.12 },
        ] {
            let cents = curve(&Ornament { figure, ..Ornament::default() });
            assert!(cents.iter().any(|c| c.abs() > 50.0), "{figure:?} moves");
            assert!(cents.iter().filter(|c| c.abs() < 1.0).count() > 120, "{figure:?} comes home");
        }
    }
}
