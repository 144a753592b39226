//! What the program does, as functions that take plain requests and return values, for its two fronts: the command line in here, which
//! `main.rs` starts, and the Python package in `python/`.
//!
//! stdout is data, stderr is talk. Exit codes: 0 done, 1 the work failed, 2 the command was wrong, 130 interrupted.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this crate is the one that prints")]

mod cli;
mod commands;
mod doctor;
mod embedding;
mod evaluation;
mod exit;
mod init;
mod inputs;
mod interrupt;
mod probing;
mod reproduce;
mod share;
mod tag_names;
mod terminal;
mod token_counts;
mod tokens;
mod training_probes;
mod windows;

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
