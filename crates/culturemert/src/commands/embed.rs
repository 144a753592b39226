//! `embed`: hidden states of recordings, written window after window.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use files::NpyGrid;
use mert::Precision;
use serde_json::json;

use crate::embedding::{Embedder, WINDOW_SECONDS};
use crate::exit::usage;
use crate::inputs::{must_not_be, open_model};
use crate::share::Share;
use crate::terminal::{Terminal, print_json};
use crate::windows::Recording;

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
    /// What products are computed in; sums, norms and what is written are float32 always.
    #[arg(long, value_enum, default_value_t)]
    dtype: Dtype,
    /// Do one share of the recordings, for array jobs: `I/N`, or `auto` from the launcher's environment.
    #[arg(long, value_name = "I/N")]
    shard: Option<Share>,
    /// How recordings come to 24 kHz.
    #[arg(long, default_value_t)]
    resampler: audio::Resampler,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Pool {
    Mean,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Dtype {
    /// Exact against the recorded numbers of the originals.
    #[default]
    #[value(alias = "float32")]
    F32,
    /// Operands rounded to bfloat16: within a hundredth of float32, and faster where the processor multiplies it.
    #[value(alias = "bfloat16")]
    Bf16,
    /// Operands rounded to float16.
    #[value(alias = "float16")]
    F16,
    /// As exact as float32, out of products of bfloat16 parts: faster on processors with tile products (AMX) only.
    Split,
}

impl From<Dtype> for Precision {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::Float32,
            Dtype::Bf16 => Self::Bfloat16,
            Dtype::F16 => Self::Float16,
            Dtype::Split => Self::Split,
        }
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    for audio in &args.audio {
        let out = output_of(args, audio)?;
        args.audio.iter().try_for_each(|input| must_not_be(&out, "recording", input))?;
    }
    let embedder =
        Embedder::new(&open_model(&args.model)?, args.normalize)?.with_precision(args.dtype.into());
    let states = match args.layer.as_str() {
        "all" => 0..embedder.n_states(),
        number => match number.parse::<usize>() {
            Ok(layer) if layer < embedder.n_states() => layer..layer + 1,
            _ => {
                let last = embedder.n_states() - 1;
                return Err(usage(format!(
                    "`--layer {number}` is neither `all` nor a number from 0 to {last}"
                )));
            }
        },
    };
    let share = args.shard.map(Share::resolve).transpose()?;
    let mine = |at: usize| share.is_none_or(|share| at % share.count == share.index);
    let of_share = args.audio.iter().enumerate().filter(|&(at, _)| mine(at)).map(|(_, audio)| audio);
    let of_share: Vec<&PathBuf> = of_share.collect();
    let bar = terminal.parts_bar("embed", of_share.len());
    let mut written = Vec::new();
    for (index, audio) in of_share.into_iter().enumerate() {
        let heard = |share: f64| bar.at(index, share);
        let recording = Recording::survey(audio.clone(), args.resampler)?;
        let out = output_of(args, audio)?;
        let shape = match args.pool {
            Some(Pool::Mean) => write_means(&embedder, &recording, args, states.clone(), &out, &heard),
            None => write_states(&embedder, &recording, args, states.clone(), &out, &heard),
        }?;
        written.push(json!({ "audio": audio, "out": out, "shape": shape }));
        bar.at(index + 1, 0.0);
    }
    bar.finish();
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

/// Samples of a window, and the frames that all windows of the recording give.
fn cut(embedder: &Embedder, recording: &Recording, args: &Args) -> anyhow::Result<(usize, usize)> {
    let n_samples = recording.n_samples();
    let window = match args.window {
        0 => n_samples.max(1),
        seconds => seconds * audio::SAMPLE_RATE as usize,
    };
    let n_frames = embedder.n_frames(n_samples, window);
    ensure!(
        n_frames > 0,
        "`{}` has {n_samples} samples at 24 kHz, and the encoder needs {}",
        recording.path().display(),
        embedder.shortest()
    );
    Ok((window, n_frames))
}

/// Told the share of a recording that is done, 0 to 1.
type Heard<'a> = &'a dyn Fn(f64);

/// Runs every window and gives `each` its states, `[frames, width]` each, and its first frame.
fn embed(
    embedder: &Embedder,
    recording: &Recording,
    window: usize,
    heard: Heard<'_>,
    mut each: impl FnMut(&[Vec<f32>], usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut first_frame, mut n_samples) = (0, 0);
    recording.windows(window, embedder.normalises(), |part| {
        n_samples += part.len();
        if part.len() < embedder.shortest() {
            return Ok(());
        }
        let (states, n_frames) = embedder.hidden(part)?;
        each(&states, first_frame)?;
        first_frame += n_frames;
        heard(n_samples as f64 / recording.n_samples().max(1) as f64);
        Ok(())
    })
}

/// Writes `states` frame by frame, `[states, frames, width]`.
fn write_states(
    embedder: &Embedder,
    recording: &Recording,
    args: &Args,
    states: Range<usize>,
    out: &Path,
    heard: Heard<'_>,
) -> anyhow::Result<[usize; 3]> {
    let (window, n_frames) = cut(embedder, recording, args)?;
    let width = embedder.width();
    let shape = [states.len(), n_frames, width];
    let mut grid = NpyGrid::create(out, &shape)?;
    embed(embedder, recording, window, heard, |of_window, first_frame| {
        for (index, values) in of_window[states.clone()].iter().enumerate() {
            grid.write_at((index * n_frames + first_frame) * width, values)?;
        }
        Ok(())
    })?;
    grid.finish()?;
    Ok(shape)
}

/// Writes the mean over time of `states`, `[states, 1, width]`.
fn write_means(
    embedder: &Embedder,
    recording: &Recording,
    args: &Args,
    states: Range<usize>,
    out: &Path,
    heard: Heard<'_>,
) -> anyhow::Result<[usize; 3]> {
    let (window, n_frames) = cut(embedder, recording, args)?;
    let width = embedder.width();
    let mut sums = vec![0.0f64; states.len() * width];
    embed(embedder, recording, window, heard, |of_window, _| {
        for (sums, values) in sums.chunks_exact_mut(width).zip(&of_window[states.clone()]) {
            for row in values.chunks_exact(width) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
            }
        }
        Ok(())
    })?;
    let means: Vec<f32> = sums.iter().map(|sum| (sum / n_frames as f64) as f32).collect();
    let shape = [states.len(), 1, width];
    files::write_npy(out, &shape, &means)?;
    Ok(shape)
}
