//! Work on a thread of its own, without the interpreter lock, while the calling thread looks for signals.
//!
//! Python notes a signal and acts on it between two of its own instructions, of which there are none while a verb works. So the calling
//! thread wakes up now and then to let Python's handlers run. What they raise (Ctrl-C: `KeyboardInterrupt`) sets the flag that ends the work
//! as a signal ends a command (a checkpoint is written first), and is raised when it has ended.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use culturemert::exit::Failure;
use culturemert::terminal::{Talk, Terminal};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::intern;
use pyo3::prelude::*;

use crate::errors::{exception, usage};

/// Time between two looks for signals.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes of the worker's stack: what a program's main thread has.
const STACK: usize = 8 << 20;

/// What work has at hand.
pub(crate) struct Ground {
    /// Hears what is said, as `logging` of the logger `culturemert`.
    pub(crate) terminal: Terminal,
    stop: Arc<AtomicBool>,
    raised: Mutex<Option<PyErr>>,
}

impl Ground {
    fn new() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let terminal = Terminal::of_caller(Box::new(log), Arc::clone(&stop));
        Self { terminal, stop, raised: Mutex::new(None) }
    }

    /// Asks the work to stop, after which `error` is raised. The first error counts.
    pub(crate) fn stop_and_raise(&self, error: PyErr) {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    fn into_raised(self) -> Option<PyErr> {
        self.raised.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does the work.
pub(crate) fn work<T: Send>(
    py: Python<'_>,
    job: impl FnOnce(&Ground) -> anyhow::Result<T> + Send,
) -> PyResult<T> {
    not_forked()?;
    let ground = Ground::new();
    let done = py.detach(|| {
        std::thread::scope(|scope| {
            let (alive, ended) = sync_channel::<()>(0);
            let worker = std::thread::Builder::new()
                .name("culturemert".into())
                .stack_size(STACK)
                .spawn_scoped(scope, || {
                    let _alive = alive;
                    job(&ground)
                })?;
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let noted = |_: &PyErr| log(Talk::Line("stopping after the work at hand"));
                if let Err(error) = Python::attach(|py| py.check_signals().inspect_err(noted)) {
                    ground.stop_and_raise(error);
                }
            }
            Ok::<_, std::io::Error>(worker.join())
        })
    })?;
    let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    match (ground.into_raised(), done) {
        (None, Ok(value)) => Ok(value),
        (None, Err(error)) => Err(exception(&error)),
        // What was saved and how to go on with it.
        (Some(raised), Err(error))
            if raised.is_instance_of::<PyKeyboardInterrupt>(py)
                && Failure::of(&error) == Failure::Interrupted =>
        {
            Err(exception(&error))
        }
        (Some(raised), _) => Err(raised),
    }
}

/// A child made by `fork` has none of the threads that work was shared out to, and would wait for them for ever.
fn not_forked() -> PyResult<()> {
    static WORKED_IN: AtomicU32 = AtomicU32::new(0);
    let this = std::process::id();
    match WORKED_IN.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed) {
        Err(other) if other != this => Err(usage(
            "this process was forked from one that had worked with culturemert, whose threads it lacks; start it by `spawn` \
             (`multiprocessing.get_context(\"spawn\")`)",
        )),
        _ => Ok(()),
    }
}

/// Tells the logger `culturemert`.
fn log(talk: Talk<'_>) {
    Python::attach(|py| {
        let told = py.import(intern!(py, "logging")).and_then(|logging| {
            let logger = logging.call_method1(intern!(py, "getLogger"), ("culturemert",))?;
            match talk {
                Talk::Line(line) => logger.call_method1(intern!(py, "info"), ("%s", line)),
                Talk::Warning(line) => logger.call_method1(intern!(py, "warning"), ("%s", line)),
            }
        });
        if let Err(error) = told {
            error.write_unraisable(py, None);
        }
    });
}
