//! What can be asked of the program: one verb a job.

use clap::{Parser, Subcommand};

use crate::commands;

/// Adapt a music foundation model to musical traditions it has not heard, and measure what that did.
#[derive(Parser)]
#[command(
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Start here: culturemert reproduce"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say only what went wrong.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Draw no progress bars.
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Synth(commands::synth::Args),
    Datasets(commands::datasets::Args),
    Prepare(commands::prepare::Args),
    FitCodec(commands::fit_codec::Args),
    Tokenize(commands::tokenize::Args),
    Cqt(commands::cqt::Args),
    Pretrain(commands::pretrain::Args),
    Embed(commands::embed::Args),
    Merge(commands::merge::Args),
    TaskVector(commands::task_vector::Args),
    Sweep(commands::sweep::Args),
    Probe(commands::probe::Args),
    Evaluate(commands::evaluate::Args),
    Tag(commands::tag::Args),
    Explore(commands::explore::Args),
    Similarity(commands::similarity::Args),
    Inspect(commands::inspect::Args),
    Convert(commands::convert::Args),
    Reproduce(commands::reproduce::Args),
    Doctor(commands::doctor::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}
