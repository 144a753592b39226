//! How a recording is cut into the chunks a probe sees.
//!
//! The two generations of MARBLE differ. v1: windows start every `window − overlap`, the last is kept when at least one second long, nothing is padded.
//! 2025: `c = ⌊seconds·rate⌋`, `⌊n/c⌋` clips side by side, one more when the rest makes up at least the share `least` of a clip; the last is zero padded to c.
//! A recording without any clip by these rules would silently leave the evaluation: callers see the empty list and must say so.
//! Pure; samples.

/// A run of samples of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First sample.
    pub start: usize,
    /// Samples of the recording in it; what a clip lacks to its length is zero padded.
    pub len: usize,
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
}
