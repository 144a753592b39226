//! `convert`: between the layouts of Hugging Face and fairseq.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::exit::usage;
use crate::inputs::{must_exist, must_not_be, open_model};
use crate::terminal::{Terminal, print_json};

/// Convert a checkpoint to a Hugging Face directory, or a model directory to fairseq's names.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert convert MERT-v1-95M_fairseq.pt model --to hf")]
pub(crate) struct Args {
    /// Torch checkpoint or safetensors file (`--to hf`), or model directory (`--to fairseq`).
    input: PathBuf,
    /// Model directory (`--to hf`), or safetensors file (`--to fairseq`).
    out: PathBuf,
    /// Layout of the output.
    #[arg(long, value_enum)]
    to: Layout,
    /// `config.json` of the model, where the checkpoint does not say its shape.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Layout {
    Hf,
    Fairseq,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    must_exist("input", &args.input)?;
    // A model directory may be replaced by what is made of it; a checkpoint is a file, and nobody's to lose.
    if args.input.is_file() || matches!(args.to, Layout::Fairseq) {
        must_not_be(&args.out, "input", &args.input)?;
    }
    match args.to {
        Layout::Hf => {
            let config = args.config.as_ref().map(|path| -> anyhow::Result<Value> {
                must_exist("configuration", path)?;
                serde_json::from_slice(&std::fs::read(path)?)
                    .map_err(|error| usage(format!("`{}` is no JSON: {error}", path.display())))
            });
            let report = weights::convert_to_hf(&args.input, config.transpose()?.as_ref(), &args.out)?;
            terminal.say(format!("model directory in `{}`", args.out.display()));
            print_json(&report)
        }
        Layout::Fairseq => {
            let directory = open_model(&args.input)?;
            let (encoder, _) = directory.tensors()?;
            let heads = directory.heads()?.unwrap_or_default();
            let tensors = weights::to_fairseq_tensors(&encoder, &heads, directory.config())?;
            weights::write_safetensors(&args.out, &tensors, &BTreeMap::new())?;
            print_json(&serde_json::json!({ "tensors": tensors.len(), "out": args.out }))
        }
    }
}
