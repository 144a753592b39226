//! In-batch mixture: pieces of the other clips of a batch are laid over a clip, so that the encoder learns to hear the one it is asked for.
//!
//! Clip i is mixed when `u > p`. Then n segments, n uniform in `least ..= most`: each `duration` samples long (uniform, both ends included), read at a
//! uniform start of the pool (all other clips, unmixed, in order) and added, times `gain`, at a uniform position. No energy matching, no
//! clipping. A pool shorter than the longest segment leaves the clip as it is, and so does a clip shorter than a segment.
//! Source: MERT `mert_model.py` 815–850. Targets stay those of the clean clip. Pure.

use draws::Draws;
use serde::{Deserialize, Serialize};

/// How clips are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mixture {
    /// A clip is mixed when its uniform is above this: 0.5 mixes half of them. 0 or less: none, as in the original.
    pub probability: f64,
    /// Fewest and most segments.
    pub segments: [usize; 2],
    /// Shortest and longest segment, samples.
    pub samples: [usize; 2],
    /// Factor of what is added.
    pub gain: f32,
}

impl Default for Mixture {
    /// The published recipe: half to one second at 24 kHz.
    fn default() -> Self {
        Self { probability: 0.5, segments: [1, 3], samples: [12_000, 24_000], gain: 1.0 }
    }
}

/// One piece that is laid over a clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Where it starts in the pool of the other clips.
    pub pool_start: usize,
    /// Samples.
    pub duration: usize,
    /// Where in the clip it is added.
    pub position: usize,
    /// Its factor.
    pub gain: f32,
}

impl Mixture {
    /// Draws the segments of every clip of a batch of clips of `n_samples`; keyed by seed and position in the run.
    pub fn draw(&self, n_clips: usize, n_samples: usize, seed: u64, position: &[u64]) -> Vec<Vec<Segment>> {
        (0..n_clips)
            .map(|clip| {
                let mut key = position.to_vec();
                key.push(clip as u64);
                self.draw_clip(n_clips, n_samples, &mut Draws::new(seed, "mixture", &key))
            })
            .collect()
    }

    fn draw_clip(&self, n_clips: usize, n_samples: usize, draws: &mut Draws) -> Vec<Segment> {
        let pool = n_clips.saturating_sub(1) * n_samples;
        let [_, longest] = self.samples;
        if self.probability <= 0.0
            || draws.uniform() <= self.probability
            || pool < longest
            || n_samples < longest
        {
            return Vec::new();
        }
        let between =
            |draws: &mut Draws, [low, high]: [usize; 2]| draws.inclusive(low as u64, high as u64) as usize;
        let n = between(draws, self.segments);
        (0..n)
            .map(|_| {
                let pool_start = between(draws, [0, pool - longest]);
                let duration = between(draws, self.samples);
                let position = between(draws, [0, n_samples - duration]);
                Segment { pool_start, duration, position, gain: self.gain }
            })
            .collect()
    }
}

/// Lays the segments over the clips `[B, L]`; the pool is made of the clips as they were.
///
/// # Panics
/// When a segment leaves the pool or the clip.
pub fn apply(clips: &[f32], segments: &[Vec<Segment>]) -> Vec<f32> {
    let n_samples = clips.len() / segments.len().max(1);
    let mut mixed = clips.to_vec();
    for (clip, segments) in segments.iter().enumerate() {
        let output = &mut mixed[clip * n_samples..][..n_samples];
        for segment in segments {
            let target = &mut output[segment.position..][..segment.duration];
            for (offset, sample) in target.iter_mut().enumerate() {
                // The clip itself is not in the pool: what comes after it lies one clip further on.
                let index = segment.pool_start + offset;
                let index = if index < clip * n_samples { index } else { index + n_samples };
                *sample += segment.gain * clips[index];
            }
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_leaves_the_clip_itself_out() {
        let clips = [1.0, 1.0, 20.0, 20.0, 300.0, 300.0];
        let segment = |pool_start| Segment { pool_start, duration: 2, position: 0, gain: 1.0 };
        let mixed = apply(&clips, &[vec![segment(1)], vec![segment(1)], vec![]]);
        assert_eq!(mixed, [21.0, 301.0, 21.0, 320.0, 300.0, 300.0]);
    }

    #[test]
    fn half_of_the_clips_are_mixed_by_default_and_a_single_clip_never() {
        let mixture = Mixture { samples: [5, 10], ..Mixture::default() };
        let mixed = |n_clips| {
            (0..500)
                .flat_map(|update| mixture.draw(n_clips, 40, 2, &[update]))
                .filter(|s| !s.is_empty())
                .count()
        };
        assert!((900..1100).contains(&mixed(4)), "{}", mixed(4));
        assert_eq!(mixed(1), 0);
    }

    #[test]
    fn segments_stay_inside() {
        let mixture = Mixture { probability: 0.01, samples: [5, 10], ..Mixture::default() };
        for update in 0..300 {
            let clips = [0.5; 60];
            apply(&clips, &mixture.draw(3, 20, 2, &[update]));
        }
    }
}
