//! The line a voice, a bow or a breath follows: pitch and level at the control rate, continuous over the whole part.
//!
//! Both are targets passed through one-pole smoothing, so that legato glides, attacks and releases come of themselves.

use crate::score::Part;
use crate::signal::{CONTROL_RATE, block_start};

/// Release time constant of a sounding note, seconds.
const RELEASE: f64 = 0.05;

/// Pitch and level at each control point; block `k` runs from point `k` to point `k + 1`.
pub(crate) struct Contour {
    /// Frequency, Hz.
    pub(crate) hertz: Vec<f64>,
    /// Level, 0 where nothing sounds.
    pub(crate) level: Vec<f32>,
    /// Whether a new attack falls on the point.
    pub(crate) onset: Vec<bool>,
}

impl Contour {
    /// The contour of `part` with the given time constants, seconds.
    pub(crate) fn new(part: &Part, attack: f64, glide: f64, sample_rate: u32, n_samples: usize) -> Self {
        let seconds = n_samples as f64 / f64::from(sample_rate.max(1));
        let n_points = (seconds * f64::from(CONTROL_RATE)).ceil() as usize + 2;
        let mut cents = vec![f64::NAN; n_points];
        let mut level = vec![0.0f32; n_points];
        let mut onset = vec![false; n_points];
        let point_of = |time: f64| (time * f64::from(CONTROL_RATE)).round().max(0.0) as usize;
        for note in &part.notes {
            let (first, end) = (point_of(note.start), point_of(note.start + note.seconds));
            for point in first..end.min(n_points) {
                let t = (point - first) as f64 / f64::from(CONTROL_RATE);
                cents[point] = note.cents + note.ornament.cents_at(t, note.seconds);
                // A held note sinks a little; a new bow or breath leaves a short gap.
                let held = 1.0 - 0.25 * (t / note.seconds).min(1.0);
                let gap = if !note.slurred && t < 0.012 { 0.2 } else { 1.0 };
                level[point] = note.level * (held * gap) as f32;
            }
            if first < n_points {
                onset[first] = !note.slurred;
            }
        }
        Self::smooth(part.hertz, &cents, level, onset, attack, glide)
    }

    fn smooth(
        reference: f64,
        cents: &[f64],
        mut level: Vec<f32>,
        onset: Vec<bool>,
        attack: f64,
        glide: f64,
    ) -> Self {
        let follow = |seconds: f64| 1.0 - libm::exp(-1.0 / (seconds * f64::from(CONTROL_RATE)));
        let (rise, fall, bend) = (follow(attack) as f32, follow(RELEASE) as f32, follow(glide));
        let mut hertz = Vec::with_capacity(cents.len());
        let (mut pitch, mut loudness) =
            (cents.iter().copied().find(|c| c.is_finite()).unwrap_or(0.0), 0.0f32);
        for (&target, level) in cents.iter().zip(&mut level) {
            if target.is_finite() {
                // Out of silence the pitch starts where it should.
                pitch += (target - pitch) * if loudness < 0.02 { 1.0 } else { bend };
            }
            loudness += (*level - loudness) * if *level > loudness { rise } else { fall };
            if loudness < 1e-4 {
                loudness = 0.0;
            }
            *level = loudness;
            hertz.push(reference * libm::exp2(pitch / 1200.0));
        }
        Self { hertz, level, onset }
    }

    /// The blocks that sound, each with its first and last-plus-one sample.
    pub(crate) fn sounding_blocks(
        &self,
        sample_rate: u32,
        n_samples: usize,
    ) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        let last = self.level.len() - 1;
        (0..last).filter_map(move |block| {
            let range = block_start(block, sample_rate)..block_start(block + 1, sample_rate).min(n_samples);
            let silent = self.level[block] == 0.0 && self.level[block + 1] == 0.0;
            (!silent && range.start < range.end).then_some((block, range))
        })
    }
}
