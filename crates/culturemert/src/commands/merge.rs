//! `merge`: models combined in weight space.

use std::path::{Path, PathBuf};

use weights::{MergePlan, merge_directories, merge_planned};

use crate::exit::usage;
use crate::inputs::{must_exist, must_not_be, open_model};
use crate::terminal::{Terminal, print_json};

/// Combine models in weight space: task arithmetic, or what a mergekit file says.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert merge --base base --model makam --model carnatic --lambda 0.2 --out merged"
)]
pub(crate) struct Args {
    /// Model the others were adapted from.
    #[arg(long, required_unless_present = "config")]
    base: Option<PathBuf>,
    /// Adapted model; repeat for several.
    #[arg(long, required_unless_present = "config")]
    model: Vec<PathBuf>,
    /// Weight of every task vector.
    #[arg(long, default_value_t = 0.2, allow_negative_numbers = true)]
    lambda: f64,
    /// A mergekit YAML, or the same as TOML, instead.
    #[arg(long, conflicts_with_all = ["base", "model"])]
    config: Option<PathBuf>,
    /// Folder of the merged model. It may be that of an input, which then is replaced.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let report = if let Some(config) = &args.config {
        must_exist("merge configuration", config)?;
        must_not_be(&args.out, "merge configuration", config)?;
        terminal.during("merge", || merge_planned(config, &args.out))?
    } else {
        let Some(base) = &args.base else { return Err(usage("name a `--base`")) };
        terminal.during("merge", || task_arithmetic(base, &args.model, args.lambda, &args.out))?
    };
    terminal.say(format!("merged model in `{}`", args.out.display()));
    print_json(&report)
}

/// `base + λ Σ (model − base)`.
pub(crate) fn task_arithmetic(
    base: &Path,
    models: &[PathBuf],
    lambda: f64,
    out: &Path,
) -> anyhow::Result<weights::MergeReport> {
    if !lambda.is_finite() {
        return Err(usage(format!("`--lambda {lambda}` is not a finite number")));
    }
    for model in models.iter().map(PathBuf::as_path).chain([base]) {
        open_model(model)?;
    }
    let names: Vec<String> = models.iter().map(|model| model.display().to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plan = MergePlan::task_arithmetic(base.display().to_string(), &names, lambda);
    let models: Vec<&Path> = models.iter().map(PathBuf::as_path).collect();
    Ok(merge_directories(Some(base), &models, &plan, out)?)
}
