//! Losses on crops that never train: the same crops and masks for every run on a corpus, no mixture, nothing dropped.
//!
//! Batches go round the ranks; what they say is added in the order of the batches, so the losses do not depend on how many ranks there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use corpus::{Corpus, Crop, Split, held_out_crops};
use mert::{Mert, Objective, silent};

use crate::loader::{Loaded, Loader, Position};
use crate::ranks::Company;
use crate::tally::{Heard, Tally};
use crate::{HeldOutRecord, PretrainError, TrainPlan};

/// Crops that go through the model together.
const BATCH: usize = 8;

/// The crops of one culture.
struct Culture {
    name: String,
    n_crops: usize,
    n_batches: usize,
    /// Number of its first batch among all.
    first: usize,
    /// The batches that are this rank's.
    mine: Vec<Loaded>,
}

/// The held-out crops of a corpus, in memory.
pub(crate) struct HeldOutSet {
    cultures: Vec<Culture>,
    not_measured: Vec<String>,
}

impl HeldOutSet {
    /// Reads crops of every culture's validation split, or of its test split where it has no validation; looking on changes nothing.
    /// `None` when a rank was asked to stop.
    pub(crate) fn load(
        plan: &TrainPlan,
        corpus: &Corpus,
        loader: &Loader<'_>,
        company: Company<'_>,
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
        let (mut batch_idx, mut stopped) = (0, false);
        for (culture, crops) in by_culture {
            let (first, mut mine) = (batch_idx, Vec::new());
            for batch in crops.chunks(BATCH) {
                stopped |= stop.load(Ordering::Relaxed);
                if !stopped && is_mine(batch_idx, company) {
                    mine.push(loader.load(batch, Position::HeldOut(batch_idx as u64))?);
                }
                batch_idx += 1;
            }
            let (name, n_crops, n_batches) = (culture.to_owned(), crops.len(), batch_idx - first);
            cultures.push(Culture { name, n_crops, n_batches, first, mine });
        }
        Ok((!company.any(stopped)?).then_some(Self { cultures, not_measured }))
    }

    /// Cultures of which nothing is held out.
    pub(crate) fn not_measured(&self) -> &[String] {
        &self.not_measured
    }

    /// The losses of every culture, in the order of their names. `None` when a rank was asked to stop before it had all.
    pub(crate) fn measure(
        &self,
        model: &Mert,
        objective: &Objective,
        at: (u64, &str),
        company: Company<'_>,
        stop: &AtomicBool,
    ) -> Result<Option<Vec<HeldOutRecord>>, PretrainError> {
        let model = model.without_tape();
        let (update, stage) = at;
        let mut records = Vec::new();
        for culture in &self.cultures {
            let begun = Instant::now();
            let mut mine = Some(Vec::new());
            for loaded in &culture.mine {
                if stop.load(Ordering::Relaxed) {
                    mine = None;
                    break;
                }
                let parts = model.loss(&loaded.batch(), objective, None, &mut silent)?;
                mine.get_or_insert_default().push(Heard::new(&parts, parts.value));
            }
            let said: Option<Vec<Vec<Heard>>> = company.exchange(mine)?.into_iter().collect();
            let Some(said) = said else { return Ok(None) };
            let mut said: Vec<_> = said.into_iter().map(Vec::into_iter).collect();
            let mut tally = Tally::default();
            for batch in culture.first..culture.first + culture.n_batches {
                let heard = said[batch % company.size()].next();
                tally.add(&heard.expect("every rank measures the batches that are its own"));
            }
            records.push(HeldOutRecord {
                update,
                stage: stage.into(),
                culture: culture.name.clone(),
                crops: culture.n_crops,
                loss: tally.losses(),
                accuracy: tally.accuracies(),
                seconds: begun.elapsed().as_secs_f64(),
            });
        }
        Ok(Some(records))
    }
}

/// Whether this rank measures batch number `batch`.
fn is_mine(batch: usize, company: Company<'_>) -> bool {
    batch % company.size() == company.rank()
}
