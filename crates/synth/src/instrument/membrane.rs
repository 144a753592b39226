//! Drums: a stroke is a handful of decaying modes and a burst of noise.
//!
//! Loaded heads (tabla, mridangam) have harmonic overtones 1, 2, 3, 4, 5 (C. V. Raman, "The Indian musical drums", 1934); plain heads those of the ideal
//! membrane, 1, 1.59, 2.14, 2.30, 2.65, 2.92; kettles near 1, 1.5, 1.98, 2.44 (T. Rossing, *Science of Percussion Instruments*, 2000).
//! The bass heads bend: the pitch starts away from its end and settles.

use draws::Draws;

use crate::score::Hit;
use crate::signal::{Noise, mix_into, one_pole};

/// A set of drums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kit {
    Kudum,
    Bendir,
    Tabla,
    Mridangam,
    Toumbeleki,
    Drums,
}

/// Where the pitch of a stroke comes from.
#[derive(Clone, Copy, Debug)]
enum Tuning {
    /// Hz, whatever the piece.
    Hertz(f64),
    /// Times the tonic.
    Tonic(f64),
}

/// One sound of a drum.
#[derive(Clone, Copy, Debug)]
struct Stroke {
    name: &'static str,
    tuning: Tuning,
    /// Ratio to the pitch, amplitude, seconds to fall by 60 dB.
    modes: &'static [(f64, f32, f64)],
    /// Octaves above (or below) its end the pitch starts, and how long that takes.
    bend: (f64, f64),
    /// Amplitude of the noise, its seconds to fall by 60 dB, and the corner below which it is cut, Hz.
    noise: (f32, f64, f64),
}

const OPEN_RING: &[(f64, f32, f64)] =
    &[(1.0, 0.25, 0.5), (2.0, 1.0, 0.6), (3.0, 0.6, 0.45), (4.0, 0.3, 0.3), (5.0, 0.2, 0.2)];
const OPEN_SOFT: &[(f64, f32, f64)] = &[(1.0, 1.0, 0.9), (2.0, 0.35, 0.5), (3.0, 0.15, 0.3)];
const CLOSED: &[(f64, f32, f64)] = &[(1.0, 0.5, 0.07), (2.3, 0.5, 0.05), (4.1, 0.3, 0.03)];
const BASS: &[(f64, f32, f64)] = &[(1.0, 1.0, 0.75), (1.6, 0.25, 0.25), (2.2, 0.12, 0.15)];
const FRAME_LOW: &[(f64, f32, f64)] =
    &[(1.0, 1.0, 0.5), (1.59, 0.6, 0.35), (2.14, 0.4, 0.25), (2.65, 0.25, 0.2)];
const FRAME_RIM: &[(f64, f32, f64)] =
    &[(2.14, 0.6, 0.16), (2.92, 0.8, 0.14), (3.6, 0.6, 0.1), (5.1, 0.4, 0.07)];
const KETTLE: &[(f64, f32, f64)] = &[(1.0, 1.0, 0.45), (1.5, 0.6, 0.4), (1.98, 0.35, 0.3), (2.44, 0.2, 0.2)];
const TIGHT: &[(f64, f32, f64)] = &[(1.0, 0.9, 0.12), (1.48, 0.7, 0.1), (2.3, 0.5, 0.07)];
const KICK: &[(f64, f32, f64)] = &[(1.0, 1.0, 0.35), (2.1, 0.2, 0.08)];
const SNARE: &[(f64, f32, f64)] = &[(1.0, 0.7, 0.18), (1.6, 0.4, 0.12)];

const fn stroke(
    name: &'static str,
    tuning: Tuning,
    modes: &'static [(f64, f32, f64)],
    bend: (f64, f64),
    noise: (f32, f64, f64),
) -> Stroke {
    Stroke { name, tuning, modes, bend, noise }
}

use Tuning::{Hertz, Tonic};

const KUDUM: &[Stroke] = &[
    stroke("dum", Hertz(125.0), KETTLE, (0.08, 0.05), (0.15, 0.05, 300.0)),
    stroke("tek", Hertz(205.0), KETTLE, (0.05, 0.04), (0.25, 0.05, 900.0)),
    stroke("te", Hertz(208.0), KETTLE, (0.05, 0.04), (0.2, 0.04, 900.0)),
    stroke("ke", Hertz(198.0), KETTLE, (0.05, 0.04), (0.2, 0.04, 800.0)),
];

const BENDIR: &[Stroke] = &[
    stroke("dum", Hertz(82.0), FRAME_LOW, (0.15, 0.06), (0.3, 0.35, 1500.0)),
    stroke("tek", Hertz(150.0), FRAME_RIM, (0.0, 0.05), (0.6, 0.18, 1800.0)),
    stroke("te", Hertz(155.0), FRAME_RIM, (0.0, 0.05), (0.4, 0.12, 2000.0)),
    stroke("ke", Hertz(145.0), FRAME_RIM, (0.0, 0.05), (0.4, 0.12, 1800.0)),
];

const TABLA: &[Stroke] = &[
    stroke("na", Tonic(2.0), OPEN_RING, (0.0, 0.05), (0.5, 0.02, 2000.0)),
    stroke("tin", Tonic(2.0), OPEN_SOFT, (0.0, 0.05), (0.15, 0.02, 1500.0)),
    stroke("te", Tonic(2.1), CLOSED, (0.0, 0.05), (0.5, 0.05, 1200.0)),
    stroke("ge", Hertz(98.0), BASS, (-0.45, 0.12), (0.2, 0.04, 300.0)),
    stroke("ka", Hertz(190.0), CLOSED, (0.0, 0.05), (0.6, 0.06, 500.0)),
];

const MRIDANGAM: &[Stroke] = &[
    stroke("nam", Tonic(2.0), OPEN_RING, (0.0, 0.05), (0.5, 0.025, 2500.0)),
    stroke("dhin", Tonic(1.0), OPEN_SOFT, (0.0, 0.05), (0.25, 0.03, 1200.0)),
    stroke("chapu", Tonic(1.5), OPEN_RING, (0.0, 0.05), (0.4, 0.12, 2500.0)),
    stroke("thi", Tonic(1.9), CLOSED, (0.0, 0.05), (0.6, 0.04, 1500.0)),
    stroke("thom", Hertz(84.0), BASS, (0.25, 0.08), (0.15, 0.04, 250.0)),
    stroke("tha", Hertz(170.0), CLOSED, (0.0, 0.05), (0.5, 0.05, 450.0)),
];

const TOUMBELEKI: &[Stroke] = &[
    stroke("dum", Hertz(102.0), BASS, (0.2, 0.04), (0.2, 0.04, 400.0)),
    stroke("tek", Hertz(620.0), TIGHT, (0.0, 0.05), (0.7, 0.05, 2500.0)),
    stroke("ka", Hertz(560.0), TIGHT, (0.0, 0.05), (0.5, 0.04, 2200.0)),
];

const DRUMS: &[Stroke] = &[
    stroke("k", Hertz(52.0), KICK, (1.3, 0.035), (0.2, 0.02, 1500.0)),
    stroke("s", Hertz(185.0), SNARE, (0.1, 0.03), (0.9, 0.22, 1200.0)),
    stroke("h", Hertz(3000.0), &[], (0.0, 0.05), (0.45, 0.07, 6000.0)),
];

/// Syllables that are more than one stroke.
const COMPOUNDS: &[(Kit, &str, &[&str])] =
    &[(Kit::Tabla, "dha", &["na", "ge"]), (Kit::Tabla, "dhin", &["tin", "ge"]), (Kit::Tabla, "ta", &["na"])];

/// Takes of each stroke, so that no two in a row need be the same.
const TAKES: usize = 3;

impl Kit {
    /// Value of its `instrument:` tag.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kudum => "kudum",
            Self::Bendir => "bendir",
            Self::Tabla => "tabla",
            Self::Mridangam => "mridangam",
            Self::Toumbeleki => "toumbeleki",
            Self::Drums => "drums",
        }
    }

    /// Light strokes a player fills in between.
    pub(crate) const fn light_strokes(self) -> &'static [&'static str] {
        match self {
            Self::Kudum | Self::Bendir => &["te", "ke"],
            Self::Tabla => &["te", "na", "ka"],
            Self::Mridangam => &["thi", "tha", "nam"],
            Self::Toumbeleki => &["ka"],
            Self::Drums => &["h"],
        }
    }

    const fn strokes(self) -> &'static [Stroke] {
        match self {
            Self::Kudum => KUDUM,
            Self::Bendir => BENDIR,
            Self::Tabla => TABLA,
            Self::Mridangam => MRIDANGAM,
            Self::Toumbeleki => TOUMBELEKI,
            Self::Drums => DRUMS,
        }
    }

    /// Positions of the strokes `token` asks for: one, the parts of a syllable, or several joined by `+`.
    pub(crate) fn strokes_of(self, token: &'static str) -> impl Iterator<Item = usize> {
        token
            .split('+')
            .flat_map(move |name| {
                let compound = COMPOUNDS.iter().find(|(kit, syllable, _)| *kit == self && *syllable == name);
                compound.map_or_else(|| vec![name], |(_, _, parts)| parts.to_vec())
            })
            .filter_map(move |name| self.strokes().iter().position(|stroke| stroke.name == name))
    }

    /// Plays `hits` into `n_samples` samples, the tuned heads to `tonic_hz`.
    pub(crate) fn play(
        self,
        hits: &[Hit],
        tonic_hz: f64,
        draws: &Draws,
        sample_rate: u32,
        n_samples: usize,
    ) -> Vec<f32> {
        let mut out = vec![0.0; n_samples];
        let mut own = Draws::from_key(draws.at(0));
        let size = own.between(0.9, 1.12);
        let takes: Vec<Vec<f32>> = self
            .strokes()
            .iter()
            .flat_map(|stroke| (0..TAKES).map(move |take| (stroke, take)))
            .map(|(stroke, _)| {
                let hertz = match stroke.tuning {
                    Hertz(hertz) => hertz / size,
                    Tonic(ratio) => tonic_hz * ratio,
                };
                sound(stroke, hertz, &mut own, sample_rate)
            })
            .collect();
        for hit in hits {
            let start = (hit.start.max(0.0) * f64::from(sample_rate)) as usize;
            for stroke in self.strokes_of(hit.token) {
                let take = own.below(TAKES as u64) as usize;
                if start < n_samples {
                    mix_into(&mut out[start..], &takes[stroke * TAKES + take], hit.level);
                }
            }
        }
        out
    }
}

/// One take of a stroke.
fn sound(stroke: &Stroke, hertz: f64, draws: &mut Draws, sample_rate: u32) -> Vec<f32> {
    let rate = f64::from(sample_rate);
    let longest = stroke.modes.iter().map(|mode| mode.2).fold(stroke.noise.1, f64::max);
    let n = (longest * rate) as usize;
    let mut out = vec![0.0f32; n];
    for &(ratio, amplitude, seconds) in stroke.modes {
        let f = hertz * ratio * draws.between(0.995, 1.005);
        let amplitude = amplitude * draws.between(0.8, 1.15) as f32;
        if f > 0.45 * rate {
            continue;
        }
        let radius = libm::pow(1e-3, 1.0 / (seconds * rate)) as f32;
        let (mut x, mut y, mut gain) = (1.0f32, 0.0f32, amplitude);
        for (block, chunk) in out.chunks_mut(32).enumerate() {
            let t = block as f64 * 32.0 / rate;
            let bent = f * libm::exp2(stroke.bend.0 * libm::exp(-t / stroke.bend.1));
            let omega = std::f64::consts::TAU * bent / rate;
            let (sin, cos) = (libm::sin(omega) as f32, libm::cos(omega) as f32);
            for sample in chunk {
                (x, y) = (x * cos - y * sin, x * sin + y * cos);
                gain *= radius;
                *sample += gain * y;
            }
        }
    }
    let (amplitude, seconds, corner) = stroke.noise;
    let radius = libm::pow(1e-3, 1.0 / (seconds * rate).max(1.0)) as f32;
    let follow = one_pole(corner, sample_rate);
    let mut noise = Noise::new(Draws::from_key(draws.next_u64()));
    let (mut gain, mut low) = (amplitude, 0.0f32);
    for sample in &mut out {
        let white = noise.sample();
        low += follow * (white - low);
        *sample += gain * (white - low);
        gain *= radius;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_their_strokes() {
        let names = |kit: Kit, token| {
            kit.strokes_of(token).map(|index| kit.strokes()[index].name).collect::<Vec<_>>()
        };
        assert_eq!(names(Kit::Tabla, "dha"), ["na", "ge"]);
        assert_eq!(names(Kit::Drums, "s+h"), ["s", "h"]);
        assert_eq!(names(Kit::Kudum, "dha"), [""; 0]);
    }

    #[test]
    fn strokes_start_at_once_and_die_away() {
        for kit in [Kit::Kudum, Kit::Bendir, Kit::Tabla, Kit::Mridangam, Kit::Toumbeleki, Kit::Drums] {
            for stroke in kit.strokes() {
                let hit = Hit { start: 0.1, token: stroke.name, level: 1.0 };
                let sound = kit.play(&[hit], 140.0, &Draws::new(1, "kit", &[]), 24_000, 24_000);
                let power = |from: usize, to: usize| {
                    sound[from..to].iter().map(|x| x * x).sum::<f32>() / (to - from) as f32
                };
                assert!(power(0, 2400) == 0.0 && power(2400, 3000) > 1e-4, "{kit:?} {}", stroke.name);
                assert!(power(22_000, 24_000) < 1e-3 * power(2400, 3000), "{kit:?} {}", stroke.name);
            }
        }
    }
}
