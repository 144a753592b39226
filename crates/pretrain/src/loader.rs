//! From crops to what the model reads: waveforms, classes, constant-Q targets, masks and mixtures. The targets of a model on a card are
//! made there.
//!
//! A pure function of (corpus, plan, seed, where in the run): it runs ahead of the step on a thread of its own and changes nothing by that.

use audio::cqt::CqtConfig;
use corpus::{CodesReader, Corpus, Crop};
use mert::masking::Masking;
use mert::mixture::{self, Mixture};
use mert::{Batch, EncoderConfig, Geometry, Mert};

use crate::record::CropRecord;
use crate::sections::{MaskingPlan, MixturePlan};
use crate::spectrum::{Spectrum, Targets};
use crate::{PretrainError, TrainPlan};

/// A class fairseq fills short rows of labels with (`pad`).
const PAD_CLASS: u32 = 1;

/// A micro-batch in memory.
pub(crate) struct Loaded {
    waveform: Vec<f32>,
    labels: Vec<u32>,
    cqt: Option<Targets>,
    mask: Vec<bool>,
    geometry: Geometry,
}

impl Loaded {
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            waveform: &self.waveform,
            labels: &self.labels,
            cqt: self.cqt.as_ref().map(Targets::lend),
            mask: &self.mask,
            geometry: &self.geometry,
        }
    }
}

/// Where the draws of a micro-batch are keyed.
#[derive(Clone, Copy)]
pub(crate) enum Position {
    /// Stage, update within it and micro-batch.
    Training([u64; 3]),
    /// Number of a batch of held-out crops: the same masks for every run, and no mixture.
    HeldOut(u64),
}

/// Everything loading needs.
pub(crate) struct Loader<'a> {
    corpus: &'a Corpus,
    codes: &'a CodesReader,
    config: EncoderConfig,
    cqt: Option<Spectrum>,
    masking: Masking,
    mixture: Mixture,
    seed: u64,
    special_entries: u32,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        plan: &TrainPlan,
        corpus: &'a Corpus,
        codes: &'a CodesReader,
        model: &Mert,
    ) -> Result<Self, PretrainError> {
        codes.check_columns()?;
        let header = codes.header();
        let objective = &plan.objective;
        if (header.n_codebooks, header.n_entries) != (objective.codebooks, objective.entries) {
            let words = |codebooks, entries| format!("{codebooks} codebooks of {entries} entries");
            return Err(PretrainError::Codes {
                tokenizer: header.tokenizer.clone(),
                found: words(header.n_codebooks, header.n_entries),
                planned: words(objective.codebooks, objective.entries),
            });
        }
        let is_asked = objective.weights()[2] > 0.0;
        let spectrum = || Spectrum::new(CqtConfig::mert(objective.cqt_bins), model.device());
        let cqt = is_asked.then(spectrum).transpose()?;
        Ok(Self {
            corpus,
            codes,
            config: model.config().clone(),
            cqt,
            masking: masking(&plan.masking),
            mixture: in_batch_mixture(&plan.mixture),
            seed: plan.run.seed,
            special_entries: objective.special_entries as u32,
        })
    }

    /// Reads the crops of one micro-batch; all are equally long.
    pub(crate) fn load(&self, crops: &[Crop], position: Position) -> Result<Loaded, PretrainError> {
        let n_samples = crops[0].n_samples;
        let n_codebooks = self.codes.header().n_codebooks;
        let columns = crops.iter().map(|crop| crop.n_codes).max().unwrap_or(0);
        let mut waveform = Vec::with_capacity(crops.len() * n_samples);
        let mut labels = Vec::with_capacity(crops.len() * columns * n_codebooks);
        for crop in crops {
            let clip = &self.corpus.clips()[crop.clip];
            waveform.extend(self.corpus.samples(clip, crop.start, crop.n_samples)?);
            let codes = self.codes.rows(crop.clip, crop.code_start, crop.n_codes)?;
            labels.extend(codes.iter().map(|&code| u32::from(code) + self.special_entries));
            labels.extend(vec![PAD_CLASS; (columns - crop.n_codes) * n_codebooks]);
        }
        let geometry = Geometry::new(&self.config, n_samples, &vec![n_samples; crops.len()], columns)?;
        let targets = |cqt: &Spectrum| cqt.targets(&waveform, n_samples, geometry.n_frames);
        let cqt = self.cqt.as_ref().map(targets);
        let (seed, key) = match position {
            Position::Training(position) => (self.seed, position),
            Position::HeldOut(index) => (0, [u64::MAX, index, 0]),
        };
        let mask = self.masking.draw(&geometry.n_valid, geometry.n_frames, seed, &key);
        if matches!(position, Position::Training(_)) {
            waveform = mixture::apply(&waveform, &self.mixture.draw(crops.len(), n_samples, seed, &key));
        }
        Ok(Loaded { waveform, labels, cqt, mask, geometry })
    }

    /// Clips and places of crops, for people.
    pub(crate) fn describe(&self, crops: &[Crop]) -> Vec<CropRecord> {
        let record = |crop: &Crop| CropRecord {
            clip: self.corpus.clips()[crop.clip].id.clone(),
            start_seconds: crop.start as f64 / f64::from(audio::SAMPLE_RATE),
        };
        crops.iter().map(record).collect()
    }
}

fn masking(plan: &MaskingPlan) -> Masking {
    Masking {
        probability: plan.probability,
        length: plan.length,
        min_spans: plan.min_spans,
        equal_counts: plan.same_count,
    }
}

fn in_batch_mixture(plan: &MixturePlan) -> Mixture {
    Mixture {
        probability: plan.threshold(),
        segments: plan.segments,
        samples: plan.samples,
        gain: plan.gain as f32,
    }
}
