//! Which samples and which code frames of the clips of a batch go together.
//!
//! With `r = label rate / sample rate` (75 / 24000) and a crop that starts at sample `s`:
//! [`Alignment::Grid320`]: `s` is a multiple of 320 and its codes start at `s / 320`, so waveform, codes and CQT tell of the same instants.
//! [`Alignment::OriginalRounding`]: any `s`, codes start at `round_half_even(s r)`, up to 160 samples off (MERT's `mert_dataset.py`).
//! Either way `count = min(round_half_even(size r), what the clip has left)`.
//! Source: MERT's collater, `reference/mert.md` section 6. Pure.

use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::FRAME_SAMPLES;

/// How the starts of crops relate to code frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alignment {
    /// Starts are multiples of 320 samples: codes and samples agree exactly.
    #[default]
    Grid320,
    /// Starts are any sample, codes the nearest frame: as MERT was trained.
    OriginalRounding,
}

impl FromStr for Alignment {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "grid320" => Ok(Self::Grid320),
            "original-rounding" => Ok(Self::OriginalRounding),
            other => Err(format!("unknown alignment `{other}`, expected `grid320` or `original-rounding`")),
        }
    }
}

impl Alignment {
    /// Samples from one possible start to the next.
    pub fn step(self) -> u64 {
        match self {
            Self::Grid320 => FRAME_SAMPLES,
            Self::OriginalRounding => 1,
        }
    }

    /// The nearest possible start at or before `start`.
    pub fn allowed(self, start: u64) -> u64 {
        start - start % self.step()
    }
}

/// Code frame at which the codes of sample `start` begin, of `rate` codes a sample. On the grid this is `start / 320` exactly.
pub(crate) fn label_at(start: u64, rate: f64) -> u64 {
    (start as f64 * rate).round_ties_even() as u64
}

/// Codes a sample at 24 kHz and 75 Hz, as the original computes it.
pub(crate) const LABELS_PER_SAMPLE: f64 = 75.0 / 24_000.0;

/// How clips of different lengths become a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CollateRule {
    /// No crop is longer, samples.
    pub max_samples: u64,
    /// Pad shorter clips with zeros up to the longest, instead of cropping all to the shortest.
    pub pad: bool,
    /// Codes a sample.
    pub labels_per_sample: f64,
    /// Where crops may start.
    pub alignment: Alignment,
}

/// The batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collated {
    /// Samples of every row.
    pub samples: u64,
    /// Code columns of every row.
    pub target_columns: u64,
    /// The rows.
    pub clips: Vec<CollatedClip>,
}

/// One row of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollatedClip {
    /// First sample of the crop within the clip.
    pub wave_start: u64,
    /// Zeros at the end of the row.
    pub padded_samples: u64,
    /// First code frame within the clip's codes.
    pub label_start: u64,
    /// Code frames; the rest of the row's columns is padding.
    pub label_count: u64,
}

/// Lays out a batch of clips given as `(samples, code frames)`.
///
/// `start_in` is asked once for each clip longer than the row, in order, with the possible starts; what it answers is brought onto the
/// grid of the alignment.
pub fn collate(
    clips: &[(u64, u64)],
    rule: &CollateRule,
    mut start_in: impl FnMut(RangeInclusive<u64>) -> u64,
) -> Collated {
    let lengths = clips.iter().map(|&(samples, _)| samples);
    let longest = if rule.pad { lengths.max() } else { lengths.min() };
    let samples = longest.unwrap_or(0).min(rule.max_samples);
    let whole_count = label_at(samples, rule.labels_per_sample);
    let mut rows: Vec<CollatedClip> = Vec::with_capacity(clips.len());
    for &(length, n_labels) in clips {
        let spare = length.saturating_sub(samples);
        let wave_start = if spare == 0 { 0 } else { rule.alignment.allowed(start_in(0..=spare).min(spare)) };
        let label_start = label_at(wave_start, rule.labels_per_sample);
        rows.push(CollatedClip {
            wave_start,
            padded_samples: samples.saturating_sub(length),
            label_start,
            label_count: whole_count.min(n_labels.saturating_sub(label_start)),
        });
    }
    let counts = rows.iter().map(|row| row.label_count);
    let target_columns = if rule.pad { counts.max() } else { counts.min() }.unwrap_or(0);
    if !rule.pad {
        // All rows are whole: the clip with the fewest codes left decides for all.
        for row in &mut rows {
            row.label_count = target_columns;
        }
    }
    Collated { samples, target_columns, clips: rows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_go_to_the_even_frame() {
        assert_eq!([160, 480, 800].map(|start| label_at(start, LABELS_PER_SAMPLE)), [0, 2, 2]);
    }

    proptest! {
        #[test]
        fn on_the_grid_codes_and_samples_start_together(frame in 0u64..1 << 32) {
            prop_assert_eq!(label_at(frame * FRAME_SAMPLES, LABELS_PER_SAMPLE), frame);
        }

        #[test]
        fn rows_stay_inside_their_clips(lengths in prop::collection::vec(1u64..400_000, 1..6), pad: bool, grid: bool, draw: u64) {
            let clips: Vec<(u64, u64)> = lengths.iter().map(|&length| (length, length.div_ceil(320))).collect();
            let alignment = if grid { Alignment::Grid320 } else { Alignment::OriginalRounding };
            let rule = CollateRule { max_samples: 120_000, pad, labels_per_sample: LABELS_PER_SAMPLE, alignment };
            let batch = collate(&clips, &rule, |range| draw % (range.end() + 1));
            for (row, &(samples, labels)) in batch.clips.iter().zip(&clips) {
                prop_assert!(row.wave_start + batch.samples - row.padded_samples <= samples);
                prop_assert!(row.label_start + row.label_count <= labels && row.label_count <= batch.target_columns);
                let offset = (row.label_start * 320).abs_diff(row.wave_start);
                let furthest = if grid { 0 } else { 160 };
                prop_assert!(offset <= furthest);
            }
        }
    }
}
