//! `synth`: the built-in corpus as wav files and an index.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::json;

use crate::terminal::{Terminal, print_json};

/// Write the built-in corpus: five synthetic traditions as recordings with an index.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert synth --out synthetic --minutes 4")]
pub(crate) struct Args {
    /// Folder for the recordings and `index.jsonl`.
    #[arg(long)]
    out: PathBuf,
    /// Minutes of each tradition.
    #[arg(long, default_value_t = 4.0, allow_negative_numbers = true)]
    minutes: f64,
    /// Seconds of each piece.
    #[arg(long, default_value_t = 30.0)]
    piece_seconds: f64,
    /// Another seed is another corpus.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let request = synth::PlanRequest::uniform(args.seed, args.minutes, args.piece_seconds);
    let n_pieces = write(&request, &args.out, terminal)?;
    print_json(&json!({ "pieces": n_pieces, "index": args.out.join("index.jsonl"), "synthetic": true }))
}

/// Writes every piece of the plan below `out`, and the index last; returns how many there are.
pub(crate) fn write(request: &synth::PlanRequest, out: &Path, terminal: &Terminal) -> anyhow::Result<usize> {
    let pieces = synth::plan(request).map_err(|error| crate::exit::usage(error.to_string()))?;
    let bar = terminal.bar("synth", pieces.len() as u64);
    pieces.par_iter().try_for_each(|piece| -> anyhow::Result<()> {
        let path = out.join(file_name(piece));
        let samples = synth::render(piece, audio::SAMPLE_RATE);
        let mut wav = Vec::new();
        audio::write_wav(&mut wav, &path, &samples, audio::SAMPLE_RATE)?;
        files::write_atomic(&path, &wav)?;
        bar.inc(1);
        Ok(())
    })?;
    let mut index = String::new();
    for piece in &pieces {
        let line = json!({
            "path": file_name(piece),
            "culture": piece.tradition.name(),
            "split": piece.split.name(),
            "group": piece.group,
            "tags": piece.tags,
            "licence": synth::LICENCE,
        });
        index.push_str(&line.to_string());
        index.push('\n');
    }
    files::write_atomic(&out.join("index.jsonl"), index.as_bytes())?;
    bar.finish_and_clear();
    terminal.say(format!("{} synthetic pieces in `{}`", pieces.len(), out.display()));
    Ok(pieces.len())
}

fn file_name(piece: &synth::Piece) -> String {
    format!("{}.wav", piece.id)
}
