//! `tag`: what a listener would ask for: tags of a recording with their probabilities.

use std::path::{Path, PathBuf};

use evaluate::{Probe, sliding_windows};
use serde_json::json;
use weights::ModelDirectory;

use crate::commands::probe::PROBE_SHA256;
use crate::device::DeviceArgs;
use crate::embedding::Embedder;
use crate::exit::{stopped, usage};
use crate::inputs::{must_exist, open_model};
use crate::sound::Sound;
use crate::terminal::{Terminal, print_json};

/// Print the tags of recordings with their probabilities, likeliest first.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert tag --model model --probe makam.safetensors recording.flac")]
pub(crate) struct Args {
    /// Model directory the probe was trained on.
    #[arg(long)]
    model: PathBuf,
    /// Probe: a `.safetensors` file made by `probe`.
    #[arg(long)]
    probe: PathBuf,
    /// Recordings.
    #[arg(required = true)]
    audio: Vec<PathBuf>,
    /// Bring recordings to mean 0 and variance 1; by default as the model's preprocessor says.
    #[arg(long)]
    normalize: Option<bool>,
    #[command(flatten)]
    place: DeviceArgs,
    /// How recordings come to 24 kHz.
    #[arg(long, default_value_t)]
    resampler: audio::Resampler,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let directory = open_model(&args.model)?;
    let probe = open_probe(&args.probe, &directory, terminal)?;
    let embedder = Embedder::new(&directory, args.normalize, &args.place.find()?)?;
    let mut all = Vec::new();
    let bar = terminal.parts_bar("tag", args.audio.len());
    for (index, audio) in args.audio.iter().enumerate() {
        let sound = Sound::File(audio.clone(), args.resampler);
        let tags = tags(&embedder, &probe, &sound, &|share| bar.at(index, share), terminal)?;
        if let Some((tag, probability)) = tags.first() {
            bar.suspend(|| terminal.say(format!("`{}`: {tag} ({probability:.2})", audio.display())));
        }
        let tags: Vec<_> = tags
            .into_iter()
            .map(|(tag, probability)| json!({ "tag": tag, "probability": probability }))
            .collect();
        all.push(json!({ "audio": audio, "tags": tags }));
    }
    bar.finish();
    print_json(&all)
}

/// Reads a probe; fails where it was trained on another model than the one in `directory`.
pub fn open_probe(path: &Path, directory: &ModelDirectory, terminal: &Terminal) -> anyhow::Result<Probe> {
    must_exist("probe", path)?;
    let probe = Probe::load(path)?;
    warn_of_other_result(path, terminal);
    let encoder = &probe.facts().encoder;
    if directory.identity()?.to_string() != encoder.hash {
        let (probe, model) = (path.display(), directory.dir().display());
        return Err(usage(format!(
            "probe `{probe}` was trained on model `{}`, not on `{model}`",
            encoder.name
        )));
    }
    Ok(probe)
}

/// The tags of a probe with their probabilities, likeliest first. `heard` is told the share that is done, 0 to 1.
pub fn tags(
    embedder: &Embedder,
    probe: &Probe,
    sound: &Sound,
    heard: &dyn Fn(f64),
    terminal: &Terminal,
) -> anyhow::Result<Vec<(String, f64)>> {
    let mut samples = sound.samples()?;
    embedder.prepare(&mut samples);
    let mut features = Vec::new();
    let chunk_seconds = probe.facts().encoder.chunk_seconds;
    for window in sliding_windows(samples.len(), audio::SAMPLE_RATE, chunk_seconds, 0.0) {
        if terminal.caller_stops() {
            return Err(stopped());
        }
        heard(window.start as f64 / samples.len() as f64);
        if window.len >= embedder.shortest() {
            features.extend(embedder.means(&samples[window.start..window.start + window.len])?);
        }
    }
    if features.is_empty() {
        anyhow::bail!("`{sound}` is too short: the model needs {} samples", embedder.shortest());
    }
    let tags = probe.tags().iter().cloned();
    let mut tags: Vec<(String, f64)> = tags.zip(probe.probabilities(&features)?).collect();
    tags.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(tags)
}

/// A `probe` that was cut off between its two files leaves a new probe beside the result of an older one.
fn warn_of_other_result(probe: &Path, terminal: &Terminal) {
    let result = probe.with_extension("json");
    let stated = std::fs::read(&result).ok().and_then(|text| {
        let json: serde_json::Value = serde_json::from_slice(&text).ok()?;
        json[PROBE_SHA256].as_str().map(str::to_owned)
    });
    if stated.is_some_and(|stated| files::hash_file(probe).is_ok_and(|found| found.to_string() != stated)) {
        let (probe, result) = (probe.display(), result.display());
        terminal.complain(
            "warning",
            &format!("`{result}` is the result of another probe than `{probe}`; run `probe` again to have both of one run"),
        );
    }
}
