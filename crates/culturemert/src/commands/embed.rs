//! `embed`: hidden states of recordings.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::embedding::{Embedder, Hidden, WINDOW_SECONDS};
use crate::exit::usage;
use crate::inputs::{load_audio, open_model};
use crate::terminal::{Terminal, print_json};

/// Write the hidden states of recordings.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert embed --model model recording.flac --out hidden.npy --pool mean"
)]
pub(crate) struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Recordings.
    #[arg(required = true)]
    audio: Vec<PathBuf>,
    /// Where they go: float32 `[layers + 1, frames, width]`; a folder when there are several recordings.
    #[arg(long)]
    out: PathBuf,
    /// State to keep: 0 is the input of the first layer; or `all`.
    #[arg(long, default_value = "all")]
    layer: String,
    /// `mean` leaves one frame, the mean over time.
    #[arg(long, value_enum)]
    pool: Option<Pool>,
    /// Seconds that go through the model at once; 0: the whole recording.
    #[arg(long, default_value_t = WINDOW_SECONDS)]
    window: usize,
    /// Bring recordings to mean 0 and variance 1; by default as the model's preprocessor says.
    #[arg(long)]
    normalize: Option<bool>,
    /// How recordings come to 24 kHz.
    #[arg(long, default_value_t)]
    resampler: audio::Resampler,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Pool {
    Mean,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let embedder = Embedder::new(&open_model(&args.model)?, args.normalize)?;
    let keep = match args.layer.as_str() {
        "all" => None,
        number => match number.parse::<usize>() {
            Ok(layer) if layer < embedder.n_states() => Some(layer),
            _ => {
                let last = embedder.n_states() - 1;
                return Err(usage(format!(
                    "`--layer {number}` is neither `all` nor a number from 0 to {last}"
                )));
            }
        },
    };
    let bar = terminal.bar("embed", args.audio.len() as u64);
    let mut written = Vec::new();
    for audio in &args.audio {
        let mut samples = load_audio(audio, args.resampler)?;
        embedder.prepare(&mut samples);
        let mut hidden = embedder.hidden(&samples, args.window * audio::SAMPLE_RATE as usize, keep)?;
        if args.pool.is_some() {
            hidden = mean(&hidden);
        }
        let out = output_of(args, audio)?;
        files::write_npy(&out, &[hidden.n_states, hidden.n_frames, hidden.width], &hidden.values)?;
        written.push(json!({
            "audio": audio, "out": out, "shape": [hidden.n_states, hidden.n_frames, hidden.width]
        }));
        bar.inc(1);
    }
    bar.finish_and_clear();
    print_json(&written)
}

fn output_of(args: &Args, audio: &Path) -> anyhow::Result<PathBuf> {
    if args.audio.len() == 1 {
        return Ok(args.out.clone());
    }
    let same_name = |other: &&PathBuf| other.file_stem() == audio.file_stem();
    if args.audio.iter().filter(same_name).count() > 1 {
        let name = audio.display();
        return Err(usage(format!(
            "two recordings are called like `{name}`, so one would overwrite the other"
        )));
    }
    Ok(args.out.join(audio.file_stem().unwrap_or_default()).with_extension("npy"))
}

fn mean(hidden: &Hidden) -> Hidden {
    let mut values = Vec::with_capacity(hidden.n_states * hidden.width);
    for state in hidden.values.chunks_exact(hidden.n_frames * hidden.width) {
        let mut sums = vec![0.0f64; hidden.width];
        for row in state.chunks_exact(hidden.width) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        values.extend(sums.iter().map(|sum| (sum / hidden.n_frames as f64) as f32));
    }
    Hidden { n_states: hidden.n_states, n_frames: 1, width: hidden.width, values }
}
