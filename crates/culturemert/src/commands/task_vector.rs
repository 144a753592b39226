//! `task-vector`: what a model learned beyond its base, as a file.

use std::path::PathBuf;

use weights::{write_task_vector, write_task_vector_file};

use crate::exit::usage;
use crate::inputs::{must_exist, must_not_be, open_model};
use crate::terminal::{Terminal, print_json};

/// Write what a model learned beyond its base: adapted weights minus base weights, for `merge`.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert task-vector --base base --model makam --out makam-vector")]
pub struct Args {
    /// Model that was adapted: a directory, or a file of weights.
    #[arg(long)]
    pub base: PathBuf,
    /// What it became, of the same kind.
    #[arg(long)]
    pub model: PathBuf,
    /// Folder of the task vector, or a safetensors file where the models are files.
    #[arg(long)]
    pub out: PathBuf,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    print_json(&task_vector(args, terminal)?)
}

/// Writes the task vector; returns the report.
pub fn task_vector(args: &Args, terminal: &Terminal) -> anyhow::Result<serde_json::Value> {
    for (what, input) in [("base", &args.base), ("model", &args.model)] {
        must_exist(what, input)?;
        must_not_be(&args.out, what, input)?;
    }
    let report = match (args.base.is_dir(), args.model.is_dir()) {
        (true, true) => {
            open_model(&args.base)?;
            open_model(&args.model)?;
            write_task_vector(&args.base, &args.model, &args.out)?
        }
        (false, false) => write_task_vector_file(&args.base, &args.model, &args.out)?,
        _ => {
            return Err(usage(
                "`--base` and `--model` must both be model directories, or both files of weights",
            ));
        }
    };
    terminal.say(format!("task vector in `{}`", args.out.display()));
    Ok(serde_json::to_value(report)?)
}
