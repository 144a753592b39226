//! The `culturemert` binary: arguments, progress, printing, exit codes. The maths lives in the other crates.
//!
//! stdout is data, stderr is talk. Exit codes: 0 done, 1 the work failed, 2 the command was wrong, 130 interrupted.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this crate is the one that prints")]

mod cli;
mod commands;
mod doctor;
mod embedding;
mod evaluation;
mod exit;
mod exploring;
mod guidance;
mod init;
mod inputs;
mod interrupt;
mod launch;
mod probe_settings;
mod probing;
mod reproduce;
mod share;
mod sweeping;
mod tag_names;
mod terminal;
mod token_counts;
mod tokens;
mod training_probes;
mod windows;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let terminal = terminal::Terminal::new(cli.quiet, cli.no_progress);
    match commands::run(cli.command, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error, &terminal),
    }
}
