//! `reproduce`: the whole experiment of the paper, on built-in data.

use std::path::PathBuf;

use serde_json::json;

use crate::reproduce::{StudyPlan, run as study};
use crate::terminal::{Terminal, print_json};

/// Run the whole study on the built-in synthetic corpus and write its report; what is done already is kept.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert reproduce --out study")]
pub(crate) struct Args {
    /// Study: `pocket`, or a TOML file.
    #[arg(long, default_value = "pocket")]
    config: String,
    /// Folder of steps, results and report.
    #[arg(long, default_value = "study")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let plan = StudyPlan::find(&args.config)?;
    let results = study(&plan, &args.config, &args.out, terminal)?;
    let findings: Vec<_> = results
        .findings
        .iter()
        .map(|finding| json!({ "claim": finding.claim, "verdict": finding.verdict }))
        .collect();
    print_json(&json!({
        "report": args.out.join("report.html"),
        "results": args.out.join("results.json"),
        "synthetic": results.data.synthetic,
        "findings": findings,
    }))
}
