//! Tokenizers and the codes they make of corpora.

use std::path::Path;

use anyhow::Context;
use codec::Tokenizer;
use study::Step;
use study::results::TokenizerFacts;

use super::listing::listing;
use super::{Dones, Ground, done};
use crate::interrupt::stop_flag;
use crate::reproduce::file::TokenizerFile;
use crate::reproduce::graph::names;
use crate::share::Work as Part;
use crate::tokens::{fit, tokenize_corpus};

/// What was tokenized by, beside the codes.
const FACTS: &str = "tokenizer.json";

pub(super) fn codec_step(
    step: Step,
    ground: &Ground<'_>,
    dones: &Dones,
    tokenizer: usize,
) -> anyhow::Result<Step> {
    let tokenizer = &ground.plan.file.tokenizers[tokenizer];
    let fit = tokenizer.fit.as_ref().context("only a tokenizer that is fitted has this step")?;
    Ok(step
        .input("corpus", ground.corpus_hash(dones, &tokenizer.corpus)?)
        .input("cultures", tokenizer.cultures.join(" "))
        .input("codec", serde_json::to_string(&ground.plan.fit_settings(fit))?))
}

pub(super) fn fit_codec(
    ground: &Ground<'_>,
    dones: &Dones,
    tokenizer: usize,
    dir: &Path,
) -> anyhow::Result<()> {
    let tokenizer = &ground.plan.file.tokenizers[tokenizer];
    let settings = tokenizer.fit.as_ref().context("only a tokenizer that is fitted has this step")?;
    let corpus = ground.open_corpus(dones, &tokenizer.corpus)?;
    let is_wanted = |culture: &str| {
        tokenizer.cultures.is_empty() || tokenizer.cultures.iter().any(|wanted| wanted == culture)
    };
    let fitted = fit(&corpus, &ground.plan.fit_settings(settings), is_wanted, ground.quiet)?;
    Ok(fitted.save(dir.join("codec"))?)
}

pub(super) fn codes_step(
    step: Step,
    ground: &Ground<'_>,
    dones: &Dones,
    corpus: &str,
    name: &str,
) -> anyhow::Result<Step> {
    let tokenizer = named(ground, name)?;
    let codec = match &tokenizer.encodec {
        Some(encodec) => format!("{} at {}", listing(&encodec.folder)?, encodec.bandwidth),
        None => done(dones, &names::codec(name))?.output_hash.clone(),
    };
    Ok(step.input("corpus", ground.corpus_hash(dones, corpus)?).input("codec", codec))
}

pub(super) fn tokenize(
    ground: &Ground<'_>,
    dones: &Dones,
    corpus: &str,
    name: &str,
    dir: &Path,
) -> anyhow::Result<()> {
    let tokenizer = named(ground, name)?;
    let codec: Box<dyn Tokenizer> = match &tokenizer.encodec {
        Some(encodec) => crate::inputs::open_codec(&encodec.folder, Some(encodec.bandwidth))?,
        None => codec::open(done(dones, &names::codec(name))?.dir.join("codec"))?,
    };
    if let Some(encodec) = &tokenizer.encodec
        && (encodec.codebooks, encodec.entries) != (codec.n_codebooks(), codec.n_entries())
    {
        return Err(crate::exit::usage(format!(
            "the tokenizer `{name}` makes {} codebooks of {} entries at {} kbit/s, and the study says {} of {}",
            codec.n_codebooks(),
            codec.n_entries(),
            encodec.bandwidth,
            encodec.codebooks,
            encodec.entries
        )));
    }
    let corpus = ground.open_corpus(dones, corpus)?.with_codes_in(dir);
    tokenize_corpus(&corpus, codec.as_ref(), Part::Whole, stop_flag(), ground.quiet)?;
    let facts = TokenizerFacts {
        name: codec.name().into(),
        hash: codec.hash().into(),
        n_codebooks: codec.n_codebooks() as u32,
        n_entries: codec.n_entries() as u32,
        frame_rate: 75.0,
        fitted_on: fitted_on(tokenizer),
    };
    Ok(files::write_json(&dir.join(FACTS), &serde_json::to_string_pretty(&facts)?)?)
}

fn fitted_on(tokenizer: &TokenizerFile) -> String {
    match (&tokenizer.encodec, tokenizer.cultures.as_slice()) {
        (Some(_), _) => "what its authors trained it on".into(),
        (None, []) => "the training recordings of all traditions".into(),
        (None, cultures) => format!("the training recordings of {}", cultures.join(", ")),
    }
}

/// What made the codes in the folder of a step.
pub(crate) fn facts_of(dir: &Path) -> anyhow::Result<TokenizerFacts> {
    let file = dir.join(FACTS);
    let text = std::fs::read(&file).map_err(files::FilesError::io("read", &file))?;
    Ok(serde_json::from_slice(&text)?)
}

fn named<'a>(ground: &'a Ground<'_>, name: &str) -> anyhow::Result<&'a TokenizerFile> {
    ground.plan.tokenizer(name).with_context(|| format!("there is no tokenizer `{name}`"))
}
