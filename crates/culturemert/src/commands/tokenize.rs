//! `tokenize`: the codes of a recording or of a corpus.

use std::path::PathBuf;

use serde_json::json;

use crate::exit::usage;
use crate::inputs::{load_audio, must_not_be, open_codec, open_corpus};
use crate::interrupt::stop_flag;
use crate::terminal::{Terminal, print_json};
use crate::tokens::tokenize_corpus;

/// Turn a recording, or all clips of a corpus, into discrete codes, 75 a second.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert tokenize --codec codec recording.flac --out codes.npy")]
pub(crate) struct Args {
    /// Tokenizer: a folder made by `fit-codec`, or an EnCodec model of Hugging Face.
    #[arg(long)]
    codec: PathBuf,
    /// Recording.
    #[arg(required_unless_present = "corpus", conflicts_with = "corpus")]
    audio: Option<PathBuf>,
    /// Where its codes go: uint16 `[frames, codebooks]`.
    #[arg(long, required_unless_present = "corpus", conflicts_with = "corpus")]
    out: Option<PathBuf>,
    /// Corpus all of whose clips get codes, kept inside it.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// How the recording comes to 24 kHz.
    #[arg(long, default_value_t)]
    resampler: audio::Resampler,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let tokenizer = open_codec(&args.codec)?;
    if let Some(corpus) = &args.corpus {
        let corpus = open_corpus(corpus)?;
        tokenize_corpus(&corpus, tokenizer.as_ref(), stop_flag(), terminal)?;
        return print_json(&json!({ "tokenizer": tokenizer.hash(), "clips": corpus.clips().len() }));
    }
    let (Some(audio), Some(out)) = (&args.audio, &args.out) else {
        return Err(usage("name a recording and `--out`, or a `--corpus`"));
    };
    must_not_be(out, "recording", audio)?;
    let codes = tokenizer.encode(&load_audio(audio, args.resampler)?)?;
    files::write_npy(out, &[codes.n_frames, codes.n_codebooks], &codes.data)?;
    print_json(
        &json!({ "tokenizer": tokenizer.hash(), "frames": codes.n_frames, "codebooks": codes.n_codebooks }),
    )
}
