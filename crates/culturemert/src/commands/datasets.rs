//! `datasets`: the published data sets, what is there of them, and pre-training data made of them.

mod check;
mod gather;
mod list;
mod split;

use crate::terminal::Terminal;

/// List the published data sets; say what is there of one, gather pre-training data from several, or split your own recordings.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example: culturemert datasets check makam /data/makam --metadata /data/metadata"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum What {
    Check(check::Args),
    Gather(gather::Args),
    Split(split::Args),
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    match &args.what {
        None => list::run(args.json),
        Some(What::Check(args)) => check::run(args, terminal),
        Some(What::Gather(args)) => gather::run(args, terminal),
        Some(What::Split(args)) => split::run(args, terminal),
    }
}
