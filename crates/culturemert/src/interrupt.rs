//! Ctrl-C and SIGTERM: the first asks the work to end well, the second ends it at once.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static HANDLER: Once = Once::new();
/// Whether a signal is answered by a sentence; of several ranks one does.
static TALKS: AtomicBool = AtomicBool::new(true);

/// From now on signals are heeded without a word.
pub(crate) fn be_silent() {
    TALKS.store(false, Ordering::Relaxed);
}

/// A flag that a signal sets. From the first call on, signals no longer end the program at once.
#[allow(clippy::exit, reason = "a second signal means now")]
pub(crate) fn stop_flag() -> &'static AtomicBool {
    HANDLER.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            if TALKS.load(Ordering::Relaxed) {
                eprintln!("stopping after the work at hand; once more to stop at once");
            }
        });
        if let Err(error) = installed {
            eprintln!("warning: signals cannot be caught: {error}");
        }
    });
    &STOP
}
