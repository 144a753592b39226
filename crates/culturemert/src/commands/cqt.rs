//! `cqt`: the constant-Q magnitudes of a recording.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use audio::Stream24k;
use audio::cqt::{Cqt, CqtConfig};
use files::NpyWriter;
use serde_json::json;

use crate::exit::{Interrupted, usage};
use crate::inputs::{must_exist, must_not_be};
use crate::interrupt::stop_flag;
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
    must_exist("recording", &args.audio)?;
    must_not_be(&args.out, "recording", &args.audio)?;
    let stop = stop_flag();
    let mut samples = Stream24k::open(&args.audio, args.resampler)?;
    let cqt = Cqt::new(CqtConfig::mert(args.bins));
    let (mut stream, mut frames) = (cqt.stream(), Vec::new());
    let mut file = NpyWriter::<f32>::create(&args.out, &[args.bins])?;
    while let Some(block) = samples.next_block()? {
        stream.push(block, &mut frames);
        file.push(&frames)?;
        frames.clear();
        if stop.load(Ordering::Relaxed) {
            return Err(Interrupted("nothing was written; the same command begins anew".into()).into());
        }
    }
    stream.finish(&mut frames);
    file.push(&frames)?;
    let n_frames = file.finish()?;
    print_json(&json!({ "frames": n_frames, "bins": args.bins }))
}
