//! The loss of pre-training and its parts.
//!
//! `loss = w_m Σ_k Σ_masked CE + w_u Σ_k Σ_unmasked CE + N (c_p · mean(f²) + c_q · MSE(CQT))`: a sum, not a mean; N counts the frames that enter
//! (masked when `w_m > 0`, unmasked when `w_u > 0`), one codebook's worth. `f` are the front end's features after the gradient scale,
//! the constant-Q error is over masked frames and all bins. Source: fairseq `hubert_criterion.py` 55–144, `mert_model.py` 1067–1339.

use burn::Tensor;
use burn::tensor::TensorData;
use serde::{Deserialize, Serialize};

use crate::draws_of_step::Site;
use crate::encoder::Observer;
use crate::{Geometry, Mert, MertError, StepDraws, parameters};

/// Weights of the parts and what else shapes the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objective {
    /// Weight of the masked frames' codes, `w_m`.
    pub masked: f64,
    /// Weight of the other frames' codes, `w_u`.
    pub unmasked: f64,
    /// Weight of the features' mean square, `c_p`.
    pub features_penalty: f64,
    /// Weight of the constant-Q error, `c_q`.
    pub cqt: f64,
    /// Temperature of the similarities.
    pub temperature: f64,
    /// Factor of the gradient that reaches the front end; 0 freezes it.
    pub feature_grad_mult: f64,
}

impl Default for Objective {
    /// The published recipe (`MERT_RVQ-VAE_CQT_95M.yaml`).
    fn default() -> Self {
        Self {
            masked: 1.0,
            unmasked: 0.0,
            features_penalty: 10.0,
            cqt: 1.0,
            temperature: 0.1,
            feature_grad_mult: 0.1,
        }
    }
}

/// A micro-batch. B clips of L samples, T frames, `columns` labels a clip.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Waveforms as the encoder hears them, `[B, L]`.
    pub waveform: Input<'a, 2>,
    /// Classes, `[B, columns, K]`: codes plus the label offset.
    pub labels: &'a [u32],
    /// Constant-Q magnitudes of the clean clips, `[B, at least T, bins]`; needed by a model with that head.
    pub cqt: Option<Input<'a, 3>>,
    /// Which frames are masked, `[B, T]`.
    pub mask: &'a [bool],
    /// How samples, frames and labels line up; its `n_valid` has B elements.
    pub geometry: &'a Geometry,
}

/// Numbers that a batch brings, wherever they are.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a, const D: usize> {
    /// In memory of the host, in C order.
    Host(&'a [f32]),
    /// On the model's device, without a tape.
    Device(&'a Tensor<D>),
}

impl<const D: usize> Input<'_, D> {
    fn n_elements(self) -> usize {
        match self {
            Self::Host(values) => values.len(),
            Self::Device(tensor) => tensor.dims().iter().product(),
        }
    }
}

/// What a forward pass of training says.
pub struct LossParts {
    /// The sum the gradient is taken of, `[1]`.
    pub total: Tensor<1>,
    /// Its value.
    pub value: f64,
    /// Frames N that the total is divided by.
    pub n_frames: usize,
    /// Masked frames.
    pub n_masked: usize,
    /// Frames neither masked nor padding.
    pub n_unmasked: usize,
    /// Cross entropy of each codebook, summed over masked frames, nats; empty when they have no weight.
    pub masked: Vec<f64>,
    /// The same of the unmasked frames.
    pub unmasked: Vec<f64>,
    /// Masked frames whose class was found, of each codebook.
    pub masked_correct: Vec<u64>,
    /// The same of the unmasked frames.
    pub unmasked_correct: Vec<u64>,
    /// Mean square of the features, without weight.
    pub features_penalty: f64,
    /// Mean squared constant-Q error, without weight; none without that head.
    pub cqt: Option<f64>,
}

/// Reads tensors in one go: on a card every reading waits for all that was asked of it before.
fn read<const N: usize>(tensors: [Option<Tensor<1>>; N]) -> Result<[Vec<f64>; N], MertError> {
    let without_tape = |tensor: Tensor<1>| if tensor.is_autodiff() { tensor.inner() } else { tensor };
    let tensors = tensors.map(|tensor| tensor.map(without_tape));
    let sizes = tensors.each_ref().map(|tensor| tensor.as_ref().map_or(0, |tensor| tensor.dims()[0]));
    let values = parameters::read(Tensor::cat(tensors.into_iter().flatten().collect(), 0))?;
    let mut values = values.into_iter().map(f64::from);
    Ok(sizes.map(|size| values.by_ref().take(size).collect()))
}

impl Mert {
    /// The loss of a micro-batch. Without `draws` nothing is dropped.
    ///
    /// # Panics
    /// When the model has no heads: they are made when training starts.
    pub fn loss(
        &self,
        batch: &Batch<'_>,
        objective: &Objective,
        draws: Option<&StepDraws>,
        observe: Observer<'_>,
    ) -> Result<LossParts, MertError> {
        let heads = self.heads.as_ref().expect("a model that is trained has heads");
        let n_clips = batch.geometry.n_valid.len();
        self.check(batch)?;
        let waveform = match batch.waveform {
            Input::Host(samples) => {
                let shape = [n_clips, samples.len() / n_clips];
                Tensor::<2>::from_data(TensorData::new(samples.to_vec(), shape), self.device())
            }
            Input::Device(samples) => self.taped(samples.clone()),
        };

        let n_frames = batch.geometry.n_frames;
        let features = self.encoder.feature_extractor.forward(waveform, self.precision(), observe);
        let features = kernels::scale_gradient(features, objective.feature_grad_mult);
        let features = if features.dims()[1] > n_frames { features.narrow(1, 0, n_frames) } else { features };
        let features_penalty = kernels::mean_square(features.clone());

        let mut x = self.encoder.feature_projection.forward(features, self.precision(), observe);
        if let Some(key) = draws.and_then(|draws| draws.dropout(Site::Input)) {
            x = kernels::dropout(x, key);
        }
        let x = self.encoder.mask(x, batch.mask);
        observe("encoder_in_masked", &x);
        let x = self.encoder.contextualise(x, batch.geometry.padding(), draws, observe);

        let is_real = |frame: usize| frame % n_frames < batch.geometry.n_valid[frame / n_frames];
        let real_frames = |masked: bool| -> Vec<usize> {
            (0..n_clips * n_frames).filter(|&frame| is_real(frame) && batch.mask[frame] == masked).collect()
        };
        let (masked, unmasked) = (real_frames(true), real_frames(false));
        let counted = |weight: f64, frames: &[usize]| if weight > 0.0 { frames.len() } else { 0 };
        let n = counted(objective.masked, &masked) + counted(objective.unmasked, &unmasked);
        if n == 0 {
            return Err(MertError::NothingToPredict);
        }
        let classes = heads.classes();
        let codes = |weight: f64, frames: &[usize], name: &str, observe: Observer<'_>| {
            (weight > 0.0 && !frames.is_empty()).then(|| {
                let projected = heads.project(kernels::gather_frames(x.clone(), frames));
                observe(name, &projected);
                let targets = self.targets(batch, frames);
                let n_codebooks = self.heads_config.as_ref().map_or(1, |config| config.n_codebooks);
                let (temperature, precision) = (objective.temperature, self.precision());
                kernels::code_loss(projected, classes.clone(), &targets, n_codebooks, temperature, precision)
            })
        };
        let masked_codes = codes(objective.masked, &masked, "final_proj_masked", observe);
        let unmasked_codes = codes(objective.unmasked, &unmasked, "final_proj_unmasked", observe);
        let cqt = match (&heads.encoder_cqt_model, batch.cqt) {
            (Some(head), Some(target)) if objective.cqt > 0.0 && !masked.is_empty() => {
                let predicted = head.fc.forward(kernels::gather_frames(x.clone(), &masked), self.precision());
                observe("cqt_pred_masked", &predicted);
                Some(kernels::mean_square(predicted - self.cqt_target(batch, target, &masked)))
            }
            _ => None,
        };

        let mut total = features_penalty.clone() * (n as f64 * objective.features_penalty);
        for (codes, weight) in [(&masked_codes, objective.masked), (&unmasked_codes, objective.unmasked)] {
            if let Some(codes) = codes {
                total = total + codes.sums.clone().sum() * weight;
            }
        }
        if let Some(cqt) = &cqt {
            total = total + cqt.clone() * (n as f64 * objective.cqt);
        }
        let sums = |codes: &Option<kernels::CodeLoss>| codes.as_ref().map(|codes| codes.sums.clone());
        let found = |codes: Option<kernels::CodeLoss>| codes.map(|codes| codes.correct);
        let [value, masked_sums, unmasked_sums, masked_correct, unmasked_correct, penalty, cqt] = read([
            Some(total.clone()),
            sums(&masked_codes),
            sums(&unmasked_codes),
            found(masked_codes),
            found(unmasked_codes),
            Some(features_penalty),
            cqt,
        ])?;
        let counts = |numbers: Vec<f64>| numbers.into_iter().map(|n| n as u64).collect();
        Ok(LossParts {
            total,
            value: value[0],
            n_frames: n,
            n_masked: masked.len(),
            n_unmasked: unmasked.len(),
            masked: masked_sums,
            unmasked: unmasked_sums,
            masked_correct: counts(masked_correct),
            unmasked_correct: counts(unmasked_correct),
            features_penalty: penalty[0],
            cqt: cqt.first().copied(),
        })
    }

    /// Classes of `frames` (positions in `[B·T]`), `[N, K]`.
    fn targets(&self, batch: &Batch<'_>, frames: &[usize]) -> Vec<u32> {
        let n_codebooks = self.heads_config.as_ref().map_or(1, |config| config.n_codebooks);
        let n_frames = batch.geometry.n_frames;
        let columns = batch.labels.len() / batch.geometry.n_valid.len() / n_codebooks;
        let mut targets = Vec::with_capacity(frames.len() * n_codebooks);
        for &frame in frames {
            let column = batch.geometry.label_of(frame % n_frames);
            let first = (frame / n_frames * columns + column) * n_codebooks;
            targets.extend_from_slice(&batch.labels[first..][..n_codebooks]);
        }
        targets
    }

    /// Constant-Q frames of `frames`, `[1, N, bins]`.
    fn cqt_target(&self, batch: &Batch<'_>, cqt: Input<'_, 3>, frames: &[usize]) -> Tensor<3> {
        let bins = self.heads_config.as_ref().and_then(|config| config.cqt_bins).unwrap_or(1);
        let n_frames = batch.geometry.n_frames;
        let rows = cqt.n_elements() / batch.geometry.n_valid.len() / bins;
        let row = |&frame: &usize| frame / n_frames * rows + frame % n_frames;
        match cqt {
            Input::Host(values) => {
                let picked: Vec<f32> =
                    frames.iter().flat_map(|frame| &values[row(frame) * bins..][..bins]).copied().collect();
                Tensor::from_data(TensorData::new(picked, [1, frames.len(), bins]), self.device())
            }
            Input::Device(tensor) => {
                let rows: Vec<usize> = frames.iter().map(row).collect();
                self.taped(kernels::gather_frames(tensor.clone(), &rows))
            }
        }
    }

    /// A tensor on the model's device as its operations take it.
    fn taped<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        if self.device().is_autodiff() { tensor.autodiff() } else { tensor }
    }

    /// Whether the parts of a batch fit each other and the model.
    fn check(&self, batch: &Batch<'_>) -> Result<(), MertError> {
        let config = self.heads_config.as_ref().expect("a model with heads has their configuration");
        let (n_clips, n_frames) = (batch.geometry.n_valid.len(), batch.geometry.n_frames);
        let size = |what, expected, found| {
            if expected == found { Ok(()) } else { Err(MertError::Size { what, expected, found }) }
        };
        size("the waveform's last clip", 0, batch.waveform.n_elements() % n_clips.max(1))?;
        size("the mask", n_clips * n_frames, batch.mask.len())?;
        let columns = batch.geometry.label_of(n_frames - 1) + 1;
        let row = n_clips * config.n_codebooks;
        if !batch.labels.len().is_multiple_of(row) || batch.labels.len() / row < columns {
            return Err(MertError::Size {
                what: "the list of labels",
                expected: row * columns,
                found: batch.labels.len(),
            });
        }
        if let Some(index) = batch.labels.iter().position(|&label| label as usize >= config.n_classes) {
            let (label, codebook) = (batch.labels[index], index % config.n_codebooks);
            return Err(MertError::Label { label, codebook, classes: config.n_classes });
        }
        if let (Some(bins), Some(cqt)) = (config.cqt_bins, batch.cqt) {
            let found = cqt.n_elements();
            if !found.is_multiple_of(n_clips * bins) || found / (n_clips * bins) < n_frames {
                let expected = n_clips * bins * n_frames;
                return Err(MertError::Size { what: "the constant-Q target", expected, found });
            }
        }
        Ok(())
    }
}
