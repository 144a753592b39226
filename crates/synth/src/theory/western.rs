//! Western major and minor, with functional chord progressions.
//!
//! Equal temperament. Minor is natural below a minor-key dominant chord and harmonic above one (the seventh is raised where the chord needs it).
//! Progressions are in scale degrees, one chord a bar. Sources: E. Aldwell and C. Schachter, *Harmony and Voice Leading* (2003); T. de Clercq
//! and D. Temperley, "A corpus analysis of rock harmony" (2011).

use super::{Mode, Motion};

/// Semitones of the major scale.
const MAJOR: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
/// Semitones of the natural minor scale.
const MINOR: [i32; 7] = [0, 2, 3, 5, 7, 8, 10];

/// Four-bar progressions, as scale degrees from 0 (the tonic): major, then minor.
pub(crate) const PROGRESSIONS: [&[[i32; 4]]; 2] = [
    &[[0, 3, 4, 0], [0, 5, 3, 4], [0, 4, 5, 3], [0, 5, 1, 4], [0, 2, 3, 4], [1, 4, 0, 0]],
    &[[0, 3, 4, 0], [0, 5, 2, 6], [0, 6, 5, 4], [0, 5, 3, 4], [0, 3, 0, 4], [5, 6, 0, 0]],
];

/// The modes, in the order of [`PROGRESSIONS`].
pub(crate) fn modes() -> Vec<Mode> {
    let cents =
        |line: &[i32]| -> Vec<f64> { line.iter().map(|&semitones| 100.0 * f64::from(semitones)).collect() };
    let mode = |name, scale: &[i32; 7]| {
        let turn = |degrees: [usize; 3]| cents(&degrees.map(|degree| scale[degree]));
        let turns = [turn([0, 2, 4]), turn([4, 3, 2])];
        Mode::new(name, &cents(scale), &cents(scale), &[700.0], Motion::Mixed, &turns)
    };
    vec![mode("major", &MAJOR), mode("minor", &MINOR)]
}

/// The triad on `degree` of the major (`minor == false`) or minor mode, in cents above the tonic, root first. The dominant of the minor mode has a
/// raised third.
pub(crate) fn triad(minor: bool, degree: i32) -> [f64; 3] {
    let scale = if minor { &MINOR } else { &MAJOR };
    let at = |place: i32| {
        let octave = 1200 * place.div_euclid(7);
        f64::from(100 * scale[place.rem_euclid(7) as usize] + octave)
    };
    let raised = if minor && degree.rem_euclid(7) == 4 { 100.0 } else { 0.0 };
    [at(degree), at(degree + 2) + raised, at(degree + 4)]
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are made without rounding")]
mod tests {
    use super::*;
    use crate::theory::mode::check_modes;

    #[test]
    fn triads_are_those_of_the_key() {
        assert_eq!(triad(false, 0), [0.0, 400.0, 700.0]);
        assert_eq!(triad(false, 1), [200.0, 500.0, 900.0]);
        assert_eq!(triad(true, 0), [0.0, 300.0, 700.0]);
        assert_eq!(triad(true, 4), [700.0, 1100.0, 1400.0]);
        assert_eq!(triad(true, 5), [800.0, 1200.0, 1500.0]);
        check_modes(&modes());
    }
}
