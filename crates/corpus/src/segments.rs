//! Cutting a recording into segments.
//!
//! Segment `i` covers `[i S, min((i + 1) S, n))`. The rest after the last whole segment is a segment of its own when it is at least
//! the minimum; a shorter rest is left out, and counted by who asks.

use std::ops::Range;

/// Where the segments of a recording of `n_samples` lie.
pub(crate) fn cut(n_samples: u64, segment_samples: u64, min_samples: u64) -> Vec<Range<u64>> {
    let n_segments = n_samples.div_ceil(segment_samples);
    (0..n_segments)
        .map(|index| index * segment_samples..((index + 1) * segment_samples).min(n_samples))
        .filter(|segment| segment.end - segment.start >= min_samples.min(segment_samples))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn segments_follow_each_other_and_lose_less_than_the_minimum(n in 0u64..5000, segment in 1u64..900, min in 1u64..900) {
            let segments = cut(n, segment, min);
            let mut end = 0;
            for range in &segments {
                prop_assert_eq!(range.start, end);
                prop_assert!(range.end > range.start && range.end - range.start <= segment);
                end = range.end;
            }
            prop_assert!(n - end < min.min(segment));
        }
    }
}
