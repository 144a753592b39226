//! The tokenizer that is fitted on the recordings at hand.
//!
//! Encode: samples → frames `x` → `z = (x − μ)/σ` → residual quantisation. Decode: `x̂ = μ + σ Σ_q e_{q c_q}`.
//! float32; a frame's codes depend on its own features only. Pure.

use crate::features::FrameStream;
use crate::fit::fit;
use crate::quantiser::{ResidualQuantiser, RowQuantiser};
use crate::standardisation::Standardisation;
use crate::tokenizer::CodeStream;
use crate::{CodecError, Codes, FeatureExtractor, FitSettings, FitStatistics, Tokenizer};

/// Residual k-means on log-mel or constant-Q frames.
pub struct ResidualKMeans {
    pub(crate) settings: FitSettings,
    pub(crate) statistics: FitStatistics,
    pub(crate) standardisation: Standardisation,
    pub(crate) quantiser: ResidualQuantiser,
    extractor: FeatureExtractor,
    hash: String,
}

impl ResidualKMeans {
    /// Fits the tokenizer on feature frames, as [`FeatureExtractor::frames`] makes them and a [`crate::FrameSample`] collects them.
    ///
    /// # Shapes
    /// - frames: `[N, settings.features.bins()]`, N at least `settings.entries`
    pub fn fit(frames: &[f32], settings: &FitSettings) -> Result<Self, CodecError> {
        let (standardisation, quantiser, statistics) = fit(frames, settings)?;
        Self::assemble(*settings, statistics, standardisation, quantiser)
    }

    pub(crate) fn assemble(
        settings: FitSettings,
        statistics: FitStatistics,
        standardisation: Standardisation,
        quantiser: ResidualQuantiser,
    ) -> Result<Self, CodecError> {
        let extractor = FeatureExtractor::new(settings.features)?;
        let mut this =
            Self { settings, statistics, standardisation, quantiser, extractor, hash: String::new() };
        let mut hash = this.content_hash().to_string();
        hash.truncate(16);
        this.hash = hash;
        Ok(this)
    }

    /// What it was fitted with.
    pub fn settings(&self) -> &FitSettings {
        &self.settings
    }

    /// What fitting found.
    pub fn statistics(&self) -> &FitStatistics {
        &self.statistics
    }

    /// What makes its frames.
    pub fn extractor(&self) -> &FeatureExtractor {
        &self.extractor
    }

    /// Codes of feature frames.
    ///
    /// # Shapes
    /// - frames: `[T, D]`
    /// - returns `[T, K]`
    pub fn encode_frames(&self, frames: &[f32]) -> Result<Codes, CodecError> {
        let dims = self.standardisation.dims();
        if !frames.len().is_multiple_of(dims) {
            return Err(CodecError::FrameShape { elements: frames.len(), dims });
        }
        crate::features::check_finite(frames, dims, 0)?;
        let mut rows = frames.to_vec();
        self.standardisation.apply(&mut rows);
        Ok(self.quantiser.encode(&rows))
    }

    /// Feature frames that `codes` stand for; codes of fewer codebooks give a coarser result.
    ///
    /// # Shapes
    /// - codes: `[T, k]`, k at most K
    /// - returns `[T, D]`
    pub fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError> {
        let mut rows = self.quantiser.decode(codes)?;
        self.standardisation.undo(&mut rows);
        Ok(rows)
    }

    /// Mean squared standardised difference between frames and what their codes stand for: 0 is perfect, 1 is the mean frame always.
    ///
    /// # Shapes
    /// - frames: `[T, D]`
    pub fn reconstruction_error(&self, frames: &[f32]) -> Result<f64, CodecError> {
        let decoded = self.decode(&self.encode_frames(frames)?)?;
        let scales = self.standardisation.scale.iter().cycle();
        let square = |((&x, y), &scale): ((&f32, f32), &f32)| (f64::from(x - y) / f64::from(scale)).powi(2);
        let sum: f64 = frames.iter().zip(decoded).zip(scales).map(square).sum();
        Ok(sum / frames.len().max(1) as f64)
    }
}

impl Tokenizer for ResidualKMeans {
    fn name(&self) -> &str {
        crate::directory::RESIDUAL_KMEANS
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn n_codebooks(&self) -> usize {
        self.quantiser.n_codebooks()
    }

    fn n_entries(&self) -> usize {
        self.quantiser.n_entries()
    }

    fn stream(&self) -> Box<dyn CodeStream + '_> {
        let frames = self.extractor.stream();
        Box::new(ResidualKMeansStream { tokenizer: self, frames, rows: RowQuantiser::new(&self.quantiser) })
    }
}

/// Codes of a recording in pieces.
struct ResidualKMeansStream<'a> {
    tokenizer: &'a ResidualKMeans,
    frames: FrameStream<'a>,
    rows: RowQuantiser<'a>,
}

impl ResidualKMeansStream<'_> {
    fn quantise(&mut self, mut frames: Vec<f32>, codes: &mut Codes) {
        self.tokenizer.standardisation.apply(&mut frames);
        self.rows.push(&frames, codes);
    }
}

impl CodeStream for ResidualKMeansStream<'_> {
    fn push(&mut self, samples: &[f32], codes: &mut Codes) -> Result<(), CodecError> {
        let mut frames = Vec::new();
        self.frames.push(samples, &mut frames)?;
        self.quantise(frames, codes);
        Ok(())
    }

    fn finish(&mut self, codes: &mut Codes) -> Result<(), CodecError> {
        let mut frames = Vec::new();
        self.frames.finish(&mut frames)?;
        self.quantise(frames, codes);
        self.rows.finish(codes);
        Ok(())
    }
}
