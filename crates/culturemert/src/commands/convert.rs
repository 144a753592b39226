//! `convert`: between the layouts of Hugging Face and fairseq.

use std::path::PathBuf;

use audio::cqt::{CqtConfig, TimeKernels};
use serde_json::Value;
use weights::Tensor;

use crate::exit::usage;
use crate::inputs::{must_exist, must_not_be};
use crate::terminal::{Terminal, print_json};

/// Convert a checkpoint to a Hugging Face directory, or a model to what fairseq opens.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert convert MERT-v1-95M_fairseq.pt model --to hf")]
pub(crate) struct Args {
    /// Torch checkpoint, safetensors file or model directory.
    input: PathBuf,
    /// Model directory (`--to hf`); or, with `--to fairseq`, a checkpoint that ends in `.pt`, or a safetensors file of the tensors.
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
    let config = args.config.as_ref().map(|path| -> anyhow::Result<Value> {
        must_exist("configuration", path)?;
        serde_json::from_slice(&std::fs::read(path)?)
            .map_err(|error| usage(format!("`{}` is no JSON: {error}", path.display())))
    });
    let config = config.transpose()?;
    match args.to {
        Layout::Hf => {
            let convert = || weights::convert_to_hf(&args.input, config.as_ref(), &args.out);
            let report = terminal.during("convert", convert)?;
            report.notes.iter().for_each(|note| terminal.say(note));
            terminal.say(format!("model directory in `{}`", args.out.display()));
            print_json(&report)
        }
        Layout::Fairseq => {
            let convert =
                || weights::convert_to_fairseq(&args.input, config.as_ref(), &args.out, &cqt_constants);
            let report = terminal.during("convert", convert)?;
            for difference in &report.fairseq_differs {
                terminal.say(format!("fairseq would compute with other settings: {difference}"));
            }
            terminal.say(format!("checkpoint for fairseq in `{}`", args.out.display()));
            print_json(&report)
        }
    }
}

/// Kernels of the constant-Q transform, under the names fairseq's checkpoints have for them (the misspelling is theirs).
fn cqt_constants(n_bins: usize) -> Result<Vec<(&'static str, Tensor)>, String> {
    let kernels = CqtConfig::mert(n_bins).time_kernels().map_err(|error| error.to_string())?;
    let TimeKernels { lengths, width, real, imaginary } = kernels;
    Ok(vec![
        ("lenghts", Tensor { shape: vec![n_bins], data: lengths }),
        ("cqt_kernels_real", Tensor { shape: vec![n_bins, 1, width], data: real }),
        ("cqt_kernels_imag", Tensor { shape: vec![n_bins, 1, width], data: imaginary }),
    ])
}
