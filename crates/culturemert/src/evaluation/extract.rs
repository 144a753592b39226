//! Features of every recording of a set, kept in a cache: one safetensors file a recording, below the extractor's and the settings' hashes.
//!
//! A file is written wholly or not at all, so a run that is killed half-way goes on where it was. What goes through the model together is
//! windows of one recording, all of one length: padding would change what group norms see, and windows of other recordings would make a
//! recording's features depend on what else was missing from the cache.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use audio::SAMPLE_RATE;
use evaluate::Window;
use rayon::prelude::*;

use super::extractor::Extractor;
use super::kept::Rows;
use super::set::{EvaluationSet, SetRecording};
use super::settings::{FeatureSettings, Normalise};
use crate::embedding::normalise;
use crate::exit::Interrupted;
use crate::terminal::Terminal;

/// A window of which single frames are asked, seconds at least: so every model gives features of the same frames.
const SHORTEST_OF_FRAMES: f64 = 1.0;

/// Features of the recordings of a set.
pub(crate) struct Features {
    /// Of each recording.
    pub(crate) of: Vec<Rows>,
    pub(crate) n_states: usize,
    pub(crate) width: usize,
}

/// Where features are kept, and when to stop.
pub(crate) struct FeatureCache<'a> {
    /// The folder.
    pub(crate) folder: PathBuf,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) terminal: &'a Terminal,
}

impl FeatureCache<'_> {
    /// Features of all recordings of `set`: from the cache, or computed and put there.
    pub(crate) fn features(
        &self,
        label: &str,
        extractor: &Extractor,
        settings: &FeatureSettings,
        set: &EvaluationSet,
    ) -> anyhow::Result<Features> {
        self.of(label, extractor, settings, set, set.recordings.iter().collect())
    }

    /// Features of some `recordings` of `set`.
    pub(crate) fn of(
        &self,
        label: &str,
        extractor: &Extractor,
        settings: &FeatureSettings,
        set: &EvaluationSet,
        recordings: Vec<&SetRecording>,
    ) -> anyhow::Result<Features> {
        let key = settings.key(set.max_seconds)?;
        let short = |text: &str| files::hash_bytes(text.as_bytes()).short();
        let folder = self.folder.join(short(&extractor.identity)).join(short(&key));
        files::create_directories(&folder)?;
        let shape = [extractor.n_states(), extractor.width()];
        let bar = self.terminal.bar(label, recordings.len() as u64);
        let rows = recordings.into_par_iter().map(|recording| {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Interrupted("features are kept; the same command goes on".into()).into());
            }
            let file = folder
                .join(format!("{}.safetensors", files::hash_bytes(recording.heard().as_bytes()).short()));
            let rows = match Rows::read(&file, shape, recording.frames.len(), self.terminal) {
                Some(rows) => rows,
                None => compute(extractor, settings, set.max_seconds, recording)
                    .and_then(|rows| {
                        rows.write(&file, shape, &[("extractor", &extractor.identity), ("settings", &key)])?;
                        Ok(rows)
                    })
                    .with_context(|| format!("recording `{}` of `{}`", recording.id, set.name))?,
            };
            bar.inc(1);
            Ok(rows)
        });
        let rows = rows.collect::<anyhow::Result<Vec<_>>>();
        bar.finish_and_clear();
        Ok(Features { of: rows?, n_states: extractor.n_states(), width: extractor.width() })
    }
}

/// Features of all windows of a recording.
fn compute(
    extractor: &Extractor,
    settings: &FeatureSettings,
    max_seconds: Option<f64>,
    recording: &SetRecording,
) -> anyhow::Result<Rows> {
    let mut samples = recording.source.samples()?;
    if let Some(seconds) = max_seconds {
        samples.truncate((seconds * f64::from(SAMPLE_RATE)) as usize);
    }
    if settings.normalise == Normalise::Recording && !samples.is_empty() {
        normalise(&mut samples);
    }
    let rule = settings.rule;
    let windows = rule.windows(samples.len(), SAMPLE_RATE, settings.window_seconds, settings.hop_seconds);
    if !recording.frames.is_empty() {
        return compute_frames(extractor, settings, recording, &samples, &windows);
    }
    let windows: Vec<Vec<f32>> = windows
        .into_iter()
        .map(|window| heard(&samples, window, settings))
        .filter(|window| window.len() >= extractor.shortest())
        .collect();
    let mut rows = Vec::new();
    for of_one_length in windows.chunk_by(|a, b| a.len() == b.len()) {
        for batch in of_one_length.chunks(settings.batch.max(1)) {
            rows.extend(extractor.rows(&batch.concat(), batch.len())?);
        }
    }
    Ok(Rows { rows, places: Vec::new() })
}

/// Features of single frames, each from the window in which it is most central.
fn compute_frames(
    extractor: &Extractor,
    settings: &FeatureSettings,
    recording: &SetRecording,
    samples: &[f32],
    windows: &[Window],
) -> anyhow::Result<Rows> {
    let shortest = (SHORTEST_OF_FRAMES * f64::from(SAMPLE_RATE)) as usize;
    anyhow::ensure!(extractor.shortest() <= shortest, "the model hears more than a second for one frame");
    let windows: Vec<&Window> = windows.iter().filter(|window| window.len >= shortest).collect();
    // Of each window the frames asked for: which of all, and where.
    let mut asked: Vec<Vec<(usize, usize)>> = vec![Vec::new(); windows.len()];
    for (frame, &seconds) in recording.frames.iter().enumerate() {
        let Some(place) = recording.source.place(seconds) else { continue };
        let off_centre = |window: &Window| (window.start + window.len / 2).abs_diff(place);
        let holds = |window: &Window| (window.start..window.start + window.len).contains(&place);
        let holding = windows.iter().enumerate().filter(|(_, window)| holds(window));
        if let Some((at, window)) = holding.min_by_key(|(_, window)| off_centre(window)) {
            asked[at].push((frame, place - window.start));
        }
    }
    let mut of = Rows::default();
    for (window, asked) in windows.into_iter().zip(asked).filter(|(_, asked)| !asked.is_empty()) {
        let places: Vec<usize> = asked.iter().map(|&(_, place)| place).collect();
        of.rows.extend(extractor.frames(&heard(samples, *window, settings), &places)?);
        of.places.extend(asked.into_iter().map(|(frame, _)| frame));
    }
    Ok(of)
}

/// One window as the model hears it. MARBLE 2025 pads its last clip with silence; the others hear what there is.
fn heard(samples: &[f32], window: Window, settings: &FeatureSettings) -> Vec<f32> {
    let mut heard = samples[window.start..window.start + window.len].to_vec();
    if settings.rule == evaluate::WindowRule::Marble2025 {
        heard.resize((settings.window_seconds * f64::from(SAMPLE_RATE)) as usize, 0.0);
    }
    if settings.normalise == Normalise::Window && !heard.is_empty() {
        normalise(&mut heard);
    }
    heard
}
