//! One tag's examples in the order of their scores: what ROC-AUC and average precision are counted from.
//!
//! With positives `p`, negatives `n` and scores `s`:
//! `ROC-AUC = (1/PN) Σ_p Σ_n ([s_p > s_n] + ½[s_p = s_n])` (Mann and Whitney: ties count one half);
//! `AP = Σ_t (R_t − R_{t−1})·P_t` over the distinct scores t, descending, recall R, precision P, no interpolation (scikit-learn).
//!
//! Sorting happens once. Afterwards both numbers follow for any whole-number weights of the examples by adding weights along
//! the order, [`LANES`] sets of weights at a time; a bootstrap resample is such a set of weights.
//! Sums are whole numbers, so nothing depends on their order.

/// Sets of weights counted together: one vector of bytes.
pub(crate) const LANES: usize = 16;

/// Weights of one example in every lane.
pub(crate) type LaneWeights = [u8; LANES];

/// Negatives that can be added in 16 bits before a lane of byte weights might overflow.
const NEGATIVES_IN_U16: usize = 257;

/// ROC-AUC and average precision of one tag, where they are defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RankScores {
    /// Defined when both classes are present.
    pub(crate) roc_auc: Option<f64>,
    /// Defined when there is a positive.
    pub(crate) average_precision: Option<f64>,
}

/// Neighbouring examples of the order that end with one score held by a positive (or with the last example).
struct Run {
    /// Negatives whose score no positive has.
    above: usize,
    /// Positives of one score.
    positives: usize,
    /// Negatives of that score.
    tied: usize,
}

/// The examples of a tag by descending score.
pub(crate) struct Ranking {
    /// Example indices; within a run first the negatives above, then positives, then tied negatives.
    order: Vec<u32>,
    runs: Vec<Run>,
}

impl Ranking {
    /// Sorts. Scores are finite and fewer than 2^32.
    pub(crate) fn new(examples: impl Iterator<Item = (bool, f64)>) -> Self {
        let mut keys: Vec<u128> = examples
            .enumerate()
            .map(|(index, (positive, score))| {
                // In a group of equal scores positives come first.
                (u128::from(descending(score)) << 64) | (u128::from(!positive) << 32) | index as u128
            })
            .collect();
        keys.sort_unstable();
        let order = keys.iter().map(|&key| key as u32).collect();
        let mut runs = Vec::new();
        let mut above = 0;
        for group in keys.chunk_by(|a, b| a >> 64 == b >> 64) {
            let positives = group.partition_point(|key| (key >> 32) & 1 == 0);
            if positives == 0 {
                above += group.len();
            } else {
                runs.push(Run { above, positives, tied: group.len() - positives });
                above = 0;
            }
        }
        runs.push(Run { above, positives: 0, tied: 0 });
        Self { order, runs }
    }

    /// The scores when every example counts once.
    pub(crate) fn scores(&self) -> RankScores {
        let mut count = Count::default();
        for run in &self.runs {
            count.add(run.above as u64, run.positives as u64, run.tied as u64);
        }
        count.scores()
    }

    /// The scores when example `i` counts `weights[i][lane]` times.
    pub(crate) fn weighted_scores(&self, weights: &[LaneWeights]) -> [RankScores; LANES] {
        simd::vectorised(|| {
            let mut counts = [Count::default(); LANES];
            let mut rest = &self.order[..];
            let mut sum = |n: usize| {
                let (now, later) = rest.split_at(n);
                rest = later;
                lane_sums(now, weights)
            };
            for run in &self.runs {
                let (above, positives, tied) = (sum(run.above), sum(run.positives), sum(run.tied));
                for lane in 0..LANES {
                    counts[lane].add(
                        u64::from(above[lane]),
                        u64::from(positives[lane]),
                        u64::from(tied[lane]),
                    );
                }
            }
            counts.map(|count| count.scores())
        })
    }
}

/// Sums of the weights of `examples`, lane by lane.
#[expect(clippy::inline_always, reason = "only inlined code is compiled for the wider vectors")]
#[inline(always)]
fn lane_sums(examples: &[u32], weights: &[LaneWeights]) -> [u32; LANES] {
    let mut sums = [0u32; LANES];
    for part in examples.chunks(NEGATIVES_IN_U16) {
        let mut narrow = [0u16; LANES];
        for &example in part {
            let row = &weights[example as usize];
            for lane in 0..LANES {
                narrow[lane] += u16::from(row[lane]);
            }
        }
        for lane in 0..LANES {
            sums[lane] += u32::from(narrow[lane]);
        }
    }
    sums
}

/// What has been counted down to some score.
#[derive(Clone, Copy, Default)]
struct Count {
    positives: u64,
    negatives: u64,
    /// Twice the number of (positive, negative) pairs in the wrong order; a tie is one half wrong.
    twice_wrong: u64,
    /// Σ of positives times precision, one term for each distinct score.
    precision_sum: f64,
}

impl Count {
    #[expect(clippy::inline_always, reason = "only inlined code is compiled for the wider vectors")]
    #[inline(always)]
    fn add(&mut self, above: u64, positives: u64, tied: u64) {
        self.negatives += above;
        self.twice_wrong += positives * (2 * self.negatives + tied);
        self.negatives += tied;
        self.positives += positives;
        // Without positives so far the precision is 0, and the `max` keeps 0/0 away.
        let retrieved = (self.positives + self.negatives).max(1);
        self.precision_sum += positives as f64 * (self.positives as f64 / retrieved as f64);
    }

    fn scores(&self) -> RankScores {
        let twice_pairs = 2 * self.positives * self.negatives;
        RankScores {
            roc_auc: (twice_pairs > 0).then(|| (twice_pairs - self.twice_wrong) as f64 / twice_pairs as f64),
            average_precision: (self.positives > 0).then(|| self.precision_sum / self.positives as f64),
        }
    }
}

/// A key that sorts ascending where `score` sorts descending. Both zeros have one key.
fn descending(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    let ascending = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    !ascending
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;
    use proptest::prelude::*;

    fn ranking(labels: &[u8], scores: &[f32]) -> Ranking {
        Ranking::new(labels.iter().zip(scores).map(|(&label, &score)| (label == 1, f64::from(score))))
    }

    /// The definition, pair by pair and threshold by threshold.
    fn by_definition(labels: &[u8], scores: &[f32]) -> RankScores {
        let of = |class: u8| labels.iter().zip(scores).filter(move |(l, _)| **l == class).map(|(_, s)| *s);
        let pairs = of(1).flat_map(|p| of(0).map(move |n| (p, n)));
        let (mut won, mut all) = (0.0, 0.0);
        for (p, n) in pairs {
            all += 1.0;
            won += match p.total_cmp(&n) {
                Ordering::Greater => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Less => 0.0,
            };
        }
        let mut thresholds = scores.to_vec();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let total = of(1).count() as f64;
        let (mut ap, mut recall_before) = (0.0, 0.0);
        for t in thresholds {
            let hits = of(1).filter(|&s| s >= t).count() as f64;
            let retrieved = scores.iter().filter(|&&s| s >= t).count() as f64;
            ap += (hits / total - recall_before) * hits / retrieved;
            recall_before = hits / total;
        }
        RankScores { roc_auc: (all > 0.0).then(|| won / all), average_precision: (total > 0.0).then_some(ap) }
    }

    fn close(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-12,
            (a, b) => a == b,
        }
    }

    #[test]
    fn signed_zeros_are_ties() {
        assert_eq!(ranking(&[1, 0], &[0.0, -0.0]).scores().roc_auc, Some(0.5));
    }

    #[test]
    fn a_lane_of_many_equal_draws_does_not_overflow() {
        let n = 3000;
        let labels: Vec<u8> = (0..n).map(|i| u8::from(i == n - 1)).collect();
        let scores: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let all = ranking(&labels, &scores).weighted_scores(&vec![[255; LANES]; n]);
        assert!(all.iter().all(|scores| scores.roc_auc == Some(1.0)));
    }

    proptest! {
        #[test]
        fn counting_equals_the_definition(examples in prop::collection::vec((0u8..2, -3i8..4), 1..60)) {
            let labels: Vec<u8> = examples.iter().map(|e| e.0).collect();
            let scores: Vec<f32> = examples.iter().map(|e| f32::from(e.1) * 0.5).collect();
            let (ours, theirs) = (ranking(&labels, &scores).scores(), by_definition(&labels, &scores));
            prop_assert!(close(ours.roc_auc, theirs.roc_auc), "{ours:?} {theirs:?}");
            prop_assert!(close(ours.average_precision, theirs.average_precision), "{ours:?} {theirs:?}");
        }

        #[test]
        fn weights_equal_repeated_examples(examples in prop::collection::vec((0u8..2, -3i8..4, 0u8..4), 1..40)) {
            let labels: Vec<u8> = examples.iter().map(|e| e.0).collect();
            let scores: Vec<f32> = examples.iter().map(|e| f32::from(e.1)).collect();
            // Every lane shifts the weights by one example.
            let weight = |i: usize, lane: usize| examples[(i + lane) % examples.len()].2;
            let weights: Vec<LaneWeights> =
                (0..examples.len()).map(|i| std::array::from_fn(|lane| weight(i, lane))).collect();
            let weighted = ranking(&labels, &scores).weighted_scores(&weights);
            for (lane, ours) in weighted.iter().enumerate() {
                let repeated = |i: usize| std::iter::repeat_n(i, usize::from(weight(i, lane)));
                let drawn: Vec<usize> = (0..examples.len()).flat_map(repeated).collect();
                let drawn_labels: Vec<u8> = drawn.iter().map(|&i| labels[i]).collect();
                let drawn_scores: Vec<f32> = drawn.iter().map(|&i| scores[i]).collect();
                let theirs = by_definition(&drawn_labels, &drawn_scores);
                prop_assert!(close(ours.roc_auc, theirs.roc_auc), "lane {lane}: {ours:?} {theirs:?}");
                prop_assert!(close(ours.average_precision, theirs.average_precision), "lane {lane}: {ours:?} {theirs:?}");
            }
        }
    }
}
