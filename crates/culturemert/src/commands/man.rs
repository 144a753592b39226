//! `man`: the manual as pages for `man`.

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::terminal::{Terminal, print_json, print_text};

/// Print the manual page of the program, or write a page for it and for each verb.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert man --out ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Folder for the pages `culturemert.1`, `culturemert-prepare.1` and so on.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(out) = &args.out else {
        return print_text(&String::from_utf8(page(&command)?.1)?);
    };
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    files::create_directories(out)?;
    for (name, text) in &pages {
        files::write_atomic(&out.join(name), text)?;
    }
    terminal.say(format!("{} pages in `{}`", pages.len(), out.display()));
    print_json(&pages.iter().map(|(name, _)| name).collect::<Vec<_>>())
}

/// Name and text of the pages of `command` and all below it.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
    pages.push(page(command)?);
    command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
        .try_for_each(|verb| collect(verb, pages))
}

fn page(command: &Command) -> anyhow::Result<(String, Vec<u8>)> {
    let version = env!("CARGO_PKG_VERSION");
    let man = Man::new(command.clone()).source(format!("culturemert {version}")).manual("culturemert");
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok((man.get_filename(), text))
}
