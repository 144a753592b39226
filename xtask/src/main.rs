//! Chores of the repository.
//!
//! `cargo xtask compare` times this program and what people run instead, side by side on this machine, and writes `docs/BENCHMARKS.md`.
//! `cargo xtask dist` makes what a release is: an archive, a bill of materials and their checksums.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "chores talk")]

mod compare;
mod dist;
mod machine;
mod ours;
mod page;
mod peer;
mod sbom;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the repository.
#[derive(Parser)]
#[command(arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Compare(compare::Args),
    Dist(dist::Args),
    /// One measurement of this program, as a line of JSON: what `compare` runs in a process of its own.
    #[command(hide = true)]
    Ours(ours::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Compare(args) => compare::run(&args),
        Chore::Dist(args) => dist::run(&args),
        Chore::Ours(args) => ours::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
