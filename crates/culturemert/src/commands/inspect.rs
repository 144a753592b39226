//! `inspect`: what a model file holds, or how two differ.

use std::path::PathBuf;

use crate::inputs::must_exist;
use crate::terminal::{Terminal, print_json};

/// List the tensors of a model file or directory, or compare two.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert inspect model --against base")]
pub(crate) struct Args {
    /// Model directory, safetensors file or torch checkpoint.
    file: PathBuf,
    /// Compare with this one: first and worst difference.
    #[arg(long)]
    against: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, _: &Terminal) -> anyhow::Result<()> {
    must_exist("file", &args.file)?;
    match &args.against {
        Some(other) => {
            must_exist("file", other)?;
            print_json(&weights::compare(&args.file, other)?)
        }
        None => print_json(&weights::inspect(&args.file)?),
    }
}
