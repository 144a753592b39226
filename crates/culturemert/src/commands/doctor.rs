//! `doctor`: whether this machine can do the work.

use crate::doctor::examine;
use crate::terminal::{Terminal, print_json, print_text};

/// Say what this machine has, how fast and how right it computes, and what is wrong with it.
///
/// Exit code 0 when nothing is, 1 when something is. Takes a second or two and writes nothing.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert doctor --json")]
pub(crate) struct Args {
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, _: &Terminal) -> anyhow::Result<()> {
    let report = examine();
    if args.json {
        print_json(&report)?;
    } else {
        print_text(&report.to_text())?;
    }
    match report.problems.len() {
        0 => Ok(()),
        1 => anyhow::bail!("1 problem was found; the report says what to do"),
        n => anyhow::bail!("{n} problems were found; the report says what to do about each"),
    }
}
