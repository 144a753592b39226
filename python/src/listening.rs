//! What is listened to: a path, or samples as a numpy array; and its constant-Q magnitudes.

use std::path::PathBuf;

use culturemert::commands::cqt::{check_bins, magnitudes};
use culturemert::sound::Sound;
use numpy::{PyArray2, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::choices::{raised, resampler as resampler_of};
use crate::errors::usage;
use crate::values::array;
use crate::work::work;

/// What errors call samples that were given.
const NAME: &str = "audio";

/// A sound out of what a function was given.
pub(crate) fn sound(audio: &Bound<'_, PyAny>, sr: Option<i64>, resampler: &str) -> PyResult<Sound> {
    let resampler = resampler_of(resampler)?;
    let Ok(untyped) = audio.cast::<PyUntypedArray>() else {
        let path: PathBuf = audio.extract().map_err(|_| {
            let class =
                audio.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
            PyTypeError::new_err(format!("`audio` is a path or a numpy array of float32, not {class}"))
        })?;
        if sr.is_some() {
            return Err(usage("`sr` is the rate of samples; a recording states its own, so leave it out"));
        }
        return Ok(Sound::File(path, resampler));
    };
    let Some(sr) = sr else {
        return Err(usage("samples need their rate: `sr`, samples a second"));
    };
    let rate_hz = u32::try_from(sr).ok().filter(|&rate| rate > 0);
    let rate_hz = rate_hz.ok_or_else(|| usage(format!("`sr` is {sr}; it is samples a second")))?;
    let channels = channels(audio, untyped)?;
    let planes: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    let held = audio.py().detach(|| Sound::held(NAME, &planes, rate_hz, resampler));
    held.map_err(|error| usage(format!("{error:#}")))
}

/// Channels, each with its samples.
fn channels(audio: &Bound<'_, PyAny>, untyped: &Bound<'_, PyUntypedArray>) -> PyResult<Vec<Vec<f32>>> {
    let Ok(typed) = audio.cast::<PyArrayDyn<f32>>() else {
        return Err(usage(format!(
            "`audio` is of {}, and float32 of full scale ±1 is needed: `audio.astype(\"float32\")`, and integers divided by their full scale \
             (int16: 32768)",
            untyped.dtype()
        )));
    };
    let samples = typed.try_readonly().map_err(|error| usage(format!("`audio` cannot be read: {error}")))?;
    let samples = samples.as_array();
    match *samples.shape() {
        [_] => Ok(vec![samples.iter().copied().collect()]),
        [n_channels, n] if n_channels > n && n > 0 => Err(usage(format!(
            "`audio` has shape ({n_channels}, {n}), and channels come before samples: give `audio.T`"
        ))),
        [_, _] => Ok(samples.outer_iter().map(|channel| channel.iter().copied().collect()).collect()),
        ref shape => {
            Err(usage(format!("`audio` has {} axes; it is (samples,) or (channels, samples)", shape.len())))
        }
    }
}

/// The constant-Q magnitudes MERT predicts, 75 frames a second.
///
/// Parameters
/// ----------
/// audio : path, or float32 array (samples,) or (channels, samples), full scale ±1
/// sr : int, samples a second of an array
/// bins : int, bins over seven octaves from 32.7 Hz, a multiple of 7
/// resampler : "torchaudio" (as the published models heard) or "hq", how it comes to 24 kHz
///
/// Returns
/// -------
/// float32 array (frames, bins)
#[pyfunction]
#[pyo3(signature = (audio, sr=None, *, bins=336, resampler="torchaudio"))]
pub(crate) fn cqt<'py>(
    py: Python<'py>,
    audio: &Bound<'py, PyAny>,
    sr: Option<i64>,
    bins: usize,
    resampler: &str,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    raised(check_bins(bins))?;
    let sound = sound(audio, sr, resampler)?;
    let frames = work(py, |ground| {
        let mut all = Vec::new();
        magnitudes(sound.open()?, bins, &ground.terminal, |frames| {
            all.extend_from_slice(frames);
            Ok(())
        })?;
        Ok(all)
    })?;
    let n_frames = frames.len() / bins;
    array(py, frames, [n_frames, bins])
}
