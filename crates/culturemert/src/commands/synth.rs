//! `synth`: the built-in corpus as wav files and an index.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::json;

use crate::exit::Interrupted;
use crate::terminal::{Terminal, print_json};

/// Write the built-in corpus: five synthetic traditions as recordings with an index.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert synth --out synthetic --minutes 4")]
pub struct Args {
    /// Folder for the recordings and `index.jsonl`.
    #[arg(long)]
    pub out: PathBuf,
    /// Minutes of each tradition.
    #[arg(long, default_value_t = 4.0, allow_negative_numbers = true)]
    pub minutes: f64,
    /// Seconds of each piece.
    #[arg(long, default_value_t = 30.0)]
    pub piece_seconds: f64,
    /// Write also what is known of single moments, `beats.tsv` and `melody.tsv`, for `evaluate --frames`.
    #[arg(long)]
    pub annotations: bool,
    /// Another seed is another corpus.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    print_json(&synth(args, terminal)?)
}

/// Writes the corpus; returns how many pieces it has and where their index is.
pub fn synth(args: &Args, terminal: &Terminal) -> anyhow::Result<serde_json::Value> {
    let request = synth::PlanRequest::uniform(args.seed, args.minutes, args.piece_seconds);
    let pieces = planned(&request)?;
    write(&pieces, &args.out, terminal)?;
    if args.annotations {
        write_annotations(&pieces, &args.out)?;
    }
    Ok(json!({ "pieces": pieces.len(), "index": args.out.join("index.jsonl"), "synthetic": true }))
}

/// The pieces of a plan.
pub(crate) fn planned(request: &synth::PlanRequest) -> anyhow::Result<Vec<synth::Piece>> {
    synth::plan(request).map_err(|error| crate::exit::usage(error.to_string()))
}

/// Writes every piece below `out`, and the index last.
pub(crate) fn write(pieces: &[synth::Piece], out: &Path, terminal: &Terminal) -> anyhow::Result<()> {
    let bar = terminal.bar("synth", pieces.len() as u64);
    pieces.par_iter().try_for_each(|piece| -> anyhow::Result<()> {
        if terminal.caller_stops() {
            return Err(Interrupted("the pieces so far are there, without an index".into()).into());
        }
        let path = out.join(file_name(piece));
        let samples = synth::render(piece, audio::SAMPLE_RATE);
        let mut wav = Vec::new();
        audio::write_wav(&mut wav, &path, &samples, audio::SAMPLE_RATE)?;
        files::write_atomic(&path, &wav)?;
        bar.inc(1);
        Ok(())
    })?;
    let mut index = String::new();
    for piece in pieces {
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
    Ok(())
}

/// Groups and cycles of the rhythm as events, and the leading melody at every frame of the model that sounds.
fn write_annotations(pieces: &[synth::Piece], out: &Path) -> anyhow::Result<()> {
    let (mut beats, mut melody) = (String::from("id\ttime\tlabel\n"), String::from("id\ttime\thz\ttonic\n"));
    for piece in pieces {
        let (id, truth) = (file_name(piece), synth::truth(piece));
        let tonic = truth.tonic_hz;
        for (times, label) in [(&truth.groups, "group"), (&truth.cycles, "cycle")] {
            beats.extend(times.iter().map(|seconds| format!("{id}\t{seconds:.4}\t{label}\n")));
        }
        let frames = (piece.seconds * corpus::FRAMES_A_SECOND) as usize;
        for seconds in (0..frames).map(corpus::middle_of_frame) {
            // Where two notes meet, the later one is heard.
            let sounding = truth.melody.iter().rev().find(|note| (note.start..note.end).contains(&seconds));
            if let Some(note) = sounding {
                let _ = writeln!(melody, "{id}\t{seconds:.4}\t{:.3}\t{tonic:.3}", note.hz);
            }
        }
    }
    files::write_atomic(&out.join("beats.tsv"), beats.as_bytes())?;
    files::write_atomic(&out.join("melody.tsv"), melody.as_bytes())?;
    Ok(())
}

fn file_name(piece: &synth::Piece) -> String {
    format!("{}.wav", piece.id)
}
