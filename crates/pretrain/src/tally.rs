//! Sums of the losses of micro-batches, and their means.

use mert::LossParts;
use serde::{Deserialize, Serialize};

use crate::record::{Accuracies, Losses};

/// What one micro-batch said, in numbers that go from rank to rank unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heard {
    #[serde(with = "bits")]
    total: f64,
    n_frames: usize,
    n_masked: usize,
    n_unmasked: usize,
    #[serde(with = "lists_of_bits")]
    masked: Vec<f64>,
    #[serde(with = "lists_of_bits")]
    unmasked: Vec<f64>,
    masked_correct: Vec<u64>,
    unmasked_correct: Vec<u64>,
    #[serde(with = "bits")]
    features_penalty: f64,
    #[serde(with = "bits")]
    cqt: f64,
}

impl Heard {
    /// Keeps the numbers of a micro-batch whose total is `total`.
    pub(crate) fn new(parts: &LossParts, total: f64) -> Self {
        Self {
            total,
            n_frames: parts.n_frames,
            n_masked: parts.n_masked,
            n_unmasked: parts.n_unmasked,
            masked: parts.masked.clone(),
            unmasked: parts.unmasked.clone(),
            masked_correct: parts.masked_correct.clone(),
            unmasked_correct: parts.unmasked_correct.clone(),
            features_penalty: parts.features_penalty,
            cqt: parts.cqt.unwrap_or(0.0),
        }
    }
}

/// JSON has no NaN and no infinity, and every bit counts.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// As [`bits`], element by element.
mod lists_of_bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| value.to_bits()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let bits: Vec<u64> = Vec::deserialize(deserializer)?;
        Ok(bits.into_iter().map(f64::from_bits).collect())
    }
}

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
    /// Adds a micro-batch. Means inside it weigh as much as its frames.
    pub(crate) fn add(&mut self, heard: &Heard) {
        self.total += heard.total;
        self.frames += heard.n_frames as f64;
        self.masked_frames += heard.n_masked as f64;
        self.unmasked_frames += heard.n_unmasked as f64;
        add(&mut self.masked, &heard.masked);
        add(&mut self.unmasked, &heard.unmasked);
        add(&mut self.masked_correct, &heard.masked_correct);
        add(&mut self.unmasked_correct, &heard.unmasked_correct);
        self.penalty += heard.features_penalty * heard.n_frames as f64;
        self.cqt += heard.cqt * heard.n_frames as f64;
    }

    /// Frames that the gradient is divided by.
    pub(crate) fn frames(&self) -> f64 {
        self.frames
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_from_rank_to_rank_keeps_every_bit() {
        let heard = Heard {
            total: 0.1 + 0.2,
            n_frames: 7,
            n_masked: 7,
            n_unmasked: 1,
            masked: vec![f64::NAN, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 3.0],
            unmasked: Vec::new(),
            masked_correct: vec![3],
            unmasked_correct: vec![u64::MAX],
            features_penalty: f64::MAX,
            cqt: 1.0 / 3.0,
        };
        let read: Heard = serde_json::from_slice(&serde_json::to_vec(&heard).unwrap()).unwrap();
        let bits = |heard: &Heard| -> Vec<u64> {
            let scalars = [heard.total, heard.features_penalty, heard.cqt];
            scalars.iter().chain(&heard.masked).map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&read), bits(&heard));
        assert_eq!((read.n_unmasked, read.unmasked_correct), (1, vec![u64::MAX]));
    }
}
