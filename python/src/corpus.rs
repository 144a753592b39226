//! Corpora: synthetic recordings, and recordings made ready.

use std::path::PathBuf;

use culturemert::commands::{prepare as preparing, synth as rendering};
use pyo3::prelude::*;

use crate::choices::{needs, not_both, parsed, resampler as resampler_of};
use crate::values::{OneOrMore, document, json};
use crate::work::work;

/// Writes the built-in corpus: five synthetic traditions as wav files with an `index.jsonl`. It is made by a program; nothing that is
/// measured on it says anything about a tradition.
///
/// Parameters
/// ----------
/// out : folder for the recordings and the index
/// minutes : float, of each tradition
/// seed : int; another seed is another corpus
/// piece_seconds : float, seconds of each piece
/// annotations : bool, whether to write `beats.tsv` and `melody.tsv` too
///
/// Returns
/// -------
/// dict with the number of pieces and the path of the index, as the command prints it
#[pyfunction]
#[pyo3(signature = (out, minutes=4.0, seed=0, *, piece_seconds=30.0, annotations=false))]
pub(crate) fn synth(
    py: Python<'_>,
    out: PathBuf,
    minutes: f64,
    seed: u64,
    piece_seconds: f64,
    annotations: bool,
) -> PyResult<Bound<'_, PyAny>> {
    let args = rendering::Args { out, minutes, piece_seconds, annotations, seed };
    let written = work(py, |ground| rendering::synth(&args, &ground.terminal))?;
    document(py, &json(&written)?)
}

/// Decodes recordings to 24 kHz mono and lays them down as a corpus; what cannot be used is quarantined with its reason. Called again, it
/// goes on where it was interrupted.
///
/// Parameters
/// ----------
/// index : a TSV, CSV or JSONL file with the columns path, culture, split, tags, licence, group, start, end; or a folder with a folder per
///     culture
/// out : folder of the corpus
/// codec : path of a tokenizer whose codes are written too
/// bandwidth : kbit/s of an EnCodec model
/// resampler : "torchaudio" (as the published models heard) or "hq", how recordings come to 24 kHz
/// segment_seconds : float, of a segment
/// shard_bytes : int, of the largest audio file of the corpus; None: 1 GiB
/// max_quarantined : float, fails when more than this share of the recordings is unusable
/// shard : "I/N" decodes share I of N only, counted from 1; "auto" asks the environment of an array job
/// assemble : int, puts together what that many shares decoded
/// audio_root : folders that recordings may lie in beside that of the index
/// splits : file that keeps the splits of recordings whose index states none
/// replace : bool, whether to replace a corpus made of other recordings or settings
///
/// Returns
/// -------
/// dict, the report of the corpus, as the command prints it
#[pyfunction]
#[pyo3(signature = (index, out, *, codec=None, bandwidth=None, resampler="torchaudio", segment_seconds=30.0, shard_bytes=None,
    max_quarantined=0.1, shard=None, assemble=None, audio_root=None, splits=None, replace=false))]
#[expect(clippy::too_many_arguments, reason = "each is an argument of the Python function")]
pub(crate) fn prepare<'py>(
    py: Python<'py>,
    index: PathBuf,
    out: PathBuf,
    codec: Option<PathBuf>,
    bandwidth: Option<f64>,
    resampler: &str,
    segment_seconds: f64,
    shard_bytes: Option<u64>,
    max_quarantined: f64,
    shard: Option<&str>,
    assemble: Option<usize>,
    audio_root: Option<OneOrMore<PathBuf>>,
    splits: Option<PathBuf>,
    replace: bool,
) -> PyResult<Bound<'py, PyAny>> {
    needs(("bandwidth", bandwidth.is_some()), ("codec", codec.is_some()))?;
    not_both(("shard", shard.is_some()), ("assemble", assemble.is_some()))?;
    let args = preparing::Args {
        index,
        out,
        codec,
        bandwidth,
        resampler: resampler_of(resampler)?,
        segment_seconds,
        shard_bytes,
        max_quarantined,
        shard: shard.map(|shard| parsed("shard", shard)).transpose()?,
        assemble,
        audio_root: audio_root.map(OneOrMore::into_vec).unwrap_or_default(),
        splits,
        replace,
    };
    let report = work(py, |ground| preparing::prepare(&args, &ground.terminal))?;
    document(py, &json(&report)?)
}
