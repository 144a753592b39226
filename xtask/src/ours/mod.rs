//! Our half of a comparison: one work, in a process of its own, so that its peak memory is its own.

mod decode;
mod embed;
mod encodec;
mod evaluation;
mod merge;
mod spectra;
mod train;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use simd::Precision;
use simd::matrix::square_product_gflops;

use crate::machine::peak_memory;
use crate::work::Work;

/// What `ours` is asked.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The work.
    #[arg(value_enum)]
    work: Work,
    /// Timed repetitions, after one that is not timed.
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Folder for inputs that have to lie on disk; kept from call to call.
    #[arg(long)]
    folder: PathBuf,
    /// Make those inputs, and measure nothing.
    #[arg(long)]
    set_up: bool,
    /// Recordings, for `decode`.
    #[arg(long, num_args = 0..)]
    audio: Vec<PathBuf>,
}

/// One process's measurements.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Seconds of each repetition.
    pub(crate) seconds: Vec<f64>,
    /// Most memory, bytes.
    pub(crate) peak_bytes: Option<u64>,
    /// Speed of the 2048³ product before and after, GFLOP/s.
    pub(crate) gemm_gflops: [f64; 2],
    /// Operations of the work in its matrix products and convolutions, GFLOP, where they are its cost.
    pub(crate) gflop: Option<f64>,
    /// Facts that show that the work was done.
    pub(crate) facts: Value,
}

/// What a work gives back: its times, its operations, its facts.
struct Done {
    seconds: Vec<f64>,
    gflop: Option<f64>,
    facts: Value,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.set_up {
        return set_up(args).with_context(|| format!("could not set up {}", args.work.key()));
    }
    // The product is timed in a pool that exists already, as every later one is.
    let before = square_product_gflops(Precision::Float32);
    let done = match args.work {
        Work::Embed => embed::float32(args.repeat),
        Work::EmbedBf16 => embed::fastest(args.repeat, &args.folder),
        Work::Train | Work::TrainBf16 | Work::TrainFrozen => {
            train::step(args.work, args.repeat, &args.folder)
        }
        Work::Encodec => encodec::codes(args.repeat, &args.folder),
        Work::Cqt => spectra::cqt(args.repeat),
        Work::Decode => decode::recordings(args.repeat, &args.audio),
        Work::Merge => merge::models(args.repeat, &args.folder),
        Work::Probe => evaluation::probe(args.repeat),
        Work::Metrics => evaluation::metrics(args.repeat),
    }?;
    let measured = Measured {
        seconds: done.seconds,
        peak_bytes: peak_memory(),
        gemm_gflops: [before, square_product_gflops(Precision::Float32)],
        gflop: done.gflop,
        facts: done.facts,
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

fn set_up(args: &Args) -> anyhow::Result<()> {
    match args.work {
        Work::EmbedBf16 => embed::find_fastest(&args.folder),
        Work::Train | Work::TrainBf16 | Work::TrainFrozen => train::set_up(&args.folder),
        Work::Encodec => encodec::set_up(&args.folder),
        Work::Merge => merge::set_up(&args.folder),
        _ => Ok(()),
    }
}

/// Runs `step` once for warmth and `repeat` times for the clock; a result is gone before the next one is made.
fn timed<R>(repeat: usize, mut step: impl FnMut() -> anyhow::Result<R>) -> anyhow::Result<(Vec<f64>, R)> {
    let mut last = step()?;
    let mut seconds = Vec::with_capacity(repeat);
    for _ in 0..repeat {
        drop(last);
        let begun = Instant::now();
        last = step()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    Ok((seconds, last))
}

/// Seeded noise, `[n]`, deviation `scale`.
fn noise(n: usize, seed: u64, scale: f32) -> Vec<f32> {
    let mut draws = draws::Draws::new(seed, "xtask", &[]);
    (0..n).map(|_| draws.normal() as f32 * scale).collect()
}
