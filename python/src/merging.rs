//! Models combined in weight space, and looked into.

use std::path::{Path, PathBuf};

use culturemert::commands::{inspect as inspecting, merge as merging, task_vector as vectors};
use culturemert::inputs::ModelArgument;
use pyo3::prelude::*;
use serde_json::{Value, json as json_value};
use weights::MergePlan;

use crate::choices::{positive, raised};
use crate::errors::usage;
use crate::values::{Form, ModelPath, OneOrMore, document, dumped, json, pairs};
use crate::work::work;

/// The method of `--lambda`.
const TASK_ARITHMETIC: &str = "task_arithmetic";

/// Combines models in weight space.
///
/// Parameters
/// ----------
/// base : the model the others were adapted from (a path or a Model); None for "linear", which has none
/// models : adapted models, or task vectors of them, by path or as Model
/// weights : float for all models, or one for each in their order: λ of each task vector; negative: to forget
/// out : folder of the merged model
/// method : "task_arithmetic", "linear", "ties", "slerp", "dare_linear" or "dare_ties", as mergekit calls them
/// parameters : dict of the method's further settings as in a mergekit file, for instance {"density": 0.5, "normalize": True}; "slerp" has
///     its place "t" here
/// groups : dict of factors of λ in groups of layers, for instance {"front-end": 0, "layers.0-5": 0.5}; task arithmetic only
/// seed : int, of the masks of DARE
/// shard_bytes : int, most bytes of tensors in one safetensors file
/// licence : licence to give the merged model out under; refused where the data or a model it is made of does not allow it
/// results : Markdown file with results of the merged model, for its card
///
/// Returns
/// -------
/// dict, the report, as the command prints it
#[pyfunction]
#[pyo3(signature = (base, models, weights, out, *, method="task_arithmetic", parameters=None, groups=None, seed=0, shard_bytes=None,
    licence=None, results=None))]
#[expect(clippy::too_many_arguments, reason = "each is an argument of the Python function")]
pub(crate) fn merge<'py>(
    py: Python<'py>,
    base: Option<ModelPath>,
    models: Vec<ModelPath>,
    weights: OneOrMore<f64>,
    out: PathBuf,
    method: &str,
    parameters: Option<&Bound<'py, PyAny>>,
    groups: Option<&Bound<'py, PyAny>>,
    seed: u64,
    shard_bytes: Option<u64>,
    licence: Option<String>,
    results: Option<PathBuf>,
) -> PyResult<Bound<'py, PyAny>> {
    let group = pairs("groups", groups, Form::Bare)?;
    let group = group.iter().map(|pair| merging::group_factor(pair)).collect::<Result<Vec<_>, _>>();
    let weights = weights.into_vec();
    let args = merging::Args {
        base: base.map(|base| base.0),
        model: models.into_iter().map(|model| ModelArgument { name: None, path: model.0 }).collect(),
        lambda: weights.iter().copied().map(merging::Lambda::Number).collect(),
        similarity: None,
        target: None,
        uniform: merging::LAMBDA,
        temperature: 1.0,
        group: group.map_err(|reason| usage(format!("`groups`: {reason}")))?,
        config: None,
        out,
        shard_bytes: positive("shard_bytes", shard_bytes)?,
        licence,
        results,
    };
    if args.model.is_empty() {
        return Err(usage("`models` names no model"));
    }
    if method == TASK_ARITHMETIC && parameters.is_none() && seed == 0 {
        let report = work(py, |ground| merging::merge(&args, &ground.terminal))?;
        return document(py, &json(&report)?);
    }
    if !args.group.is_empty() {
        return Err(usage("`groups` goes with plain task arithmetic; give other methods `parameters`"));
    }
    let plan = plan(&args, &weights, method, parameters, seed)?;
    let report = work(py, |_| merging::merge_by(&plan, &args.out, &merging::output_of(&args)?))?;
    document(py, &json(&report)?)
}

/// The plan that a mergekit file with these settings would be.
fn plan(
    args: &merging::Args,
    weights: &[f64],
    method: &str,
    parameters: Option<&Bound<'_, PyAny>>,
    seed: u64,
) -> PyResult<MergePlan> {
    let name = |path: &Path| path.to_string_lossy().into_owned();
    let lambdas = raised(merging::lambdas(weights, args.model.len()))?;
    let models: Vec<Value> = args
        .model
        .iter()
        .zip(lambdas)
        .map(|(model, weight)| match method {
            // Its place between the models is `t`.
            "slerp" => json_value!({ "model": name(&model.path) }),
            _ => json_value!({ "model": name(&model.path), "parameters": { "weight": weight } }),
        })
        .collect();
    let mut plan = json_value!({ "merge_method": method, "seed": seed, "models": models });
    if let Some(base) = &args.base {
        plan["base_model"] = name(base).into();
    }
    if let Some(parameters) = parameters {
        plan["parameters"] = serde_json::from_str(&dumped(parameters)?)
            .map_err(|error| usage(format!("`parameters` cannot be read: {error}")))?;
    }
    raised(MergePlan::from_json(plan).map_err(Into::into))
}

/// Writes what a model learned beyond its base, adapted weights minus base weights, for `merge`.
///
/// Parameters
/// ----------
/// base : the model that was adapted (a path or a Model)
/// model : what it became
/// out : folder of the task vector
///
/// Returns
/// -------
/// dict, the report, as the command prints it
#[pyfunction]
pub(crate) fn task_vector(
    py: Python<'_>,
    base: ModelPath,
    model: ModelPath,
    out: PathBuf,
) -> PyResult<Bound<'_, PyAny>> {
    let args = vectors::Args { base: base.0, model: model.0, out };
    let report = work(py, |ground| vectors::task_vector(&args, &ground.terminal))?;
    document(py, &json(&report)?)
}

/// Lists the tensors of a model file or directory, or compares two.
///
/// Parameters
/// ----------
/// file : model directory (also as a Model), safetensors file or torch checkpoint
/// against : another to compare with: first and worst difference
///
/// Returns
/// -------
/// dict, as the command prints it
#[pyfunction]
#[pyo3(signature = (file, against=None))]
pub(crate) fn inspect(
    py: Python<'_>,
    file: ModelPath,
    against: Option<ModelPath>,
) -> PyResult<Bound<'_, PyAny>> {
    let args = inspecting::Args { file: file.0, against: against.map(|other| other.0) };
    let found = work(py, |_| inspecting::inspect(&args))?;
    document(py, &json(&found)?)
}
