//! Losses on crops that never train: the same crops and masks for every run on a corpus, no mixture, nothing dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use corpus::{Corpus, Crop, Split, held_out_crops};
use mert::{Mert, Objective, silent};

use crate::loader::{Loaded, Loader, Position};
use crate::tally::Tally;
use crate::{HeldOutRecord, PretrainError, TrainPlan};

/// Crops that go through the model together.
const BATCH: usize = 8;

/// The held-out crops of a corpus, in memory.
pub(crate) struct HeldOutSet {
    cultures: Vec<(String, usize, Vec<Loaded>)>,
    not_measured: Vec<String>,
}

impl HeldOutSet {
    /// Reads crops of every culture's validation split, or of its test split where it has no validation; looking on changes nothing.
    /// `None` when it was asked to stop.
    pub(crate) fn load(
        plan: &TrainPlan,
        corpus: &Corpus,
        loader: &Loader<'_>,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, PretrainError> {
        let clips = corpus.clips();
        let culture_of = |crop: &Crop| clips[crop.clip].culture.as_str();
        let mut by_culture: BTreeMap<&str, Vec<Crop>> = BTreeMap::new();
        for split in [Split::Valid, Split::Test] {
            let crops = held_out_crops(clips, split, plan.held_out.crops, plan.crop.samples())?.crops;
            let mut of_split: BTreeMap<&str, Vec<Crop>> = BTreeMap::new();
            for crop in crops {
                of_split.entry(culture_of(&crop)).or_default().push(crop);
            }
            for (culture, crops) in of_split {
                by_culture.entry(culture).or_insert(crops);
            }
        }
        let present: BTreeSet<&str> = clips.iter().map(|clip| clip.culture.as_str()).collect();
        let not_measured = present.into_iter().filter(|culture| !by_culture.contains_key(culture));
        let not_measured = not_measured.map(str::to_owned).collect();
        let mut cultures = Vec::new();
        let mut batch_idx = 0;
        for (culture, crops) in by_culture {
            let mut batches = Vec::new();
            for batch in crops.chunks(BATCH) {
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                batches.push(loader.load(batch, Position::HeldOut(batch_idx))?);
                batch_idx += 1;
            }
            cultures.push((culture.to_owned(), crops.len(), batches));
        }
        Ok(Some(Self { cultures, not_measured }))
    }

    /// Cultures of which nothing is held out.
    pub(crate) fn not_measured(&self) -> &[String] {
        &self.not_measured
    }

    /// The losses of every culture, in the order of their names. `None` when it was asked to stop before it had all.
    pub(crate) fn measure(
        &self,
        model: &Mert,
        objective: &Objective,
        update: u64,
        stage: &str,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<HeldOutRecord>>, PretrainError> {
        let model = model.without_tape();
        let mut records = Vec::new();
        for (culture, crops, batches) in &self.cultures {
            let begun = Instant::now();
            let mut tally = Tally::default();
            for loaded in batches {
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let parts = model.loss(&loaded.batch(), objective, None, &mut silent)?;
                tally.add(&parts, parts.value());
            }
            records.push(HeldOutRecord {
                update,
                stage: stage.into(),
                culture: culture.clone(),
                crops: *crops,
                loss: tally.losses(),
                accuracy: tally.accuracies(),
                seconds: begun.elapsed().as_secs_f64(),
            });
        }
        Ok(Some(records))
    }
}
