//! Constant-Q spectra of four clips of 5 s, as the loader of a training step makes them.

use audio::cqt::{Cqt, CqtConfig};
use rayon::prelude::*;
use serde_json::json;

use super::{Done, noise, timed};

pub(super) fn cqt(repeat: usize) -> anyhow::Result<Done> {
    let cqt = Cqt::new(CqtConfig::mert(336));
    let waves: Vec<Vec<f32>> = (0..4).map(|seed| noise(5 * audio::SAMPLE_RATE as usize, seed, 1.0)).collect();
    let (seconds, spectra) =
        timed(repeat, || Ok(waves.par_iter().map(|wave| cqt.transform(wave)).collect::<Vec<_>>()))?;
    let facts = json!({ "clips": spectra.len(), "frames": spectra[0].len() / 336, "bins": 336 });
    Ok(Done { seconds, gflop: None, facts })
}
