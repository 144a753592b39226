//! `embed`: hidden states of recordings, written window after window.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use files::NpyGrid;
use mert::Precision;
use serde_json::json;

use crate::device::DeviceArgs;
use crate::embedding::{Embedder, WINDOW_SECONDS};
use crate::exit::{stopped, usage};
use crate::inputs::{must_not_be, open_model};
use crate::share::Share;
use crate::sound::Sound;
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
    #[command(flatten)]
    place: DeviceArgs,
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

/// What products are computed in.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
pub enum Dtype {
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
    let device = args.place.find()?;
    let embedder = Embedder::new(&open_model(&args.model)?, args.normalize, &device)?
        .with_precision(args.dtype.into())?;
    let states = states_of(&args.layer, embedder.n_states())?;
    let share = args.shard.map(Share::resolve).transpose()?;
    let mine = |at: usize| share.is_none_or(|share| share.takes(at));
    let of_share = args.audio.iter().enumerate().filter(|&(at, _)| mine(at)).map(|(_, audio)| audio);
    let of_share: Vec<&PathBuf> = of_share.collect();
    let bar = terminal.parts_bar("embed", of_share.len());
    let mut written = Vec::new();
    for (index, audio) in of_share.into_iter().enumerate() {
        let heard = |share: f64| bar.at(index, share);
        let sound = Sound::File(audio.clone(), args.resampler);
        let recording = Recording::survey(&sound)?;
        let out = output_of(args, audio)?;
        let embedding = Embedding::new(&embedder, &recording, &states, args.window)?;
        let shape = match args.pool {
            Some(Pool::Mean) => {
                let means = embedding.means(&heard, terminal)?;
                files::write_npy(&out, &embedding.shape_of_means(), &means)?;
                embedding.shape_of_means()
            }
            None => {
                let mut grid = NpyGrid::create(&out, &embedding.shape())?;
                embedding.states(&heard, terminal, |place, values| Ok(grid.write_at(place, values)?))?;
                grid.finish()?;
                embedding.shape()
            }
        };
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

/// The states that are asked for: one by its number, or `all`.
pub fn states_of(layer: &str, n_states: usize) -> anyhow::Result<Vec<usize>> {
    match layer.parse::<usize>() {
        _ if layer == "all" => Ok((0..n_states).collect()),
        Ok(state) if state < n_states => Ok(vec![state]),
        _ => {
            let last = n_states - 1;
            Err(usage(format!("`--layer {layer}` is neither `all` nor a number from 0 to {last}")))
        }
    }
}

/// Told the share of a recording that is done, 0 to 1.
type Heard<'a> = &'a dyn Fn(f64);

/// A recording about to go through the encoder, window after window.
pub struct Embedding<'a> {
    embedder: &'a Embedder,
    recording: &'a Recording<'a>,
    states: &'a [usize],
    /// Samples of a window.
    window: usize,
    n_frames: usize,
}

impl<'a> Embedding<'a> {
    /// `states` of a recording that goes through the encoder `window_seconds` at a time, or as a whole where that is 0. Fails where it is
    /// too short for a frame.
    pub fn new(
        embedder: &'a Embedder,
        recording: &'a Recording<'a>,
        states: &'a [usize],
        window_seconds: usize,
    ) -> anyhow::Result<Self> {
        let n_samples = recording.n_samples();
        let window = match window_seconds {
            0 => n_samples.max(1),
            seconds => seconds.saturating_mul(audio::SAMPLE_RATE as usize),
        };
        let n_frames = embedder.n_frames(n_samples, window);
        ensure!(
            n_frames > 0,
            "`{}` has {n_samples} samples at 24 kHz, and the encoder needs {}",
            recording.sound(),
            embedder.shortest()
        );
        Ok(Self { embedder, recording, states, window, n_frames })
    }

    /// `[states, frames, width]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.states.len(), self.n_frames, self.embedder.width()]
    }

    /// `[states, 1, width]`.
    pub fn shape_of_means(&self) -> [usize; 3] {
        [self.states.len(), 1, self.embedder.width()]
    }

    /// Gives `write_at` the frames of every state of a window after the other, and which element of [`Embedding::shape`] they begin at.
    pub fn states(
        &self,
        heard: Heard<'_>,
        terminal: &Terminal,
        mut write_at: impl FnMut(usize, &[f32]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let width = self.embedder.width();
        self.run(heard, terminal, |of_window, first_frame| {
            for (index, &state) in self.states.iter().enumerate() {
                write_at((index * self.n_frames + first_frame) * width, &of_window[state])?;
            }
            Ok(())
        })
    }

    /// The means over time, of the shape [`Embedding::shape_of_means`].
    pub fn means(&self, heard: Heard<'_>, terminal: &Terminal) -> anyhow::Result<Vec<f32>> {
        let width = self.embedder.width();
        let mut sums = vec![0.0f64; self.states.len() * width];
        self.run(heard, terminal, |of_window, _| {
            for (sums, &state) in sums.chunks_exact_mut(width).zip(self.states) {
                for row in of_window[state].chunks_exact(width) {
                    sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
                }
            }
            Ok(())
        })?;
        Ok(sums.iter().map(|sum| (sum / self.n_frames as f64) as f32).collect())
    }

    /// Runs every window and gives `each` all its states, `[frames, width]` each, and its first frame.
    fn run(
        &self,
        heard: Heard<'_>,
        terminal: &Terminal,
        mut each: impl FnMut(&[Vec<f32>], usize) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (embedder, recording) = (self.embedder, self.recording);
        let (mut first_frame, mut n_samples) = (0, 0);
        recording.windows(self.window, embedder.normalises(), |part| {
            if terminal.caller_stops() {
                return Err(stopped());
            }
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
}
