//! `cqt`: the constant-Q magnitudes of a recording.

use std::path::PathBuf;

use audio::cqt::{Cqt, CqtConfig};
use serde_json::json;

use crate::exit::usage;
use crate::inputs::{load_audio, must_not_be};
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

pub(crate) fn run(args: &Args, _: &Terminal) -> anyhow::Result<()> {
    if args.bins == 0 || !args.bins.is_multiple_of(7) || args.bins > 1680 {
        return Err(usage(format!("`--bins {}` is no multiple of 7 up to 1680", args.bins)));
    }
    must_not_be(&args.out, "recording", &args.audio)?;
    let samples = load_audio(&args.audio, args.resampler)?;
    let cqt = Cqt::new(CqtConfig::mert(args.bins));
    let magnitudes = cqt.transform(&samples);
    let n_frames = magnitudes.len() / args.bins;
    files::write_npy(&args.out, &[n_frames, args.bins], &magnitudes)?;
    print_json(&json!({ "frames": n_frames, "bins": args.bins }))
}
