//! Tokenizers: fitted, opened, and the codes they give of a recording or of a whole corpus.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use culturemert::commands::{fit_codec as fitting, tokenize as tokenizing};
use culturemert::inputs::open_codec;
use culturemert::tokens::tokenize_recording;
use numpy::PyArray2;
use pyo3::prelude::*;

use crate::choices::{choice, needs, not_both, parsed, resampler as resampler_of};
use crate::listening::sound;
use crate::values::{array, document, json};
use crate::work::work;

/// A tokenizer that is opened once and hears many recordings; made by `load_codec`. Threads may share it.
#[pyclass(frozen, module = "culturemert")]
pub(crate) struct Codec(Box<dyn codec::Tokenizer>);

/// Opens a tokenizer.
///
/// Parameters
/// ----------
/// path : a folder made by `fit_codec`, or an EnCodec model: a folder of Hugging Face, or a `.th` file of the original package
/// bandwidth : kbit/s of an EnCodec model (of the published one 1.5, 3, 6, 12 or 24); None: 6, what MERT learned from
///
/// Returns
/// -------
/// Codec
#[pyfunction]
#[pyo3(signature = (path, *, bandwidth=None))]
pub(crate) fn load_codec(py: Python<'_>, path: PathBuf, bandwidth: Option<f64>) -> PyResult<Codec> {
    work(py, |_| open_codec(&path, bandwidth).map(Codec))
}

#[pymethods]
impl Codec {
    /// What a corpus calls its codes.
    #[getter]
    fn hash(&self) -> &str {
        self.0.hash()
    }

    /// Codes of a frame.
    #[getter]
    fn n_codebooks(&self) -> usize {
        self.0.n_codebooks()
    }

    /// Entries of a codebook; a code is smaller.
    #[getter]
    fn n_entries(&self) -> usize {
        self.0.n_entries()
    }

    fn __repr__(&self) -> String {
        let (name, k, n) = (self.0.name(), self.0.n_codebooks(), self.0.n_entries());
        format!("<culturemert.Codec '{name}': {k} codebooks of {n} entries>")
    }
}

/// A tokenizer, or where one lies.
#[derive(FromPyObject)]
pub(crate) enum CodecOrPath {
    #[pyo3(transparent)]
    Codec(Py<Codec>),
    #[pyo3(transparent)]
    Path(PathBuf),
}

/// Codes of a recording, 75 frames a second.
///
/// Parameters
/// ----------
/// audio : path, or float32 array (samples,) or (channels, samples), full scale ±1
/// sr : int, samples a second of an array
/// codec : Codec, or the path of one, which then is opened for this recording alone
/// bandwidth : kbit/s of an EnCodec model that is given as a path; see `load_codec`
/// resampler : "torchaudio" (as the published models heard) or "hq", how it comes to 24 kHz
///
/// Returns
/// -------
/// uint16 array (frames, codebooks)
#[pyfunction]
#[pyo3(signature = (audio, sr=None, *, codec, bandwidth=None, resampler="torchaudio"))]
pub(crate) fn tokens<'py>(
    py: Python<'py>,
    audio: &Bound<'py, PyAny>,
    sr: Option<i64>,
    codec: CodecOrPath,
    bandwidth: Option<f64>,
    resampler: &str,
) -> PyResult<Bound<'py, PyArray2<u16>>> {
    needs(
        ("bandwidth", bandwidth.is_some()),
        ("codec` as a path, and `bandwidth", matches!(codec, CodecOrPath::Path(_))),
    )?;
    let sound = sound(audio, sr, resampler)?;
    let heard = work(py, |ground| match &codec {
        CodecOrPath::Codec(codec) => tokenize_recording(&sound, codec.get().0.as_ref(), &ground.terminal),
        CodecOrPath::Path(path) => {
            tokenize_recording(&sound, open_codec(path, bandwidth)?.as_ref(), &ground.terminal)
        }
    })?;
    array(py, heard.data, [heard.n_frames, heard.n_codebooks])
}

/// Fits a residual k-means tokenizer to the training recordings of a corpus.
///
/// Parameters
/// ----------
/// corpus : path of a prepared corpus
/// out : folder of the tokenizer
/// codebooks : int, one after the other on what the ones before left over
/// entries : int, of each codebook
/// max_frames : int, frames to fit to, drawn from all training clips
/// features : "log-mel" or "cqt", what is quantised
/// bins : int, of the features; None: 64 log-mel or 84 constant-Q
/// seed : int, of all draws
///
/// Returns
/// -------
/// dict of what fitting found, as the command prints it
#[pyfunction]
#[pyo3(signature = (corpus, out, *, codebooks=8, entries=1024, max_frames=250_000, features="log-mel", bins=None, seed=0))]
#[expect(clippy::too_many_arguments, reason = "each is an argument of the Python function")]
pub(crate) fn fit_codec<'py>(
    py: Python<'py>,
    corpus: PathBuf,
    out: PathBuf,
    codebooks: usize,
    entries: usize,
    max_frames: usize,
    features: &str,
    bins: Option<usize>,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let features = choice("features", features)?;
    let args = fitting::Args { corpus, out, codebooks, entries, max_frames, features, bins, seed };
    let fitted = work(py, |ground| fitting::fit_codec(&args, &ground.terminal))?;
    document(py, &json(fitted.statistics())?)
}

/// Gives all clips of a corpus codes, kept inside it; what is there already is not made again.
///
/// Parameters
/// ----------
/// corpus : path of a prepared corpus
/// codec : path of a tokenizer, see `load_codec`
/// bandwidth : kbit/s of an EnCodec model
/// shard : "I/N" encodes share I of N of the corpus's audio files only, counted from 1; "auto" asks the environment of an array job
/// assemble : int, puts together what that many shares encoded
///
/// Returns
/// -------
/// dict with the tokenizer's hash and what was done, as the command prints it
#[pyfunction]
#[pyo3(signature = (corpus, codec, *, bandwidth=None, shard=None, assemble=None))]
pub(crate) fn tokenize<'py>(
    py: Python<'py>,
    corpus: PathBuf,
    codec: PathBuf,
    bandwidth: Option<f64>,
    shard: Option<&str>,
    assemble: Option<NonZeroUsize>,
) -> PyResult<Bound<'py, PyAny>> {
    not_both(("shard", shard.is_some()), ("assemble", assemble.is_some()))?;
    let args = tokenizing::Args {
        codec,
        bandwidth,
        audio: None,
        out: None,
        corpus: None,
        shard: shard.map(|shard| parsed("shard", shard)).transpose()?,
        assemble,
        resampler: resampler_of("torchaudio")?,
    };
    let done = work(py, |ground| tokenizing::tokenize(&args, &corpus, &ground.terminal))?;
    document(py, &json(&done)?)
}
