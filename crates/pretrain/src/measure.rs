//! Losses on crops that never train: the same crops and masks for every run on a corpus, no mixture, nothing dropped.

use std::time::Instant;

use corpus::{Corpus, Split, held_out_crops};
use mert::{Mert, Objective, silent};

use crate::loader::{Loaded, Loader, Position};
use crate::tally::Tally;
use crate::{HeldOutRecord, PretrainError, TrainPlan};

/// Crops that go through the model together.
const BATCH: usize = 8;

/// The held-out crops of a corpus, in memory.
pub(crate) struct HeldOutSet {
    cultures: Vec<(String, usize, Vec<Loaded>)>,
}

impl HeldOutSet {
    /// Reads the crops of the validation split, or of the test split of a corpus without one.
    pub(crate) fn load(
        plan: &TrainPlan,
        corpus: &Corpus,
        loader: &Loader<'_>,
    ) -> Result<Self, PretrainError> {
        let has_valid = corpus.clips().iter().any(|clip| clip.split == Split::Valid);
        let split = if has_valid { Split::Valid } else { Split::Test };
        let held_out = held_out_crops(corpus.clips(), split, plan.held_out.crops, plan.crop.samples())?;
        let mut cultures = Vec::new();
        let mut batch_idx = 0;
        for crops in
            held_out.crops.chunk_by(|a, b| corpus.clips()[a.clip].culture == corpus.clips()[b.clip].culture)
        {
            let mut batches = Vec::new();
            for batch in crops.chunks(BATCH) {
                batches.push(loader.load(batch, Position::HeldOut(batch_idx))?);
                batch_idx += 1;
            }
            cultures.push((corpus.clips()[crops[0].clip].culture.clone(), crops.len(), batches));
        }
        Ok(Self { cultures })
    }

    /// The losses of every culture, in the order of their names.
    pub(crate) fn measure(
        &self,
        model: &Mert,
        objective: &Objective,
        update: u64,
        stage: &str,
    ) -> Result<Vec<HeldOutRecord>, PretrainError> {
        let model = model.without_tape();
        let mut records = Vec::new();
        for (culture, crops, batches) in &self.cultures {
            let begun = Instant::now();
            let mut tally = Tally::default();
            for loaded in batches {
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
        Ok(records)
    }
}
