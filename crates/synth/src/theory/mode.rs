//! A mode as a melody needs it: degrees, which way each may be entered, where phrases rest, how the melody travels.
//!
//! A *place* counts degrees from the tonic: with `n` degrees an octave, place `k` is degree `k mod n` in octave `k div n`.
//! A place may be entered from below only when its degree belongs to the ascent, from above only when it belongs to the descent.

/// How a melody of the mode travels (the makam tradition calls it *seyir*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    /// From around the tonic upwards, and home at the end (*çıkıcı*).
    Ascending,
    /// From around the upper tonic downwards (*inici*).
    Descending,
    /// From around the dominant, both ways (*inici-çıkıcı*).
    Mixed,
}

/// How a degree is sounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gesture {
    /// Held.
    Plain,
    /// Carnatic *kampita*: a wide oscillation towards the next degree.
    Kampita,
    /// Hindustani *andolan*: a slow, narrow swing.
    Andolan,
    /// Carnatic *nokku*: struck from above.
    Nokku,
    /// Carnatic *jaru*: reached by a long slide.
    Jaru,
}

/// One degree of the octave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Degree {
    /// Above the tonic, in `[0, 1200)`.
    pub(crate) cents: f64,
    /// Whether it may be entered from below.
    pub(crate) ascending: bool,
    /// Whether it may be entered from above.
    pub(crate) descending: bool,
    /// How it is sounded.
    pub(crate) gesture: Gesture,
}

/// A mode: makam, raga, dromos, major or minor.
#[derive(Clone, Debug)]
pub(crate) struct Mode {
    /// Value of its tag.
    pub(crate) name: &'static str,
    /// Degrees of one octave from the tonic up; the tonic is the first.
    pub(crate) degrees: Vec<Degree>,
    /// Places of half cadences, the dominant first.
    pub(crate) rests: Vec<i32>,
    /// How the melody travels.
    pub(crate) motion: Motion,
    /// Characteristic turns, as places.
    pub(crate) motifs: Vec<Vec<i32>>,
}

/// Cents within which two degrees are the same.
const SAME: f64 = 1.0;

impl Mode {
    /// Builds a mode from its ascent and descent (cents above the tonic, any octave, the tonic among both).
    pub(crate) fn new(
        name: &'static str,
        ascent: &[f64],
        descent: &[f64],
        rests: &[f64],
        motion: Motion,
        motifs: &[Vec<f64>],
    ) -> Self {
        let mut degrees: Vec<Degree> = Vec::new();
        for (line, up) in [(ascent, true), (descent, false)] {
            for &cents in line {
                let cents = fold(cents);
                let known = degrees.iter().position(|degree| (degree.cents - cents).abs() < SAME);
                let index = known.unwrap_or_else(|| {
                    degrees.push(Degree {
                        cents,
                        ascending: false,
                        descending: false,
                        gesture: Gesture::Plain,
                    });
                    degrees.len() - 1
                });
                degrees[index].ascending |= up;
                degrees[index].descending |= !up;
            }
        }
        degrees.sort_by(|a, b| a.cents.total_cmp(&b.cents));
        let mut mode = Self { name, degrees, rests: Vec::new(), motion, motifs: Vec::new() };
        mode.rests = rests.iter().map(|&cents| mode.place(cents)).collect();
        mode.motifs =
            motifs.iter().map(|line| line.iter().map(|&cents| mode.place(cents)).collect()).collect();
        mode
    }

    /// The same mode with `gesture` on the degree at `cents`.
    pub(crate) fn with_gesture(mut self, cents: f64, gesture: Gesture) -> Self {
        let place = self.place(cents);
        let degree = self.degree_index(place);
        self.degrees[degree].gesture = gesture;
        self
    }

    /// Degrees in an octave.
    pub(crate) fn n(&self) -> i32 {
        self.degrees.len() as i32
    }

    /// The degree at `place`.
    pub(crate) fn degree(&self, place: i32) -> &Degree {
        &self.degrees[self.degree_index(place)]
    }

    fn degree_index(&self, place: i32) -> usize {
        place.rem_euclid(self.n()) as usize
    }

    /// Cents of `place` above the tonic.
    pub(crate) fn cents(&self, place: i32) -> f64 {
        self.degree(place).cents + 1200.0 * f64::from(place.div_euclid(self.n()))
    }

    /// The place nearest to `cents`.
    pub(crate) fn place(&self, cents: f64) -> i32 {
        let octave = (cents / 1200.0).floor() as i32;
        let distance = |place: &i32| (self.cents(*place) - cents).abs();
        (octave * self.n()..=(octave + 1) * self.n())
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(octave * self.n())
    }

    /// Whether `to` may follow `from` inside a phrase.
    pub(crate) fn may_follow(&self, from: i32, to: i32) -> bool {
        match to.cmp(&from) {
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => self.degree(to).ascending,
            std::cmp::Ordering::Less => self.degree(to).descending,
        }
    }

    /// The next place above or below that may be entered that way. The tonic always may, so there is one.
    pub(crate) fn step(&self, from: i32, up: bool) -> i32 {
        let direction = if up { 1 } else { -1 };
        (1..=self.n())
            .map(|distance| from + direction * distance)
            .find(|&to| self.may_follow(from, to))
            .unwrap_or(from + direction * self.n())
    }
}

/// Folds cents into one octave; what is within [`SAME`] below the octave is the tonic.
fn fold(cents: f64) -> f64 {
    let folded = cents.rem_euclid(1200.0);
    if folded > 1200.0 - SAME { 0.0 } else { folded }
}

/// What every table of modes has to keep.
#[cfg(test)]
pub(crate) fn check_modes(modes: &[Mode]) {
    for mode in modes {
        let name = mode.name;
        let tonic = &mode.degrees[0];
        assert!(tonic.cents == 0.0 && tonic.ascending && tonic.descending, "{name}: tonic");
        assert!(
            mode.degrees.windows(2).all(|pair| pair[1].cents - pair[0].cents > 15.0),
            "{name}: {:?}",
            mode.degrees
        );
        assert!(!mode.rests.is_empty() && !mode.motifs.is_empty(), "{name}: rests and motifs");
        for &rest in &mode.rests {
            let degree = mode.degree(rest);
            assert!(degree.ascending && degree.descending, "{name}: rest {rest} must be open both ways");
        }
        for motif in &mode.motifs {
            for pair in motif.windows(2) {
                assert!(
                    mode.may_follow(pair[0], pair[1]),
                    "{name}: {motif:?} moves {} to {}",
                    pair[0],
                    pair[1]
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desh_like() -> Mode {
        let up = [0.0, 200.0, 500.0, 700.0, 1100.0];
        let down = [1200.0, 1000.0, 900.0, 700.0, 500.0, 400.0, 200.0, 0.0];
        Mode::new("test", &up, &down, &[200.0], Motion::Ascending, &[vec![200.0, 500.0, 700.0]])
    }

    #[test]
    fn steps_keep_to_the_ascent_upwards_and_to_the_descent_downwards() {
        let mode = desh_like();
        let walk = |mut place, up| {
            let mut cents = vec![mode.cents(place)];
            for _ in 0..5 {
                place = mode.step(place, up);
                cents.push(mode.cents(place));
            }
            cents
        };
        assert_eq!(walk(0, true), [0.0, 200.0, 500.0, 700.0, 1100.0, 1200.0]);
        assert_eq!(walk(mode.n(), false), [1200.0, 1000.0, 900.0, 700.0, 500.0, 400.0]);
    }

    #[test]
    fn places_and_cents_are_inverse() {
        let mode = desh_like();
        for place in -10..20 {
            assert_eq!(mode.place(mode.cents(place)), place);
        }
    }
}
