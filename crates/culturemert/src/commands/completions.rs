//! `completions`: what a shell needs to complete commands.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::terminal::{Terminal, print_text};

/// Print the script that lets a shell complete verbs, flags and values.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert completions bash > ~/.local/share/bash-completion/completions/culturemert"
)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, _: &Terminal) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "culturemert", &mut script);
    print_text(&String::from_utf8(script)?)
}
