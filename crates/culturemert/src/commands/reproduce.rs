//! `reproduce`: a study, whole or in part.

use std::path::PathBuf;

use serde_json::json;

use crate::device::DeviceArgs;
use crate::reproduce::{
    Asked, Choice, Outcome, StudyFile, StudyPlan, estimate, estimate_as_text, list, list_as_text,
    run as study,
};
use crate::share::Share;
use crate::terminal::{Terminal, print_json, print_text};

/// Run a study and write its report; what is done already is kept.
///
/// A study file names corpora, tokenizers, models, merges and measures; every step is kept by the hash of its inputs. Without `--config` it is the
/// paper's experiment at pocket size on built-in sound.
#[derive(clap::Args)]
#[command(
    after_help = "Studies: `pocket`, `paper`, `own-recordings`, `ablations` and its parts (`ablation-replay`, …).\n\n\
                  Example: culturemert reproduce --out study\n\
                  Your recordings: culturemert reproduce --config own-recordings --set corpora.recordings.index=my/index.tsv --out mine\n\
                  What a study will take: culturemert reproduce --config paper --dry-run"
)]
pub(crate) struct Args {
    /// Study: a preset, or a TOML file.
    #[arg(long, default_value = "pocket")]
    config: String,
    /// Folder of steps, results and report.
    #[arg(long, default_value = "study")]
    out: PathBuf,
    /// Change a key of the study, for instance `datasets.makam.folder=/data/makam`; entries of lists go by name or number.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the steps, what each needs, and which are kept already; do nothing.
    #[arg(long, conflicts_with = "dry_run")]
    list: bool,
    /// Print what every step will take in time, memory and disk, and do nothing. Folders need not be named yet.
    #[arg(long)]
    dry_run: bool,
    /// Do these steps and what they need: names, beginnings of names, or `*` for any run of characters.
    #[arg(long, value_name = "STEP,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Do part I of N of the steps (`1/4` … `4/4`); `auto` asks the environment of a Slurm array, an indexed Kubernetes job or GNU parallel.
    /// A last call without it makes the report.
    #[arg(long, value_name = "I/N")]
    shard: Option<Share>,
    /// Rehearse: at most N recordings of a split, updates of a stage, epochs of a probe. Goes without folders that are not named, as long as
    /// one whose training recordings a corpus is gathered from is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    place: DeviceArgs,
    /// Print `--list` and `--dry-run` as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let file = StudyFile::find(&args.config, &args.set)?;
    let asked = Asked { limit: args.limit, describe: args.list || args.dry_run };
    let plan = StudyPlan::new(file, asked)?;
    let device = args.place.find()?;
    let choice = Choice { only: args.only.clone(), shard: args.shard };
    if args.list {
        let listed = list(&plan, &choice, &device, &args.out, terminal)?;
        return if args.json { print_json(&listed) } else { print_text(&list_as_text(&listed)) };
    }
    if args.dry_run {
        let estimates = estimate(&plan, &choice, &device, &args.out, terminal)?;
        return if args.json { print_json(&estimates) } else { print_text(&estimate_as_text(&estimates)) };
    }
    let results = match study(&plan, &args.config, &choice, &device, &args.out, terminal)? {
        Outcome::Part { steps } => return print_json(&json!({ "steps": steps })),
        Outcome::Whole(results) => results,
    };
    let findings: Vec<_> = results
        .findings
        .iter()
        .chain(results.ablations.iter().map(|ablation| &ablation.finding))
        .map(|finding| json!({ "claim": finding.claim, "verdict": finding.verdict }))
        .collect();
    print_json(&json!({
        "report": args.out.join("report.html"),
        "results": args.out.join("results.json"),
        "synthetic": results.data.synthetic,
        "rehearsal": results.rehearsal.is_some(),
        "findings": findings,
    }))
}
