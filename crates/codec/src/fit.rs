//! Fits the codebooks one after the other, each on what the ones before it left over.
//!
//! `z = (x − μ)/σ`; `r₀ = z`; codebook q is the k-means of `r_q`, and `r_{q+1} = r_q − e_{q c(r_q)}`. Each entry is the mean of its rows,
//! so the mean squared residual falls with every codebook. Pure: a function of frames and settings.

use draws::Draws;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::features::check_finite;
use crate::kmeans::{self, Effort, Fitted};
use crate::quantiser::{Codebook, ResidualQuantiser, subtract};
use crate::standardisation::Standardisation;
use crate::{CodecError, Features};

/// How to fit. Every field has a default; unknown keys are refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitSettings {
    /// Codebooks, 1 to 64.
    pub codebooks: usize,
    /// Entries of each codebook, 2 to 65 536.
    pub entries: usize,
    /// Most frames to fit on; more are sampled down evenly.
    pub max_frames: usize,
    /// Most passes over the frames for each codebook.
    pub iterations: usize,
    /// A codebook is done when a pass lowers its error by less than this share.
    pub tolerance: f64,
    /// Seed of everything drawn; below 2^63, for TOML has no larger whole numbers.
    pub seed: u64,
    /// What is quantised.
    pub features: Features,
}

impl Default for FitSettings {
    /// EnCodec's shape at 6 kbit/s: 8 codebooks of 1024 entries.
    fn default() -> Self {
        Self {
            codebooks: 8,
            entries: 1024,
            max_frames: 250_000,
            iterations: 25,
            tolerance: 1e-4,
            seed: 0,
            features: Features::default(),
        }
    }
}

impl FitSettings {
    /// A small tokenizer for runs of minutes: 4 codebooks of 64 entries on at most 60 000 frames.
    pub fn pocket() -> Self {
        Self { codebooks: 4, entries: 64, max_frames: 60_000, ..Self::default() }
    }

    /// Refuses settings without sense.
    pub fn check(&self) -> Result<(), CodecError> {
        let within = |key, value: usize, low: usize, high: usize| {
            let needed = format!("from {low} to {high}");
            let fine = (low..=high).contains(&value);
            if fine { Ok(()) } else { Err(CodecError::Setting { key, value: value.to_string(), needed }) }
        };
        within("codebooks", self.codebooks, 1, 64)?;
        within("entries", self.entries, 2, 1 << 16)?;
        within("max_frames", self.max_frames, 2, 1 << 28)?;
        within("iterations", self.iterations, 1, 100_000)?;
        self.features.check()?;
        if !(0.0..1.0).contains(&self.tolerance) {
            let (key, value) = ("tolerance", self.tolerance.to_string());
            return Err(CodecError::Setting { key, value, needed: "from 0 up to, not including, 1".into() });
        }
        if i64::try_from(self.seed).is_err() {
            let (key, value) = ("seed", self.seed.to_string());
            return Err(CodecError::Setting { key, value, needed: "below 2^63".into() });
        }
        Ok(())
    }
}

/// What fitting found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitStatistics {
    /// Frames given.
    pub frames_given: usize,
    /// Frames fitted on.
    pub frames_used: usize,
    /// Mean squared standardised element before any codebook: 1 but for constant dimensions.
    pub initial_error: f64,
    /// One a codebook, coarsest first.
    pub codebook: Vec<CodebookStatistics>,
}

/// What fitting found for one codebook.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodebookStatistics {
    /// Mean squared element of the standardised residual after this codebook.
    pub error: f64,
    /// Entries that some frame chose.
    pub used_entries: usize,
    /// `exp` of the entropy of the entries' shares: entries, if all were used equally.
    pub perplexity: f64,
    /// Passes over the frames.
    pub iterations: usize,
    /// Empty entries that were moved on the way.
    pub repaired: usize,
}

impl CodebookStatistics {
    fn of(fitted: &Fitted, n_elements: usize) -> Self {
        let n_rows = fitted.assigned.len() as f64;
        let shares = fitted.counts.iter().filter(|&&count| count > 0).map(|&count| count as f64 / n_rows);
        let entropy: f64 = shares.map(|share| -share * share.ln()).sum();
        Self {
            error: fitted.error / n_elements as f64,
            used_entries: fitted.counts.iter().filter(|&&count| count > 0).count(),
            perplexity: entropy.exp(),
            iterations: fitted.iterations,
            repaired: fitted.repaired,
        }
    }
}

/// Codebooks, standardisation and statistics from `frames`, `[N, D]`.
pub(crate) fn fit(
    frames: &[f32],
    settings: &FitSettings,
) -> Result<(Standardisation, ResidualQuantiser, FitStatistics), CodecError> {
    settings.check()?;
    let dims = settings.features.bins();
    if !frames.len().is_multiple_of(dims) {
        return Err(CodecError::FrameShape { elements: frames.len(), dims });
    }
    let mut rows = sampled(frames, dims, settings);
    let (n_given, n_used) = (frames.len() / dims, rows.len() / dims);
    if n_used < settings.entries {
        return Err(CodecError::TooFewFrames { found: n_used, needed: settings.entries });
    }
    check_finite(&rows, dims, 0)?;
    let standardisation = Standardisation::of(&rows, dims);
    standardisation.apply(&mut rows);
    let initial: f64 = rows.iter().map(|&x| f64::from(x) * f64::from(x)).sum();

    let effort = Effort { iterations: settings.iterations, tolerance: settings.tolerance };
    let mut codebooks: Vec<Codebook> = Vec::with_capacity(settings.codebooks);
    let mut statistics = Vec::with_capacity(settings.codebooks);
    for stage in 0..settings.codebooks {
        let mut draws = Draws::new(settings.seed, "codec start", &[stage as u64]);
        let fitted = kmeans::fit(&rows, dims, settings.entries, effort, &mut draws);
        rows.par_chunks_mut(dims).zip(&fitted.assigned).for_each(|(row, &entry)| {
            subtract(row, fitted.codebook.entry(entry as usize));
        });
        statistics.push(CodebookStatistics::of(&fitted, rows.len()));
        codebooks.push(fitted.codebook);
    }
    let statistics = FitStatistics {
        frames_given: n_given,
        frames_used: n_used,
        initial_error: initial / rows.len() as f64,
        codebook: statistics,
    };
    Ok((standardisation, ResidualQuantiser::new(codebooks, dims), statistics))
}

/// All frames, or `max_frames` of them in their order.
fn sampled(frames: &[f32], dims: usize, settings: &FitSettings) -> Vec<f32> {
    let n_frames = frames.len() / dims;
    if n_frames <= settings.max_frames {
        return frames.to_vec();
    }
    let mut chosen = Draws::new(settings.seed, "codec frames", &[]).distinct(n_frames, settings.max_frames);
    chosen.sort_unstable();
    chosen.into_iter().flat_map(|row| &frames[row * dims..(row + 1) * dims]).copied().collect()
}
