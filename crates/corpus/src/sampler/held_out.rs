//! Crops that models are compared on during training: always the same ones.
//!
//! No seed enters: every run on a corpus, whatever its plan, looks at the same crops. Slots of a culture's clips are put in an order that
//! the culture's name determines, and the first are taken, each at its own place, so no two overlap.

use std::collections::BTreeMap;

use draws::{Draws, fnv1a64};
use serde::Serialize;

use super::Crop;
use crate::{Alignment, Clip, CorpusError, Split};

/// A fixed list of crops.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldOut {
    /// The crops, culture by culture.
    #[serde(skip)]
    pub crops: Vec<Crop>,
    /// Crops of each culture: asked for are `n` each, fewer where the split holds fewer.
    pub per_culture: BTreeMap<String, usize>,
    /// Clips shorter than a crop, or silent, which are not read.
    pub not_read: usize,
}

/// `n` crops of every culture in `split` (usually validation); none for a culture without a whole crop there.
///
/// Starts are brought onto the 320-sample grid, so codes and samples agree whatever the crop's length.
pub fn held_out_crops(
    clips: &[Clip],
    split: Split,
    n: usize,
    crop_samples: usize,
) -> Result<HeldOut, CorpusError> {
    if crop_samples == 0 {
        return Err(CorpusError::Plan("a held-out crop of 0 samples reads nothing".into()));
    }
    let mut slots_of: BTreeMap<&str, Vec<(usize, u64)>> = BTreeMap::new();
    let mut not_read = 0;
    for (clip_idx, clip) in clips.iter().enumerate().filter(|(_, clip)| clip.split == split) {
        let slots = slots_of.entry(&clip.culture).or_default();
        let n_slots = if clip.silent { 0 } else { clip.samples / crop_samples as u64 };
        not_read += usize::from(n_slots == 0);
        slots.extend((0..n_slots).map(|slot| (clip_idx, slot)));
    }
    let mut held_out = HeldOut { crops: Vec::new(), per_culture: BTreeMap::new(), not_read };
    for (culture, mut slots) in slots_of {
        Draws::new(0, "held-out crops", &[fnv1a64(culture.as_bytes())]).shuffle(&mut slots);
        slots.truncate(n);
        held_out.per_culture.insert(culture.into(), slots.len());
        held_out.crops.extend(slots.into_iter().map(|(clip_idx, slot)| {
            let start = Alignment::Grid320.allowed(slot * crop_samples as u64);
            Crop::at(clip_idx, &clips[clip_idx], start, crop_samples)
        }));
    }
    Ok(held_out)
}
