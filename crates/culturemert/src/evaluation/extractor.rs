//! What turns windows into features: an encoder, or the statistics of log-mel frames that an encoder has to beat.

use audio::mel::{LogMel, MelConfig};
use burn::tensor::Device;
use weights::ModelDirectory;

use crate::embedding::Embedder;

/// Seed of the encoder with random weights.
const RANDOM_SEED: u64 = 1;

/// Log-mel frames on each side that stand for a moment: a tenth of a second.
const CONTEXT: usize = 8;

/// A way from samples to features.
pub(crate) struct Extractor {
    /// Hash of what it is.
    pub(crate) identity: String,
    kind: Kind,
}

enum Kind {
    Encoder(Box<Embedder>),
    LogMel(Box<LogMel>),
}

impl Extractor {
    /// The encoder of a model.
    pub(crate) fn of_model(directory: &ModelDirectory, device: &Device) -> anyhow::Result<Self> {
        let identity = directory.identity()?.to_string();
        Ok(Self::of_encoder(identity, Embedder::new(directory, None, device)?))
    }

    /// What an encoder says on a card is not to the bit what it says on the processor, so it is another one.
    fn of_encoder(identity: String, embedder: Embedder) -> Self {
        let identity = match embedder.card() {
            None => identity,
            Some(card) => {
                let mut hasher = files::Hasher::default();
                hasher.part(identity).part(card);
                hasher.finish().to_string()
            }
        };
        Self { identity, kind: Kind::Encoder(Box::new(embedder)) }
    }

    /// An encoder of the same shape and preprocessing whose weights are drawn.
    pub(crate) fn random_like(directory: &ModelDirectory, device: &Device) -> anyhow::Result<Self> {
        let embedder = Embedder::random_like(directory, RANDOM_SEED, device)?;
        let mut hasher = files::Hasher::default();
        hasher.part("random encoder").part(RANDOM_SEED.to_le_bytes()).part(embedder.shape()?);
        hasher.part([u8::from(embedder.normalises())]);
        Ok(Self::of_encoder(hasher.finish().to_string(), embedder))
    }

    /// Means and deviations over time of 64 log-mel bands.
    pub(crate) fn log_mel() -> anyhow::Result<Self> {
        let config = MelConfig::default();
        let identity = files::hash_bytes(format!("log-mel statistics {config:?}").as_bytes()).to_string();
        Ok(Self { identity, kind: Kind::LogMel(Box::new(LogMel::try_new(config)?)) })
    }

    pub(crate) fn n_states(&self) -> usize {
        match &self.kind {
            Kind::Encoder(embedder) => embedder.n_states(),
            Kind::LogMel(_) => 1,
        }
    }

    pub(crate) fn width(&self) -> usize {
        match &self.kind {
            Kind::Encoder(embedder) => embedder.width(),
            Kind::LogMel(mel) => 2 * mel.n_mels(),
        }
    }

    /// Whether it is an encoder with layers to choose from.
    pub(crate) fn is_encoder(&self) -> bool {
        matches!(self.kind, Kind::Encoder(_))
    }

    /// Whether it wants sound of mean 0 and variance 1.
    pub(crate) fn normalises(&self) -> bool {
        match &self.kind {
            Kind::Encoder(embedder) => embedder.normalises(),
            Kind::LogMel(_) => true,
        }
    }

    /// Samples it needs at least.
    pub(crate) fn shortest(&self) -> usize {
        match &self.kind {
            Kind::Encoder(embedder) => embedder.shortest(),
            Kind::LogMel(_) => 1,
        }
    }

    /// Features of single moments of one window, `[places, states, width]`; `places` are samples of it.
    pub(crate) fn frames(&self, window: &[f32], places: &[usize]) -> anyhow::Result<Vec<f32>> {
        match &self.kind {
            Kind::Encoder(embedder) => embedder.frames(window, places),
            Kind::LogMel(mel) => {
                let (bands, n) = (mel.transform(window), mel.n_mels());
                let n_frames = bands.len() / n;
                let hop = MelConfig::default().hop;
                let around = |&place: &usize| {
                    let middle = (place / hop).min(n_frames.saturating_sub(1));
                    let end = (middle + CONTEXT + 1).min(n_frames);
                    statistics(&bands[middle.saturating_sub(CONTEXT) * n..end * n], n)
                };
                Ok(places.iter().flat_map(around).collect())
            }
        }
    }

    /// Features of `n` windows of equal length, `[n, states, width]`.
    pub(crate) fn rows(&self, samples: &[f32], n: usize) -> anyhow::Result<Vec<f32>> {
        match &self.kind {
            Kind::Encoder(embedder) => embedder.batch_means(samples, n),
            Kind::LogMel(mel) => {
                let windows = samples.chunks_exact(samples.len() / n.max(1));
                Ok(windows.flat_map(|window| statistics(&mel.transform(window), mel.n_mels())).collect())
            }
        }
    }
}

/// Means, then deviations, of the columns of `frames` `[T, n]`.
fn statistics(frames: &[f32], n: usize) -> Vec<f32> {
    let n_frames = (frames.len() / n) as f64;
    let mut mean = vec![0.0f64; n];
    let mut squares = vec![0.0f64; n];
    for frame in frames.chunks_exact(n) {
        mean.iter_mut().zip(frame).for_each(|(sum, &x)| *sum += f64::from(x) / n_frames);
    }
    for frame in frames.chunks_exact(n) {
        let deviations = frame.iter().zip(&mean).map(|(&x, mean)| f64::from(x) - mean);
        squares.iter_mut().zip(deviations).for_each(|(sum, d)| *sum += d * d / n_frames);
    }
    let deviations = squares.iter().map(|square| square.sqrt() as f32);
    mean.iter().map(|&mean| mean as f32).chain(deviations).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_means_and_deviations_over_time() {
        let rows = statistics(&[1.0, 5.0, 3.0, 5.0], 2);
        assert_eq!(rows, [2.0, 5.0, 1.0, 0.0]);
        let mel = Extractor::log_mel().unwrap();
        let samples: Vec<f32> = (0..48_000).map(|i| (i as f32 * 0.05).sin() * 0.2).collect();
        let rows = mel.rows(&samples, 2).unwrap();
        assert_eq!(rows.len(), 2 * mel.width());
        assert_eq!(rows[..mel.width()], mel.rows(&samples[..24_000], 1).unwrap());
    }
}
