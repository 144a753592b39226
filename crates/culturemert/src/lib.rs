//! What the program does, as functions that take plain requests and return values, for its two fronts: the command line in here, which
//! `main.rs` starts, and the Python package in `python/`. A verb's `Args` are its request; its `run` prints what the function beside it returns.
//!
//! stdout is data, stderr is talk. Exit codes: 0 done, 1 the work failed, 2 the command was wrong, 130 interrupted.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this crate is the one that prints")]

mod cli;
pub mod commands;
pub mod device;
mod doctor;
pub mod embedding;
mod evaluation;
pub mod exit;
mod exploring;
mod guidance;
pub mod init;
pub mod inputs;
mod interrupt;
mod kept_clips;
mod launch;
mod probe_settings;
mod probing;
mod reproduce;
pub mod share;
pub mod sound;
mod sweeping;
mod tag_names;
pub mod terminal;
mod token_counts;
pub mod tokens;
mod training_probes;
pub mod windows;

use std::process::ExitCode;

use clap::Parser;

/// Does what the command line asks.
pub fn run_command_line() -> ExitCode {
    let cli = cli::Cli::parse();
    let terminal = terminal::Terminal::new(cli.quiet, cli.no_progress);
    match commands::run(cli.command, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error, &terminal),
    }
}
