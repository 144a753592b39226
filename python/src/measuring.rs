//! What models know of tags, and how alike cultures are.

use std::path::PathBuf;

use culturemert::commands::{probe as probing, similarity as comparing};
use culturemert::device::DeviceArgs;
use pyo3::prelude::*;

use crate::choices::{choice, needs, not_both, parsed};
use crate::errors::usage;
use crate::values::{Form, ModelPath, OneOrMore, document, json, pairs};
use crate::work::work;

/// Trains a small network on a frozen encoder to predict tags, and measures it on recordings it has not heard.
///
/// Parameters
/// ----------
/// model : the encoder, a path or a Model (whose products are taken in float32 here)
/// corpus : path of a prepared corpus
/// tags : what the names of the tags begin with, for instance "makam:"
/// out : `.json` file of the result; the trained probe goes beside it as `.safetensors`
/// culture : only recordings of this culture
/// split : "corpus": the corpus's splits; "group": drawn for these tags alone, by group
/// split_seed : int, seed of splits by group
/// config : TOML file with settings of the probe; None: MARBLE's
/// normalize : whether recordings are brought to mean 0 and variance 1; None: as the model's preprocessor says
/// features : folder of features that are kept: what it holds is read, the rest is computed and put there
/// shard : "I/N" only keeps the features of share I of N, counted from 1; "auto" asks the environment of an array job. Needs `features`
/// device : where the model computes, as in `load`
///
/// Returns
/// -------
/// dict, the result, as the command prints it
#[pyfunction]
#[pyo3(signature = (model, corpus, tags, out, *, culture=None, split="corpus", split_seed=0, config=None, normalize=None, features=None,
    shard=None, device="cpu"))]
#[expect(clippy::too_many_arguments, reason = "each is an argument of the Python function")]
pub(crate) fn probe<'py>(
    py: Python<'py>,
    model: ModelPath,
    corpus: PathBuf,
    tags: String,
    out: PathBuf,
    culture: Option<String>,
    split: &str,
    split_seed: u64,
    config: Option<PathBuf>,
    normalize: Option<bool>,
    features: Option<PathBuf>,
    shard: Option<&str>,
    device: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let split = choice("split", split)?;
    needs(("shard", shard.is_some()), ("features", features.is_some()))?;
    let place = DeviceArgs { device: parsed("device", device)? };
    let args = probing::Args {
        model: model.0,
        corpus,
        tags,
        culture,
        out,
        split,
        split_seed,
        config,
        normalize,
        features,
        shard: shard.map(|shard| parsed("shard", shard)).transpose()?,
        place,
    };
    let result = work(py, |ground| probing::probe(&args, &ground.terminal))?;
    document(py, &json(&result)?)
}

/// Compares cultures by the distributions of their tokens.
///
/// One of `corpus`, `codes` and `counts` says whose; `counts` beside another keeps the counts.
///
/// Parameters
/// ----------
/// corpus : path of a prepared corpus with codes
/// codes : dict of culture to folder of `.npy` files, uint16 (frames, codebooks), one a recording
/// entries : int, entries of a codebook of `codes`
/// counts : file of counts by recording: written, or used again where they are of the same tokens; alone, all that is read
/// codec_hash : which codes, where the corpus has several
/// out : file where the result goes as JSON too
/// unit : "nats" or "bits", of divergences with intervals and floors
/// by : "recording" or "group", what is drawn for intervals and halves
/// resamples : int, of the intervals
/// splits : int, random halvings of every culture
/// level : float, share of the resamples inside an interval
/// seed : int, of all draws
/// transfer : file of measured transfer to compare with: `evaluation.json` of `evaluate`, or `results.json` of `reproduce`
/// source : dict of model of `evaluation.json` to the culture it was adapted to
/// target : dict of data set of `evaluation.json` to its culture, where that is not the set's name
/// adapted : cultures there are models of, for weights by similarity; None: all
/// lambda_ : float, λ of every task vector in a uniform merge
/// temperature : float, how evenly weights follow similarity, in mean divergences
///
/// Returns
/// -------
/// dict, the report, as the command prints it
#[pyfunction]
#[pyo3(signature = (corpus=None, *, codes=None, entries=None, counts=None, codec_hash=None, out=None, unit="nats", by="recording",
    resamples=1000, splits=200, level=0.95, seed=0, transfer=None, source=None, target=None, adapted=None, lambda_=0.2, temperature=1.0))]
#[expect(clippy::too_many_arguments, reason = "each is an argument of the Python function")]
pub(crate) fn similarity<'py>(
    py: Python<'py>,
    corpus: Option<PathBuf>,
    codes: Option<&Bound<'py, PyAny>>,
    entries: Option<usize>,
    counts: Option<PathBuf>,
    codec_hash: Option<String>,
    out: Option<PathBuf>,
    unit: &str,
    by: &str,
    resamples: usize,
    splits: usize,
    level: f64,
    seed: u64,
    transfer: Option<PathBuf>,
    source: Option<&Bound<'py, PyAny>>,
    target: Option<&Bound<'py, PyAny>>,
    adapted: Option<OneOrMore<String>>,
    lambda_: f64,
    temperature: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let (given_corpus, given_codes) = (("corpus", corpus.is_some()), ("codes", codes.is_some()));
    not_both(given_corpus, given_codes)?;
    needs(("codec_hash", codec_hash.is_some()), given_corpus)?;
    needs(given_codes, ("entries", entries.is_some()))?;
    needs(("entries", entries.is_some()), given_codes)?;
    needs(("source", source.is_some()), ("transfer", transfer.is_some()))?;
    needs(("target", target.is_some()), ("transfer", transfer.is_some()))?;
    if corpus.is_none() && codes.is_none() && counts.is_none() {
        return Err(usage("name a `corpus`, `codes` or `counts`"));
    }
    let args = comparing::Args {
        corpus,
        codec_hash,
        codes: pairs("codes", codes, Form::Bare)?,
        entries,
        counts,
        out,
        format: comparing::Format::Json,
        unit: choice("unit", unit)?,
        by: choice("by", by)?,
        resamples,
        splits,
        level,
        seed,
        transfer,
        source: pairs("source", source, Form::Bare)?,
        target: pairs("target", target, Form::Bare)?,
        adapted: adapted.map(OneOrMore::into_vec).unwrap_or_default(),
        mixture: None,
        lambda: lambda_,
        temperature,
    };
    let report = work(py, |ground| comparing::similarity(&args, &ground.terminal))?;
    document(py, &json(&report)?)
}
