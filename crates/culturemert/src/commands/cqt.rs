//! `cqt`: the constant-Q magnitudes of a recording.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use audio::cqt::{Cqt, CqtConfig};
use files::NpyWriter;
use serde_json::json;

use crate::exit::{stopped, usage};
use crate::inputs::must_not_be;
use crate::sound::{Sound, SoundStream};
use crate::terminal::{Terminal, print_json};

/// Compute the constant-Q magnitudes MERT predicts, 75 frames a second.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert cqt recording.flac --out cqt.npy")]
pub(crate) struct Args {
    /// Recording.
    audio: PathBuf,
    /// Where they go: float32 `[frames, bins]`.
    #[arg(long)]
    out: PathBuf,
    /// Bins over seven octaves from 32.7 Hz.
    #[arg(long, default_value_t = 336)]
    bins: usize,
    /// How the recording comes to 24 kHz.
    #[arg(long, default_value_t)]
    resampler: audio::Resampler,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    check_bins(args.bins)?;
    must_not_be(&args.out, "recording", &args.audio)?;
    let sound = Sound::File(args.audio.clone(), args.resampler);
    let stream = sound.open()?;
    let mut file = NpyWriter::<f32>::create(&args.out, &[args.bins])?;
    magnitudes(stream, args.bins, terminal, |frames| Ok(file.push(frames)?))?;
    let n_frames = file.finish()?;
    print_json(&json!({ "frames": n_frames, "bins": args.bins }))
}

/// Fails where `bins` cannot be.
pub fn check_bins(bins: usize) -> anyhow::Result<()> {
    if bins == 0 || !bins.is_multiple_of(7) || bins > 1680 {
        return Err(usage(format!("`--bins {bins}` is no multiple of 7 up to 1680")));
    }
    Ok(())
}

/// Gives `each` the magnitudes of some more frames, `[frames, bins]`, until the sound ends.
pub fn magnitudes(
    mut samples: SoundStream<'_>,
    bins: usize,
    terminal: &Terminal,
    mut each: impl FnMut(&[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stop = terminal.stop_flag();
    let cqt = Cqt::new(CqtConfig::mert(bins));
    let (mut stream, mut frames) = (cqt.stream(), Vec::new());
    while let Some(block) = samples.next_block()? {
        stream.push(block, &mut frames);
        each(&frames)?;
        frames.clear();
        if stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
    }
    stream.finish(&mut frames);
    each(&frames)
}
