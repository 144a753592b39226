//! Which frames the encoder does not see.
//!
//! For a clip of `s` real frames: `n = max(least, ⌊p·s/l + u⌋)`, u uniform in [0, 1); n distinct starts among `0 .. s − l` (end excluded),
//! each hiding l frames, united, cut at s. The last frame is never masked. When `s − l ≤ n` starts come from `0 ..= n`.
//! Then every clip keeps only as many masked frames as the least masked clip of the batch, single frames dropped at random.
//! Source: fairseq `data_utils.py` 399–588 as MERT calls it (`min_masks` 2, equal counts). Pure.

use draws::Draws;
use serde::{Deserialize, Serialize};

/// How frames are masked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Masking {
    /// Share of frames that would be masked if spans never overlapped, p.
    pub probability: f64,
    /// Frames of a span, l.
    pub length: usize,
    /// Spans a clip has at least.
    pub min_spans: usize,
    /// Whether all clips of a batch keep equally many masked frames.
    pub equal_counts: bool,
}

impl Default for Masking {
    /// The published recipe.
    fn default() -> Self {
        Self { probability: 0.8, length: 5, min_spans: 2, equal_counts: true }
    }
}

impl Masking {
    /// Draws the mask `[B, T]` of a batch whose clips have `n_valid` real frames each; keyed by seed and position in the run.
    pub fn draw(&self, n_valid: &[usize], n_frames: usize, seed: u64, position: &[u64]) -> Vec<bool> {
        let draws_of = |purpose: &str, clip: usize| {
            let mut key = position.to_vec();
            key.push(clip as u64);
            Draws::new(seed, purpose, &key)
        };
        let mut masked: Vec<Vec<usize>> = n_valid
            .iter()
            .enumerate()
            .map(|(clip, &n)| self.spans(n.min(n_frames), &mut draws_of("mask spans", clip)))
            .collect();
        if self.equal_counts {
            let least = masked.iter().map(Vec::len).min().unwrap_or(0);
            for (clip, frames) in masked.iter_mut().enumerate() {
                if frames.len() > least {
                    let kept = draws_of("mask equal counts", clip).distinct(frames.len(), least);
                    *frames = kept.into_iter().map(|index| frames[index]).collect();
                }
            }
        }
        let mut mask = vec![false; n_valid.len() * n_frames];
        for (clip, frames) in masked.into_iter().enumerate() {
            for frame in frames {
                mask[clip * n_frames + frame] = true;
            }
        }
        mask
    }

    /// Masked frames of one clip of `size` frames, ascending.
    fn spans(&self, size: usize, draws: &mut Draws) -> Vec<usize> {
        if size == 0 {
            return Vec::new();
        }
        let wanted = (self.probability * size as f64 / self.length as f64 + draws.uniform()) as usize;
        let n_spans = wanted.max(self.min_spans);
        let n_starts = if size <= self.length + n_spans { n_spans + 1 } else { size - self.length };
        let mut hidden = vec![false; size];
        for start in draws.distinct(n_starts, n_spans) {
            let end = (start + self.length).min(size);
            hidden[start.min(end)..end].fill(true);
        }
        (0..size).filter(|&frame| hidden[frame]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_never_masked_and_counts_are_equal() {
        let masking = Masking::default();
        let n_valid = [120, 90, 33, 7];
        let mask = masking.draw(&n_valid, 120, 5, &[1, 2]);
        let counts: Vec<usize> = mask.chunks(120).map(|clip| clip.iter().filter(|&&m| m).count()).collect();
        assert!(counts.iter().all(|&n| n == counts[0] && n > 0), "{counts:?}");
        for (clip, &n) in mask.chunks(120).zip(&n_valid) {
            assert!(clip[n..].iter().all(|m| !m));
        }
    }

    #[test]
    fn the_last_frame_of_a_long_clip_is_never_masked() {
        for update in 0..200 {
            assert!(!Masking::default().draw(&[60], 60, 1, &[update])[59]);
        }
    }

    #[test]
    fn tiny_clips_are_masked_without_trouble() {
        for size in 2..12 {
            for update in 0..20 {
                let mask = Masking::default().draw(&[size], size, 1, &[update]);
                assert!(mask.iter().any(|&m| m), "{size}");
            }
        }
    }
}
