//! `tokenize`: the codes of a recording or of a corpus.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::exit::usage;
use crate::inputs::{must_not_be, open_codec, open_corpus};
use crate::share::{Share, Work};
use crate::sound::Sound;
use crate::terminal::{Terminal, print_json};
use crate::tokens::{tokenize_corpus, tokenize_recording};

/// Turn a recording, or all clips of a corpus, into discrete codes, 75 a second.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert tokenize --codec codec recording.flac --out codes.npy")]
pub struct Args {
    /// Tokenizer: a folder made by `fit-codec`, or an EnCodec model: a folder of Hugging Face, or a `.th` file of the original package.
    #[arg(long)]
    pub codec: PathBuf,
    /// Bandwidth of an EnCodec model in kbit/s: of the published one 1.5, 3, 6, 12 or 24, which are 2, 4, 8, 16 or 32 codebooks.
    /// Without it 6, what MERT learned from.
    #[arg(long, value_name = "KBPS")]
    pub bandwidth: Option<f64>,
    /// Recording.
    #[arg(required_unless_present = "corpus", conflicts_with = "corpus")]
    pub audio: Option<PathBuf>,
    /// Where its codes go: uint16 `[frames, codebooks]`.
    #[arg(long, required_unless_present = "corpus", conflicts_with = "corpus")]
    pub out: Option<PathBuf>,
    /// Corpus all of whose clips get codes, kept inside it.
    #[arg(long)]
    pub corpus: Option<PathBuf>,
    /// Encode share I of N of the corpus's audio files only (`1/4` … `4/4`); `auto` asks the environment, see `prepare`.
    #[arg(long, value_name = "I/N", requires = "corpus")]
    pub shard: Option<Share>,
    /// Put together what N shares encoded; names those that are not done. Without it, what is missing is encoded here.
    #[arg(long, value_name = "N", requires = "corpus", conflicts_with = "shard")]
    pub assemble: Option<NonZeroUsize>,
    /// How the recording comes to 24 kHz.
    #[arg(long, default_value_t)]
    pub resampler: audio::Resampler,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    if let Some(corpus) = &args.corpus {
        return print_json(&tokenize(args, corpus, terminal)?);
    }
    let tokenizer = open_codec(&args.codec, args.bandwidth)?;
    let (Some(audio), Some(out)) = (&args.audio, &args.out) else {
        return Err(usage("name a recording and `--out`, or a `--corpus`"));
    };
    must_not_be(out, "recording", audio)?;
    let sound = Sound::File(audio.clone(), args.resampler);
    let codes = tokenize_recording(&sound, tokenizer.as_ref(), terminal)?;
    files::write_npy(out, &[codes.n_frames, codes.n_codebooks], &codes.data)?;
    print_json(&json!({
        "tokenizer": tokenizer.hash(),
        "kbps": tokenizer.kbps(),
        "frames": codes.n_frames,
        "codebooks": codes.n_codebooks,
    }))
}

/// Gives the clips of `corpus` codes; returns which, and how many clips there are or which share was done.
pub fn tokenize(args: &Args, corpus: &Path, terminal: &Terminal) -> anyhow::Result<serde_json::Value> {
    let work = match (args.shard, args.assemble) {
        (Some(share), _) => Work::Share(share.resolve()?),
        (None, Some(jobs)) => Work::Assemble(jobs.get()),
        (None, None) => Work::Whole,
    };
    let tokenizer = open_codec(&args.codec, args.bandwidth)?;
    let corpus = open_corpus(corpus)?;
    tokenize_corpus(&corpus, tokenizer.as_ref(), work, terminal.stop_flag(), terminal)?;
    let (hash, kbps) = (tokenizer.hash(), tokenizer.kbps());
    Ok(match work {
        Work::Share(share) => json!({ "tokenizer": hash, "kbps": kbps, "share": share.to_string() }),
        _ => json!({ "tokenizer": hash, "kbps": kbps, "clips": corpus.clips().len() }),
    })
}
