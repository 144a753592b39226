//! `merge`: models combined in weight space.

use std::path::{Path, PathBuf};

use weights::{LayerGroup, MergeOutput, MergePlan, MergeReport, carry_out, merge_directories, merge_planned};

use crate::exit::usage;
use crate::inputs::{must_exist, must_not_be, open_model};
use crate::terminal::{Terminal, print_json};

/// λ of every task vector where none is given.
const LAMBDA: f64 = 0.2;

/// Combine models in weight space: task arithmetic, or what a mergekit file says.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert merge --base base --model makam --model carnatic --lambda 0.2 --out merged
One λ a model: culturemert merge --base base --model makam --lambda 0.3 --model carnatic --lambda -0.1 --group front-end=0 --out merged"
)]
pub struct Args {
    /// Model the others were adapted from.
    #[arg(long, required_unless_present = "config")]
    pub base: Option<PathBuf>,
    /// Adapted model, or a task vector of one (`culturemert task-vector`); repeat for several.
    #[arg(long, required_unless_present = "config")]
    pub model: Vec<PathBuf>,
    /// Weight of every task vector, 0.2 by default; or repeated, one for each model in their order. Negative: to forget.
    #[arg(long, allow_negative_numbers = true)]
    pub lambda: Vec<f64>,
    /// Factor of λ in a group of layers: front-end, projection, positional, mask-embedding, final-norm, layers, layers.3, layers.0-5. The first that fits counts.
    #[arg(long, value_name = "GROUP=FACTOR", value_parser = group_factor)]
    pub group: Vec<(LayerGroup, f64)>,
    /// A mergekit YAML, or the same as TOML, instead.
    #[arg(long, conflicts_with_all = ["base", "model", "lambda", "group"])]
    pub config: Option<PathBuf>,
    /// Folder of the merged model. It may be that of an input, which then is replaced.
    #[arg(long)]
    pub out: PathBuf,
    /// Most bytes of tensors in one safetensors file; more makes several files with an index, as transformers reads them.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub shard_bytes: Option<u64>,
    /// Licence to give the merged model out under; refused where the data or a model it is made of does not allow it.
    #[arg(long)]
    pub licence: Option<String>,
    /// Markdown file with results of the merged model, for its card.
    #[arg(long)]
    pub results: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    print_json(&merge(args, terminal)?)
}

/// Writes the merged model; returns the report.
pub fn merge(args: &Args, terminal: &Terminal) -> anyhow::Result<MergeReport> {
    let output = output_of(args)?;
    let report = if let Some(config) = &args.config {
        must_exist("merge configuration", config)?;
        must_not_be(&args.out, "merge configuration", config)?;
        terminal.during("merge", || anyhow::Ok(merge_planned(config, &args.out, &output)?))?
    } else {
        let Some(base) = &args.base else { return Err(usage("name a `--base`")) };
        let lambdas = lambdas(&args.lambda, args.model.len())?;
        terminal.during("merge", || {
            add_task_vectors(base, &args.model, &lambdas, &args.group, &args.out, &output)
        })?
    };
    terminal.say(format!("merged model in `{}`", args.out.display()));
    Ok(report)
}

/// The same by a plan that is in no file; paths in it are relative to the working directory.
pub fn merge_by(plan: &MergePlan, out: &Path, output: &MergeOutput) -> anyhow::Result<MergeReport> {
    plan.check()?;
    for model in plan.models.iter().map(|model| &model.model).chain(&plan.base_model) {
        must_exist("model", Path::new(model))?;
    }
    Ok(carry_out(plan, Path::new(""), out, output)?)
}

/// `base + λ Σ (model − base)`.
pub(crate) fn task_arithmetic(
    base: &Path,
    models: &[PathBuf],
    lambda: f64,
    out: &Path,
) -> anyhow::Result<MergeReport> {
    let lambdas = lambdas(&[lambda], models.len())?;
    add_task_vectors(base, models, &lambdas, &[], out, &MergeOutput::default())
}

fn add_task_vectors(
    base: &Path,
    models: &[PathBuf],
    lambdas: &[f64],
    factors: &[(LayerGroup, f64)],
    out: &Path,
    output: &MergeOutput,
) -> anyhow::Result<MergeReport> {
    for model in models.iter().map(PathBuf::as_path).chain([base]) {
        open_model(model)?;
    }
    let names = models.iter().map(|model| model.display().to_string());
    let models_and_lambdas: Vec<(String, f64)> = names.zip(lambdas.iter().copied()).collect();
    let plan = MergePlan::per_culture(base.display().to_string(), &models_and_lambdas, factors);
    let models: Vec<&Path> = models.iter().map(PathBuf::as_path).collect();
    Ok(merge_directories(Some(base), &models, &plan, out, output)?)
}

/// One λ for each model.
pub fn lambdas(given: &[f64], n_models: usize) -> anyhow::Result<Vec<f64>> {
    if let Some(lambda) = given.iter().find(|lambda| !lambda.is_finite()) {
        return Err(usage(format!("`--lambda {lambda}` is not a finite number")));
    }
    match given {
        [] => Ok(vec![LAMBDA; n_models]),
        [one] => Ok(vec![*one; n_models]),
        several if several.len() == n_models => Ok(several.to_vec()),
        several => Err(usage(format!(
            "there are {} `--lambda` and {n_models} `--model`; give one for all, or one for each",
            several.len()
        ))),
    }
}

/// Reads `front-end=0.5`.
pub fn group_factor(text: &str) -> Result<(LayerGroup, f64), String> {
    let (group, factor) =
        text.split_once('=').ok_or("a group and a factor are needed, as in `front-end=0.5`")?;
    let group = group.parse::<LayerGroup>().map_err(|error| error.to_string())?;
    match factor.parse::<f64>() {
        Ok(factor) if factor.is_finite() => Ok((group, factor)),
        _ => Err(format!("`{factor}` is not a finite number")),
    }
}

/// What the merged model is written with.
pub fn output_of(args: &Args) -> anyhow::Result<MergeOutput> {
    let mut sections = Vec::new();
    if let Some(results) = &args.results {
        must_exist("results", results)?;
        let text = std::fs::read_to_string(results)
            .map_err(|error| usage(format!("results `{}` cannot be read: {error}", results.display())))?;
        // A table alone becomes a section of its own.
        sections.push(if text.starts_with('#') { text } else { format!("## Results\n\n{text}") });
    }
    Ok(MergeOutput { shard_bytes: args.shard_bytes, licence: args.licence.clone(), sections })
}
