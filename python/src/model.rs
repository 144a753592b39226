//! A model that is loaded once and hears many recordings.

use std::path::{Path, PathBuf};

use culturemert::commands::embed::{Dtype, Embedding, states_of};
use culturemert::commands::tag::{open_probe, tags};
use culturemert::device::DeviceArgs;
use culturemert::embedding::Embedder;
use culturemert::inputs::open_model;
use culturemert::windows::Recording;
use numpy::PyArray3;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use weights::ModelDirectory;

use crate::choices::{choice, parsed, raised};
use crate::errors::usage;
use crate::listening::sound;
use crate::values::{OneOrMore, array};
use crate::work::work;

/// A model that hears recordings; made by `load`. Threads may share it, and it is pickled by its path.
#[pyclass(frozen, module = "culturemert")]
pub(crate) struct Model {
    path: PathBuf,
    dtype: String,
    normalize: Option<bool>,
    place: DeviceArgs,
    directory: ModelDirectory,
    embedder: Embedder,
}

/// Loads a model directory of Hugging Face's layout.
///
/// Parameters
/// ----------
/// path : the directory, or a file in it
/// dtype : "f32", "bf16", "f16" or "split": what products are computed in; what comes out is float32 always
/// normalize : whether recordings are brought to mean 0 and variance 1; None: as the model's preprocessor says
/// device : "cpu", "auto", or a card that this build reaches, such as "vulkan:0": where the model computes
///
/// Returns
/// -------
/// Model
#[pyfunction]
#[pyo3(signature = (path, *, dtype="f32", normalize=None, device="cpu"))]
pub(crate) fn load(
    py: Python<'_>,
    path: PathBuf,
    dtype: &str,
    normalize: Option<bool>,
    device: &str,
) -> PyResult<Model> {
    let precision: Dtype = choice("dtype", dtype)?;
    let place = DeviceArgs { device: parsed("device", device)? };
    let path = match path.parent() {
        Some(folder) if path.is_file() && folder.join("config.json").is_file() => folder.to_owned(),
        _ => path,
    };
    work(py, |_| {
        let directory = open_model(&path)?;
        let embedder =
            Embedder::new(&directory, normalize, &place.find()?)?.with_precision(precision.into())?;
        Ok(Model { path: path.clone(), dtype: dtype.to_owned(), normalize, place, directory, embedder })
    })
}

impl Model {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// States by number, counted from the end where negative; or `all`.
    fn chosen(&self, layers: Layers) -> PyResult<Vec<usize>> {
        let n = self.embedder.n_states();
        let state = |number: i64| {
            let from_end = if number < 0 { number + n as i64 } else { number };
            let text = if from_end < 0 { number } else { from_end }.to_string();
            raised(states_of(&text, n)).map(|states| states[0])
        };
        match layers {
            Layers::Name(name) => raised(states_of(&name, n)),
            Layers::Numbers(numbers) => {
                let states: Vec<usize> =
                    numbers.into_vec().into_iter().map(state).collect::<PyResult<_>>()?;
                if states.is_empty() {
                    return Err(usage("`layers` names no layer"));
                }
                Ok(states)
            }
        }
    }
}

/// What `layers` says.
#[derive(FromPyObject)]
enum Layers {
    #[pyo3(transparent)]
    Name(String),
    #[pyo3(transparent)]
    Numbers(OneOrMore<i64>),
}

#[pymethods]
impl Model {
    /// The directory it was loaded from.
    #[getter(path)]
    fn shown_path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Hidden states: the input of the first layer, and the output of each.
    #[getter]
    fn n_states(&self) -> usize {
        self.embedder.n_states()
    }

    /// Values of a frame of a state.
    #[getter]
    fn width(&self) -> usize {
        self.embedder.width()
    }

    /// Whether recordings are brought to mean 0 and variance 1.
    #[getter]
    fn normalizes(&self) -> bool {
        self.embedder.normalises()
    }

    /// Hash over encoder and configuration, hexadecimal: two models of one hash compute the same.
    #[getter]
    fn hash(&self, py: Python<'_>) -> PyResult<String> {
        work(py, |_| Ok(self.directory.identity()?.to_string()))
    }

    /// Hidden states of a recording, 75 frames a second.
    ///
    /// Parameters
    /// ----------
    /// audio : path, or float32 array (samples,) or (channels, samples), full scale ±1
    /// sr : int, samples a second of an array
    /// layers : "all", a number (0 is the input of the first layer, -1 the last output), or several
    /// pool : None, or "mean": one frame, the mean over time
    /// window : int, seconds that go through the model at once; 0: the whole recording
    /// resampler : "torchaudio" (as the published models heard) or "hq", how it comes to 24 kHz
    ///
    /// Returns
    /// -------
    /// float32 array (layers, frames, width); frames is 1 with pool="mean"
    #[pyo3(signature = (audio, sr=None, *, layers=None, pool=None, window=30, resampler="torchaudio"))]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the Python function")]
    fn embed<'py>(
        &self,
        py: Python<'py>,
        audio: &Bound<'py, PyAny>,
        sr: Option<i64>,
        layers: Option<Layers>,
        pool: Option<&str>,
        window: usize,
        resampler: &str,
    ) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let pools = match pool {
            None => false,
            Some("mean") => true,
            Some(other) => return Err(usage(format!("`pool` is `{other}`, and `mean` is the only one"))),
        };
        let states = self.chosen(layers.unwrap_or_else(|| Layers::Name("all".into())))?;
        let sound = sound(audio, sr, resampler)?;
        let (values, shape) = work(py, |ground| {
            let recording = Recording::survey(&sound)?;
            let embedding = Embedding::new(&self.embedder, &recording, &states, window)?;
            if pools {
                return Ok((embedding.means(&|_| {}, &ground.terminal)?, embedding.shape_of_means()));
            }
            let mut all = vec![0.0; embedding.shape().iter().product()];
            embedding.states(&|_| {}, &ground.terminal, |place, values| {
                all[place..place + values.len()].copy_from_slice(values);
                Ok(())
            })?;
            Ok((all, embedding.shape()))
        })?;
        array(py, values, shape)
    }

    /// The tags that a probe trained on this model hears in a recording.
    ///
    /// Parameters
    /// ----------
    /// audio : path, or float32 array (samples,) or (channels, samples), full scale ±1
    /// probe : path of the `.safetensors` that `probe` wrote
    /// sr : int, samples a second of an array
    /// resampler : "torchaudio" (as the published models heard) or "hq", how it comes to 24 kHz
    ///
    /// Returns
    /// -------
    /// dict of tag to probability, 0 to 1, the likeliest first
    #[pyo3(signature = (audio, probe, sr=None, *, resampler="torchaudio"))]
    fn tag<'py>(
        &self,
        py: Python<'py>,
        audio: &Bound<'py, PyAny>,
        probe: PathBuf,
        sr: Option<i64>,
        resampler: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let sound = sound(audio, sr, resampler)?;
        let heard = work(py, |ground| {
            let probe = open_probe(&probe, &self.directory, &ground.terminal)?;
            tags(&self.embedder, &probe, &sound, &|_| {}, &ground.terminal)
        })?;
        let dict = PyDict::new(py);
        for (tag, probability) in heard {
            dict.set_item(tag, probability)?;
        }
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let (path, n, width) = (self.path.display(), self.embedder.n_states(), self.embedder.width());
        format!("<culturemert.Model '{path}': {n} states of width {width}>")
    }

    /// Pickled by its path; the directory has to be there where it is unpickled.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let keywords = PyDict::new(py);
        keywords.set_item("dtype", &self.dtype)?;
        keywords.set_item("normalize", self.normalize)?;
        keywords.set_item("device", self.place.device.to_string())?;
        let load = py.import("culturemert")?.getattr("load")?;
        let load = py.import("functools")?.call_method("partial", (load,), Some(&keywords))?;
        let path = std::path::absolute(&self.path)?.into_bound_py_any(py)?;
        (load, (path,)).into_pyobject(py)
    }
}
