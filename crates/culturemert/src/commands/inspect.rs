//! `inspect`: what a model file holds, or how two differ.

use std::path::PathBuf;

use crate::inputs::must_exist;
use crate::terminal::{Terminal, print_json};

/// List the tensors of a model file or directory, or compare two.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert inspect model --against base")]
pub struct Args {
    /// Model directory, safetensors file or torch checkpoint.
    pub file: PathBuf,
    /// Compare with this one: first and worst difference.
    #[arg(long)]
    pub against: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, _: &Terminal) -> anyhow::Result<()> {
    print_json(&inspect(args)?)
}

/// What the file holds, or how it differs from another.
pub fn inspect(args: &Args) -> anyhow::Result<serde_json::Value> {
    must_exist("file", &args.file)?;
    match &args.against {
        Some(other) => {
            must_exist("file", other)?;
            Ok(serde_json::to_value(weights::compare(&args.file, other)?)?)
        }
        None => Ok(serde_json::to_value(weights::inspect(&args.file)?)?),
    }
}
