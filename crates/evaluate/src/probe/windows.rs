//! How a recording is cut into the chunks a probe sees.
//!
//! The two generations of MARBLE differ. v1: windows start every `window − overlap`, the last is kept when at least one second long, nothing is padded.
//! 2025: `c = ⌊seconds·rate⌋`, `⌊n/c⌋` clips side by side, one more when the rest makes up at least the share `least` of a clip; the last is zero padded to c.
//! ccml (at test time): pieces of the input length side by side, the rest dropped.
//! A recording without any clip by these rules would silently leave the evaluation: callers see the empty list and must say so.
//! Pure; samples.

use serde::{Deserialize, Serialize};

/// A run of samples of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First sample.
    pub start: usize,
    /// Samples of the recording in it; what a clip lacks to its length is zero padded.
    pub len: usize,
}

/// A named rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowRule {
    /// [`sliding_windows`].
    #[default]
    MarbleV1,
    /// [`side_by_side_clips`] with a least share of 0.8.
    Marble2025,
    /// [`input_length_pieces`].
    Ccml,
}

/// Least share of a last clip, MARBLE 2025.
const LEAST_SHARE: f64 = 0.8;

impl WindowRule {
    /// Windows of `seconds` each. `hop`, from start to start, is the reader's choice in MARBLE v1 only; the other rules lay theirs side by side.
    pub fn windows(self, n_samples: usize, rate_hz: u32, seconds: f64, hop: f64) -> Vec<Window> {
        match self {
            Self::MarbleV1 => sliding_windows(n_samples, rate_hz, seconds, (seconds - hop).max(0.0)),
            Self::Marble2025 => side_by_side_clips(n_samples, rate_hz, seconds, LEAST_SHARE),
            Self::Ccml => input_length_pieces(n_samples, rate_hz, seconds),
        }
    }
}

/// Windows of MARBLE v1. `window` and `overlap` in seconds; the published probes of long files use 30 and 0.
pub fn sliding_windows(n_samples: usize, rate_hz: u32, window: f64, overlap: f64) -> Vec<Window> {
    let second = rate_hz as usize;
    let window = samples(window, rate_hz);
    let step = window.saturating_sub(samples(overlap, rate_hz)).max(1);
    if window == 0 {
        return Vec::new();
    }
    (0..n_samples)
        .step_by(step)
        .map(|start| Window { start, len: window.min(n_samples - start) })
        .filter(|window| window.len >= second.min(n_samples))
        .collect()
}

/// Clips of MARBLE 2025; its defaults are 30 seconds and a least share of 0.8.
pub fn side_by_side_clips(n_samples: usize, rate_hz: u32, seconds: f64, least: f64) -> Vec<Window> {
    let clip = samples(seconds, rate_hz);
    if clip == 0 {
        return Vec::new();
    }
    let (full, rest) = (n_samples / clip, n_samples % clip);
    let one_more = rest > 0 && rest as f64 / clip as f64 >= least;
    (0..full + usize::from(one_more))
        .map(|index| Window { start: index * clip, len: clip.min(n_samples - index * clip) })
        .collect()
}

/// Pieces of the ccml study; a recording shorter than one has none.
pub fn input_length_pieces(n_samples: usize, rate_hz: u32, seconds: f64) -> Vec<Window> {
    let len = samples(seconds, rate_hz);
    if len == 0 {
        return Vec::new();
    }
    (0..n_samples / len).map(|index| Window { start: index * len, len }).collect()
}

fn samples(seconds: f64, rate_hz: u32) -> usize {
    (seconds * f64::from(rate_hz)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_last_window_is_dropped_but_never_the_only_one() {
        let lens = |n, overlap| -> Vec<usize> {
            sliding_windows(n, 100, 3.0, overlap).iter().map(|window| window.len).collect()
        };
        assert_eq!(lens(700, 0.0), [300, 300, 100]);
        assert_eq!(lens(699, 0.0), [300, 300]);
        assert_eq!(lens(500, 1.0), [300, 300, 100]);
        assert_eq!(lens(50, 0.0), [50]);
        assert!(lens(0, 0.0).is_empty());
    }

    #[test]
    fn rules_differ_in_what_becomes_of_the_rest() {
        let lens = |rule: WindowRule, n: usize, hop: f64| -> Vec<usize> {
            rule.windows(n, 100, 3.0, hop).iter().map(|window| window.len).collect()
        };
        assert_eq!(lens(WindowRule::MarbleV1, 850, 3.0), [300, 300, 250]);
        assert_eq!(lens(WindowRule::MarbleV1, 850, 1.5).len(), 6);
        assert_eq!(lens(WindowRule::Marble2025, 850, 3.0), [300, 300, 250]);
        assert_eq!(lens(WindowRule::Marble2025, 830, 3.0), [300, 300]);
        assert_eq!(lens(WindowRule::Ccml, 899, 3.0), [300, 300]);
        assert!(lens(WindowRule::Ccml, 299, 3.0).is_empty());
    }
}
