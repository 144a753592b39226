//! `similarity`: how alike the cultures' tokens are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use corpus::Corpus;
use evaluate::{Similarity, TokenCounts};

use crate::exit::usage;
use crate::inputs::{open_corpus, tokenizer_of};
use crate::terminal::{Terminal, print_json};

/// Compare the cultures of a corpus by the distributions of their tokens.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert similarity --corpus corpus --out similarity.json")]
pub(crate) struct Args {
    /// Prepared corpus with codes.
    #[arg(long)]
    corpus: PathBuf,
    /// Where the matrices go, besides stdout.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Which codes, where the corpus has several.
    #[arg(long)]
    codec_hash: Option<String>,
}

pub(crate) fn run(args: &Args, _: &Terminal) -> anyhow::Result<()> {
    let corpus = open_corpus(&args.corpus)?;
    let tokenizer = tokenizer_of(&corpus, args.codec_hash.as_deref())?;
    let similarity = of_corpus(&corpus, &tokenizer)?;
    if let Some(out) = &args.out {
        files::write_json(out, &serde_json::to_string_pretty(&similarity)?)?;
    }
    print_json(&similarity)
}

/// Counts the tokens of every culture and compares all pairs.
pub(crate) fn of_corpus(corpus: &Corpus, tokenizer: &str) -> anyhow::Result<Similarity> {
    let codes = corpus.codes(tokenizer)?;
    let header = codes.header();
    let mut tables: BTreeMap<&str, TokenCounts> = BTreeMap::new();
    for (index, clip) in corpus.clips().iter().enumerate() {
        if !tables.contains_key(clip.culture.as_str()) {
            tables.insert(
                &clip.culture,
                TokenCounts::new(&clip.culture, header.n_codebooks, header.n_entries)?,
            );
        }
        if let Some(table) = tables.get_mut(clip.culture.as_str()) {
            table.add(codes.clip(index)?)?;
        }
    }
    if tables.len() < 2 {
        return Err(usage("a comparison needs a corpus of at least two cultures"));
    }
    Ok(evaluate::similarity(&tables.into_values().collect::<Vec<_>>())?)
}
