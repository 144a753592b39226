//! Sums of the losses of micro-batches, and their means.

use mert::LossParts;

use crate::record::{Accuracies, Losses};

/// What several micro-batches said.
#[derive(Default)]
pub(crate) struct Tally {
    total: f64,
    frames: f64,
    masked_frames: f64,
    unmasked_frames: f64,
    masked: Vec<f64>,
    unmasked: Vec<f64>,
    masked_correct: Vec<u64>,
    unmasked_correct: Vec<u64>,
    penalty: f64,
    cqt: f64,
}

impl Tally {
    /// Adds a micro-batch whose total is `total`. Means inside it weigh as much as its frames.
    pub(crate) fn add(&mut self, parts: &LossParts, total: f64) {
        self.total += total;
        self.frames += parts.n_frames as f64;
        self.masked_frames += parts.n_masked as f64;
        self.unmasked_frames += parts.n_unmasked as f64;
        add(&mut self.masked, &parts.masked);
        add(&mut self.unmasked, &parts.unmasked);
        add(&mut self.masked_correct, &parts.masked_correct);
        add(&mut self.unmasked_correct, &parts.unmasked_correct);
        self.penalty += parts.features_penalty * parts.n_frames as f64;
        self.cqt += parts.cqt.unwrap_or(0.0) * parts.n_frames as f64;
    }

    pub(crate) fn masked_frames(&self) -> u64 {
        self.masked_frames as u64
    }

    pub(crate) fn losses(&self) -> Losses {
        let mean = |sum: &f64, frames: f64| if frames > 0.0 { sum / frames } else { 0.0 };
        Losses {
            total: mean(&self.total, self.frames),
            masked_codebooks: self.masked.iter().map(|sum| mean(sum, self.masked_frames)).collect(),
            unmasked_codebooks: self.unmasked.iter().map(|sum| mean(sum, self.unmasked_frames)).collect(),
            features_penalty: mean(&self.penalty, self.frames),
            cqt: mean(&self.cqt, self.frames),
        }
    }

    pub(crate) fn accuracies(&self) -> Accuracies {
        let shares = |counts: &[u64], frames: f64| -> Vec<f64> {
            counts.iter().map(|&count| count as f64 / frames.max(1.0)).collect()
        };
        let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        let masked_codebooks = shares(&self.masked_correct, self.masked_frames);
        let unmasked = shares(&self.unmasked_correct, self.unmasked_frames);
        Accuracies {
            masked: mean(&masked_codebooks),
            unmasked: (!unmasked.is_empty()).then(|| mean(&unmasked)),
            masked_codebooks,
        }
    }
}

fn add<T: Copy + Default + std::ops::AddAssign>(sums: &mut Vec<T>, values: &[T]) {
    sums.resize(sums.len().max(values.len()), T::default());
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
