//! `fit-codec`: a residual k-means tokenizer from a corpus.

use std::path::PathBuf;

use codec::{Features, FitSettings, ResidualKMeans};

use crate::inputs::open_corpus;
use crate::terminal::{Terminal, print_json};
use crate::tokens::fit;

/// Fit a residual k-means tokenizer to the training recordings of a corpus.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert fit-codec --corpus corpus --out codec --codebooks 4 --entries 64"
)]
pub struct Args {
    /// Prepared corpus.
    #[arg(long)]
    pub corpus: PathBuf,
    /// Folder of the tokenizer.
    #[arg(long)]
    pub out: PathBuf,
    /// Codebooks, one after the other on what the ones before left over.
    #[arg(long, default_value_t = 8)]
    pub codebooks: usize,
    /// Entries of each codebook.
    #[arg(long, default_value_t = 1024)]
    pub entries: usize,
    /// Frames to fit to, drawn from all training clips.
    #[arg(long, default_value_t = 250_000)]
    pub max_frames: usize,
    /// What is quantised.
    #[arg(long, value_enum, default_value_t = Kind::LogMel)]
    pub features: Kind,
    /// Bins of the features.
    #[arg(long)]
    pub bins: Option<usize>,
    /// Seed of all draws.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// What is quantised.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Kind {
    /// Log-mel spectra.
    LogMel,
    /// Constant-Q magnitudes.
    Cqt,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    print_json(fit_codec(args, terminal)?.statistics())
}

/// Fits the tokenizer and writes it.
pub fn fit_codec(args: &Args, terminal: &Terminal) -> anyhow::Result<ResidualKMeans> {
    let features = match args.features {
        Kind::LogMel => Features::LogMel { bins: args.bins.unwrap_or(64) },
        Kind::Cqt => Features::Cqt { bins: args.bins.unwrap_or(84) },
    };
    let settings = FitSettings {
        codebooks: args.codebooks,
        entries: args.entries,
        max_frames: args.max_frames,
        seed: args.seed,
        features,
        ..FitSettings::default()
    };
    settings.check().map_err(|error| crate::exit::usage(error.to_string()))?;
    let tokenizer = fit(&open_corpus(&args.corpus)?, &settings, |_| true, terminal)?;
    tokenizer.save(&args.out)?;
    terminal.say(format!("tokenizer `{}` in `{}`", codec::Tokenizer::hash(&tokenizer), args.out.display()));
    Ok(tokenizer)
}
