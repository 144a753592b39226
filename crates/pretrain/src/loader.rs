//! From crops to what the model reads: waveforms, classes, constant-Q targets, masks and mixtures. For a model on a card the waveforms are
//! sent ahead, and the targets made there.
//!
//! A pure function of (corpus, plan, seed, where in the run): it runs ahead of the step on a thread of its own and changes nothing by that.

use audio::cqt::CqtConfig;
use burn::Tensor;
use burn::tensor::Device;
use corpus::{CodesReader, Corpus, Crop};
use kernels::device::is_processor;
use mert::masking::Masking;
use mert::mixture::{self, Mixture};
use mert::{Batch, EncoderConfig, Geometry, Input, Mert, parameters};

use crate::record::CropRecord;
use crate::sections::{MaskingPlan, MixturePlan};
use crate::spectrum::Spectrum;
use crate::{PretrainError, TrainPlan};

/// A class fairseq fills short rows of labels with (`pad`).
const PAD_CLASS: u32 = 1;

/// Numbers of a micro-batch, where the model reads them.
#[expect(clippy::large_enum_variant, reason = "a handful of them, each beside megabytes")]
pub(crate) enum Placed<const D: usize> {
    /// In memory of the host, in C order.
    Host(Vec<f32>),
    /// On the device.
    Device(Tensor<D>),
}

impl<const D: usize> Placed<D> {
    /// As the model takes them.
    fn lend(&self) -> Input<'_, D> {
        match self {
            Self::Host(values) => Input::Host(values),
            Self::Device(tensor) => Input::Device(tensor),
        }
    }
}

/// A micro-batch in memory.
pub(crate) struct Loaded {
    waveform: Placed<2>,
    labels: Vec<u32>,
    cqt: Option<Placed<3>>,
    mask: Vec<bool>,
    geometry: Geometry,
}

impl Loaded {
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            waveform: self.waveform.lend(),
            labels: &self.labels,
            cqt: self.cqt.as_ref().map(Placed::lend),
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
    /// The card that waveforms are sent to.
    card: Option<Device>,
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
            card: (!is_processor(model.device())).then(|| model.device().clone().inner()),
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
        let waveform = match &self.card {
            None => Placed::Host(waveform),
            Some(card) => {
                Placed::Device(parameters::upload(waveform, card).reshape([crops.len(), n_samples]))
            }
        };
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
