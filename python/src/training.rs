//! Training by a plan.

use std::path::PathBuf;

// The function of this file has the crate's name.
use ::pretrain::{Event, LogLine};
use culturemert::commands::pretrain::{self as training, Trained};
use culturemert::device::DeviceArgs;
use culturemert::exit::interrupted;
use culturemert::init::InitArgs;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::choices::{needs, not_both, parsed};
use crate::errors::usage;
use crate::values::{Form, ModelPath, document, json, pairs};
use crate::work::{Ground, work};

/// Trains a model in the stages of a plan.
///
/// Ctrl-C, or an exception of `on_log`, ends it after the update at hand with a checkpoint; `resume=True` goes on from there, to the same
/// bits.
///
/// Parameters
/// ----------
/// plan : path of a TOML file, or a preset ("pocket", "paper", "mert"); None with `resume`: the run's own
/// corpus : path of a prepared corpus with codes
/// init : the model whose weights to begin with (a path or a Model), or "scratch"; None with `resume`: what the run began with
/// out : folder of the run; the model lies in its `model`
/// on_log : called with a dict after each update, what `log.jsonl` has as a line
/// resume : bool, whether to go on with the run in the folder
/// overrides : dict of keys of the plan and their values, for instance {"stage.0.updates": 100}; or a list of "key=value"
/// heads : where the heads of pre-training come from, when the model has none or others are wanted: a fairseq checkpoint, a
///     `heads.safetensors`, or another model directory
/// fresh_heads : bool, whether to draw them anew
/// as_trained : bool, whether to take loss weights, masks, mixture, dropout and crop from what the model says it was trained with
/// accept_drift : bool, whether to go on although plan, corpus, codes or initial weights have changed
/// codec_hash : which codes of the corpus are predicted, where it has several
/// device : where the model computes, as in `load`
///
/// Returns
/// -------
/// dict with the path and hash of the model, as the command prints it
#[pyfunction]
#[pyo3(signature = (plan, corpus, init, out, *, on_log=None, resume=false, overrides=None, heads=None, fresh_heads=false,
    as_trained=false, accept_drift=false, codec_hash=None, device="cpu"))]
#[expect(
    clippy::too_many_arguments,
    clippy::fn_params_excessive_bools,
    reason = "each is an argument of the Python function"
)]
pub(crate) fn pretrain<'py>(
    py: Python<'py>,
    plan: Option<PathBuf>,
    corpus: PathBuf,
    init: Option<ModelPath>,
    out: PathBuf,
    on_log: Option<Py<PyAny>>,
    resume: bool,
    overrides: Option<&Bound<'py, PyAny>>,
    heads: Option<PathBuf>,
    fresh_heads: bool,
    as_trained: bool,
    accept_drift: bool,
    codec_hash: Option<String>,
    device: &str,
) -> PyResult<Bound<'py, PyAny>> {
    needs(("accept_drift", accept_drift), ("resume", resume))?;
    not_both(("heads", heads.is_some()), ("fresh_heads", fresh_heads))?;
    if plan.is_none() && !resume {
        return Err(usage(
            "`plan` is a TOML file or a preset (`pocket`, `paper`, `mert`); it is left out with `resume` only",
        ));
    }
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let args = training::Args {
        config: plan.map(text),
        corpus: Some(corpus),
        begin: InitArgs { init: init.map(|model| text(model.0)), heads, fresh_heads, as_trained },
        out: Some(out),
        resume,
        accept_drift,
        dry_run: false,
        calibrate: None,
        example: None,
        set: assignments(overrides)?,
        codec_hash,
        place: DeviceArgs { device: parsed("device", device)? },
        patience: training::PATIENCE,
    };
    let finished = work(py, |ground| {
        let mut heard = |event: &Event<'_>| {
            if let (Event::Update(record), Some(on_log)) = (event, &on_log) {
                tell(on_log, &LogLine::Update((*record).clone()), ground);
            }
        };
        match training::pretrain(&args, &ground.terminal, &mut heard)? {
            Trained::Finished(finished, model) => Ok(training::document(&finished, &model)),
            Trained::Interrupted(interruption) => {
                Err(interrupted(interruption.sentence("with `resume=True`")))
            }
        }
    })?;
    document(py, &json(&finished)?)
}

/// Calls `on_log`; what it raises ends the run.
fn tell(on_log: &Py<PyAny>, line: &LogLine, ground: &Ground) {
    let told = Python::attach(|py| on_log.call1(py, (document(py, &json(line)?)?,)).map(drop));
    if let Err(error) = told {
        ground.stop_and_raise(error);
    }
}

/// `key=value` for each change of the plan.
fn assignments(overrides: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    match overrides {
        Some(text) if text.is_instance_of::<PyString>() => {
            Err(usage("`overrides` is a dict of keys and values, or a list of `key=value`"))
        }
        Some(list) if list.is_instance_of::<PyList>() => list.extract(),
        overrides => pairs("overrides", overrides, Form::Toml),
    }
}
