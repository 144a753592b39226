//! Talk on stderr, data on stdout; or talk to whoever called this as a library.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::interrupt;

/// How much is said and to whom, whether bars are drawn, and who asks the work to stop.
pub struct Terminal {
    quiet: bool,
    draws: bool,
    caller: Option<Caller>,
}

/// The program that called this as a library.
struct Caller {
    listener: Listener,
    stop: Arc<AtomicBool>,
}

/// Hears what is said.
pub type Listener = Box<dyn Fn(Talk<'_>) + Send + Sync>;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk<'a> {
    /// How the work goes.
    Line(&'a str),
    /// Something to act on.
    Warning(&'a str),
}

impl Terminal {
    pub(crate) fn new(quiet: bool, no_progress: bool) -> Self {
        let draws = !quiet && !no_progress && std::io::stderr().is_terminal();
        Self { quiet, draws, caller: None }
    }

    /// No terminal: another program hears what is said, and sets `stop` to end long work well.
    pub fn of_caller(listener: Listener, stop: Arc<AtomicBool>) -> Self {
        Self { quiet: false, draws: false, caller: Some(Caller { listener, stop }) }
    }

    /// A flag that is set to end the work well: by the caller or, from now on, by signals.
    pub(crate) fn stop_flag(&self) -> &AtomicBool {
        self.caller_flag().unwrap_or_else(|| interrupt::stop_flag())
    }

    /// The same flag where there is a caller, for work that signals end at once.
    pub(crate) fn caller_flag(&self) -> Option<&AtomicBool> {
        self.caller.as_ref().map(|caller| &*caller.stop)
    }

    /// Whether a caller asked to stop.
    pub(crate) fn caller_stops(&self) -> bool {
        self.caller_flag().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Whether only errors are said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line of talk.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        match &self.caller {
            Some(caller) => (caller.listener)(Talk::Line(line.as_ref())),
            None if self.quiet => {}
            None => eprintln!("{}", line.as_ref()),
        }
    }

    /// What went wrong, whatever was asked about talking.
    pub(crate) fn complain(&self, kind: &str, line: &str) {
        match &self.caller {
            Some(caller) => (caller.listener)(Talk::Warning(line)),
            None => eprintln!("{kind}: {line}"),
        }
    }

    /// Whether bars are drawn; where not, long work says a line now and then.
    pub(crate) fn draws(&self) -> bool {
        self.draws
    }

    /// A bar of `length` steps called `name`.
    pub(crate) fn bar(&self, name: &str, length: u64) -> ProgressBar {
        self.draw(name, Some(length), "{prefix} {wide_bar} {pos}/{len} {msg} {eta} left")
    }

    /// A bar called `name` for work of `items` parts whose sizes show only on the way: set by [`PartsBar::at`].
    pub(crate) fn parts_bar(&self, name: &str, items: usize) -> PartsBar {
        let length = items as u64 * STEPS_A_PART;
        PartsBar(self.draw(name, Some(length), "{prefix} {wide_bar} {percent} % {msg} {eta} left"))
    }

    /// Does `work` while a sign called `name` turns: for work that does not say how far it is.
    pub(crate) fn during<T>(&self, name: &str, work: impl FnOnce() -> T) -> T {
        let sign = self.spinner(name);
        let done = work();
        sign.finish_and_clear();
        done
    }

    /// A turning sign called `name`, with a message and the time since.
    pub(crate) fn spinner(&self, name: &str) -> ProgressBar {
        self.draw(name, None, "{prefix} {spinner} {msg} {elapsed}")
    }

    fn draw(&self, name: &str, length: Option<u64>, template: &str) -> ProgressBar {
        let target = if self.draws { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(length, target);
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }
}

/// Steps of a bar for each part of the work.
const STEPS_A_PART: u64 = 1000;

/// A bar over parts of different sizes, each of which counts the same.
pub(crate) struct PartsBar(ProgressBar);

impl PartsBar {
    /// `share` (0 to 1) of part number `index` is done, and all parts before it.
    pub(crate) fn at(&self, index: usize, share: f64) {
        self.0.set_position(steps(index, share));
    }

    /// Clears the bar while `talk` writes.
    pub(crate) fn suspend(&self, talk: impl FnOnce()) {
        self.0.suspend(talk);
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

fn steps(index: usize, share: f64) -> u64 {
    index as u64 * STEPS_A_PART + (share.clamp(0.0, 1.0) * STEPS_A_PART as f64) as u64
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_their_lengths_and_parts_count_alike() {
        let quiet = Terminal::new(true, true);
        assert!(!quiet.draws() && quiet.bar("work", 7).is_hidden());
        assert_eq!((quiet.bar("work", 7).length(), quiet.spinner("wait").length()), (Some(7), None));
        let parts = quiet.parts_bar("embed", 4);
        assert_eq!(parts.0.length(), Some(4 * STEPS_A_PART));
        parts.at(2, 0.5);
        assert_eq!(parts.0.position(), 2500);
        assert_eq!((steps(0, -1.0), steps(3, 2.0), steps(1, f64::NAN)), (0, 4000, 1000));
        assert_eq!(quiet.during("sums", || 1 + 1), 2);
    }

    #[test]
    fn a_caller_hears_what_is_said_and_stops_the_work() {
        let (sender, heard) = std::sync::mpsc::sync_channel(9);
        let listener = move |talk: Talk<'_>| sender.send(format!("{talk:?}")).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let terminal = Terminal::of_caller(Box::new(listener), Arc::clone(&stop));
        terminal.say("half done");
        terminal.complain("warning", "the disk is slow");
        assert!(!terminal.caller_stops() && !terminal.stop_flag().load(Ordering::Relaxed));
        stop.store(true, Ordering::Relaxed);
        assert!(terminal.caller_stops() && terminal.stop_flag().load(Ordering::Relaxed));
        drop(terminal);
        let heard: Vec<String> = heard.iter().collect();
        assert_eq!(heard, ["Line(\"half done\")", "Warning(\"the disk is slow\")"]);
        assert!(!Terminal::new(true, true).caller_stops());
    }
}
