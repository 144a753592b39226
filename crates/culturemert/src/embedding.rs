//! Recordings through a frozen encoder: windows, normalisation, means over time.

use burn::tensor::Device;
use mert::device::card_name;
use mert::{Mert, Precision};
use weights::{ModelDirectory, Tensors};

use crate::exit::usage;

/// Seconds of a window; MARBLE embeds 30 s at a time.
pub const WINDOW_SECONDS: usize = 30;

/// Added to the variance before the root, as `Wav2Vec2FeatureExtractor` does.
const VARIANCE_FLOOR: f64 = 1e-7;

/// A model ready to embed.
pub struct Embedder {
    model: Mert,
    normalises: bool,
}

impl Embedder {
    /// On `device`; `normalise` as asked, or as the model's preprocessor says.
    pub fn new(directory: &ModelDirectory, normalise: Option<bool>, device: &Device) -> anyhow::Result<Self> {
        let model = pretrain::load_model(directory, device)?;
        Ok(Self { model, normalises: normalises(directory, normalise) })
    }

    /// An encoder that lies in memory, which is of the shape and preprocessing of `like`.
    pub(crate) fn of_tensors(
        config: &serde_json::Value,
        tensors: &Tensors,
        like: &ModelDirectory,
        normalise: Option<bool>,
        device: &Device,
    ) -> anyhow::Result<Self> {
        let model = pretrain::model_of(config, tensors, device)?;
        Ok(Self { model, normalises: normalises(like, normalise) })
    }

    /// A model in training, which hears sound as it is.
    pub(crate) fn in_training(model: Mert) -> Self {
        Self { model, normalises: false }
    }

    /// An encoder of the shape and preprocessing of a model, with weights drawn from `seed`.
    pub(crate) fn random_like(
        directory: &ModelDirectory,
        seed: u64,
        device: &Device,
    ) -> anyhow::Result<Self> {
        let like = Self::new(directory, None, device)?;
        let model = Mert::from_scratch(like.model.config(), None, seed, device)?;
        Ok(Self { model, ..like })
    }

    /// Shape of the encoder, as text.
    pub(crate) fn shape(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(&self.model.config().to_json())?)
    }

    /// The same, with products in another precision than float32; fails where the device does not compute in it.
    pub fn with_precision(self, precision: Precision) -> anyhow::Result<Self> {
        if !mert::computes_in(self.model.device(), precision) {
            return Err(usage(format!("this device does not compute in {precision}; `f32` it does")));
        }
        Ok(Self { model: self.model.with_precision(precision), ..self })
    }

    /// The card it computes on; `None` on the processor.
    pub(crate) fn card(&self) -> Option<String> {
        card_name(self.model.device())
    }

    /// States the encoder has.
    pub fn n_states(&self) -> usize {
        self.model.config().num_hidden_layers + 1
    }

    /// Whether this model wants recordings of mean 0 and variance 1.
    pub fn normalises(&self) -> bool {
        self.normalises
    }

    /// Values of a frame of a state.
    pub fn width(&self) -> usize {
        self.model.config().hidden_size
    }

    /// Samples the encoder needs at least.
    pub fn shortest(&self) -> usize {
        self.model.config().field_of_view()
    }

    /// Brings a whole recording to mean 0 and variance 1, if this model wants that.
    pub(crate) fn prepare(&self, samples: &mut [f32]) {
        if self.normalises && !samples.is_empty() {
            normalise(samples);
        }
    }

    /// Means over time of every state of one window of prepared samples: `[states, width]`.
    pub(crate) fn means(&self, samples: &[f32]) -> anyhow::Result<Vec<f32>> {
        self.batch_means(samples, 1)
    }

    /// The same of `n` windows of equal length, one after the other: `[n, states, width]`.
    pub(crate) fn batch_means(&self, samples: &[f32], n: usize) -> anyhow::Result<Vec<f32>> {
        let (states, n_frames) = self.model.embed(samples, n)?;
        let width = self.width();
        let mut means = Vec::with_capacity(n * states.len() * width);
        for window in 0..n {
            for state in &states {
                let mut sums = vec![0.0f64; width];
                for row in state[window * n_frames * width..][..n_frames * width].chunks_exact(width) {
                    sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                means.extend(sums.into_iter().map(|sum| (sum / n_frames as f64) as f32));
            }
        }
        Ok(means)
    }

    /// Every state of the frames nearest to some samples of one window, `[places, states, width]`.
    pub(crate) fn frames(&self, window: &[f32], places: &[usize]) -> anyhow::Result<Vec<f32>> {
        let (states, n_frames) = self.model.embed(window, 1)?;
        let (width, config) = (self.width(), self.model.config());
        // The middle of frame t is sample t·stride + half the field of view.
        let (stride, half) = (config.stride(), config.field_of_view() / 2);
        let frame_of = |place: usize| {
            ((place.saturating_sub(half) + stride / 2) / stride).min(n_frames.saturating_sub(1))
        };
        let mut rows = Vec::with_capacity(places.len() * states.len() * width);
        for &place in places {
            for state in &states {
                rows.extend_from_slice(&state[frame_of(place) * width..][..width]);
            }
        }
        Ok(rows)
    }

    /// Frames that `n_samples` become when they go through the model `window` samples at a time. A last window too short for a frame adds
    /// none.
    pub(crate) fn n_frames(&self, n_samples: usize, window: usize) -> usize {
        let of = |n| if n < self.shortest() { 0 } else { self.model.config().n_frames(n) };
        n_samples / window * of(window) + of(n_samples % window)
    }

    /// Every hidden state of one window of prepared samples, `[frames, width]` each, and the number of frames.
    pub(crate) fn hidden(&self, samples: &[f32]) -> anyhow::Result<(Vec<Vec<f32>>, usize)> {
        Ok(self.model.embed(samples, 1)?)
    }
}

/// As asked, or as the model's preprocessor says.
fn normalises(directory: &ModelDirectory, asked: Option<bool>) -> bool {
    let stated = directory.preprocessor().and_then(|json| json["do_normalize"].as_bool());
    asked.or(stated).unwrap_or(true)
}

/// Mean and variance of a recording, block after block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    /// Samples so far.
    pub(crate) n_samples: usize,
    sum: f64,
    sum_of_squares: f64,
}

impl Statistics {
    /// Goes on with the next samples.
    pub(crate) fn add(&mut self, samples: &[f32]) {
        self.n_samples += samples.len();
        for &sample in samples {
            self.sum += f64::from(sample);
            self.sum_of_squares += f64::from(sample) * f64::from(sample);
        }
    }

    /// `(x − mean) / √(var + 1e-7)`, population variance, over the whole recording (`reference/hubert.md`, preprocessing).
    pub(crate) fn normalise(&self, samples: &mut [f32]) {
        let n = self.n_samples as f64;
        let mean = self.sum / n;
        // Rounding can bring the difference of a constant below zero.
        let variance = (self.sum_of_squares / n - mean * mean).max(0.0);
        let rate = 1.0 / (variance + VARIANCE_FLOOR).sqrt();
        for sample in samples {
            *sample = ((f64::from(*sample) - mean) * rate) as f32;
        }
    }
}

/// Brings samples to mean 0 and variance 1.
pub(crate) fn normalise(samples: &mut [f32]) {
    let mut statistics = Statistics::default();
    statistics.add(samples);
    statistics.normalise(samples);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_becomes_silence_and_the_rest_gets_variance_one() {
        let mut constant = vec![0.25; 500];
        normalise(&mut constant);
        assert!(constant.iter().all(|x| x.abs() < 1e-5));
        let mut wave: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.1).sin() * 0.01 + 0.5).collect();
        normalise(&mut wave);
        let power = wave.iter().map(|x| f64::from(x * x)).sum::<f64>() / 1000.0;
        assert!((power - 1.0).abs() < 1e-2, "{power}");
    }

    /// Stated in the cases' README: absolute, on values of size one.
    const TOLERANCE: f64 = 1e-5;

    #[test]
    fn golden_preprocessing() {
        for case in golden::cases("hubert", "io.safetensors") {
            let io = golden::Tensors::open(&case.join("io.safetensors"));
            if !io.has("normalized.0") {
                continue;
            }
            let mut worst = 0.0;
            for index in (0..1000).take_while(|index| io.has(&format!("normalized.{index}"))) {
                let mut samples = io.f32(&format!("input.{index}"));
                normalise(&mut samples);
                let error = golden::max_abs_diff(&samples, &io.f32(&format!("normalized.{index}")));
                worst = golden::nan_is_worst(worst, error);
            }
            golden::within("hubert preprocess", worst, TOLERANCE);
        }
    }
}
