//! Talk on stderr, data on stdout.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How much is said, and whether bars are drawn.
pub(crate) struct Terminal {
    quiet: bool,
    draws: bool,
}

impl Terminal {
    pub(crate) fn new(quiet: bool, no_progress: bool) -> Self {
        Self { quiet, draws: !quiet && !no_progress && std::io::stderr().is_terminal() }
    }

    /// Whether only errors are said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line of talk.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            eprintln!("{}", line.as_ref());
        }
    }

    /// What went wrong, whatever was asked about talking.
    #[expect(clippy::unused_self, reason = "talking goes through the terminal, quiet or not")]
    pub(crate) fn complain(&self, kind: &str, line: &str) {
        eprintln!("{kind}: {line}");
    }

    /// Whether bars are drawn; where not, long work says a line now and then.
    pub(crate) fn draws(&self) -> bool {
        self.draws
    }

    /// A bar of `length` steps called `name`.
    pub(crate) fn bar(&self, name: &str, length: u64) -> ProgressBar {
        let target = if self.draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} {eta} left")
            .expect("the template is well formed");
        bar.set_style(style);
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }
}

/// Writes one JSON document to stdout. A reader that has gone away is no error.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    print_text(&text)
}

/// Writes a text to stdout. A reader that has gone away is no error.
pub(crate) fn print_text(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n')) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
