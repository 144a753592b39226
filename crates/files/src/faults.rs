//! Faults for tests: the n-th operation on the disk below a directory fails, or is the last thing that happens.
//!
//! Only there in tests of this crate and behind the feature `faults`, which other crates' tests ask for. A fault belongs to a directory, so
//! tests beside each other do not disturb each other, whatever threads they use.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::disk::Operation;
use crate::{beside, directory};

/// What happens at the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full: this operation fails (a write after half of it), later ones work.
    Refused,
    /// The process dies: half a write, or one file of a removal, is done, and nothing after.
    Killed,
    /// The machine stops: the same, and contents that were not synced are lost by half.
    PowerCut,
}

const ALL: [Fault; 3] = [Fault::Refused, Fault::Killed, Fault::PowerCut];

struct Plan {
    root: PathBuf,
    fault: Fault,
    at: usize,
    /// Operations so far.
    seen: usize,
    /// The operation that was struck.
    struck: Option<String>,
    no_exchange: bool,
    /// Files with contents that were not synced, and their lengths when they last were.
    unsynced: BTreeMap<PathBuf, u64>,
}

static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());

fn with_plans<T>(work: impl FnOnce(&mut Vec<Plan>) -> T) -> T {
    work(&mut PLANS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A fault that waits for its operation, until it is dropped.
pub struct Injected(PathBuf);

impl Injected {
    /// The operation that was struck, if it has come.
    pub fn struck(&self) -> Option<String> {
        with_plans(|plans| plans.iter().find(|plan| plan.root == self.0).and_then(|plan| plan.struck.clone()))
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        with_plans(|plans| plans.retain(|plan| plan.root != self.0));
        beside::forget_sweeps();
    }
}

/// Lets `fault` strike the operation number `at` (from 0) below `root`.
pub fn inject(root: &Path, fault: Fault, at: usize) -> Injected {
    plan(root, fault, at, false)
}

fn plan(root: &Path, fault: Fault, at: usize, no_exchange: bool) -> Injected {
    let unsynced = BTreeMap::new();
    let plan = Plan { root: root.into(), fault, at, seen: 0, struck: None, no_exchange, unsynced };
    with_plans(|plans| plans.push(plan));
    beside::forget_sweeps();
    Injected(root.into())
}

/// Tries `work` with every fault at every operation it makes. For each, `before` fills an empty directory, `work` meets the fault, and `check`
/// looks at what is there (`false`: old or new); then `work` must come through without a fault and clear away what was left, and `check`
/// looks again (`true`: new). Returns how many operations were struck.
///
/// # Panics
/// When `work` fails without a fault, or reports success after a kill that left something undone.
pub fn everywhere<E: Display>(
    before: impl Fn(&Path),
    work: impl Fn(&Path) -> Result<(), E>,
    check: impl Fn(&Path, bool),
) -> usize {
    strike_all(false, &before, &work, &check)
}

/// The same on a system that cannot let two names change places.
pub fn everywhere_without_exchange<E: Display>(
    before: impl Fn(&Path),
    work: impl Fn(&Path) -> Result<(), E>,
    check: impl Fn(&Path, bool),
) -> usize {
    strike_all(true, &before, &work, &check)
}

fn strike_all<E: Display>(
    no_exchange: bool,
    before: &impl Fn(&Path),
    work: &impl Fn(&Path) -> Result<(), E>,
    check: &impl Fn(&Path, bool),
) -> usize {
    let mut n_struck = 0;
    for fault in ALL {
        for at in 0.. {
            let directory = folder();
            let root = directory.path();
            before(root);
            let injected = plan(root, fault, at, no_exchange);
            let result = work(root);
            let struck = injected.struck();
            drop(injected);
            let Some(struck) = struck else {
                result.unwrap_or_else(|error| panic!("without a fault: {error}"));
                check(root, true);
                break;
            };
            n_struck += 1;
            let _told = ToldOnPanic(format!("{fault:?} at operation {at}: {struck}"));
            check(root, result.is_ok() && fault == Fault::Refused);
            if let Err(error) = work(root) {
                panic!("once more after {fault:?} at operation {at} ({struck}): {error}");
            }
            check(root, true);
            let left = leftovers(root);
            assert!(left.is_empty(), "left after {fault:?} at operation {at} ({struck}): {left:?}");
        }
    }
    n_struck
}

/// Says on stderr which fault a failing check was looking at.
struct ToldOnPanic(String);

impl Drop for ToldOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(io::stderr(), "{}", self.0);
        }
    }
}

/// A folder to write thousands of times into: in memory where the system has such a place, so that syncing costs nothing.
fn folder() -> TempDir {
    let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    made.expect("tests have a place for temporary files")
}

/// Whether an operation may happen. Called before each.
pub(crate) fn permit(operation: Operation<'_>) -> io::Result<()> {
    with_plans(|plans| {
        let mut plans = plans.iter_mut().filter(|plan| path_of(operation).starts_with(&plan.root));
        plans.try_for_each(|plan| plan.meet(operation))
    })
}

impl Plan {
    fn meet(&mut self, operation: Operation<'_>) -> io::Result<()> {
        if self.struck.is_some() && self.fault != Fault::Refused {
            return Err(io::Error::other("the process is dead"));
        }
        if self.no_exchange && matches!(operation, Operation::Exchange(..)) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.seen += 1;
        if self.seen != self.at + 1 {
            self.note(operation);
            return Ok(());
        }
        self.struck = Some(describe(operation));
        match operation {
            Operation::Write(_, mut file, bytes) => {
                self.note(operation);
                file.write_all(&bytes[..bytes.len() / 2])?;
            }
            Operation::RemoveTree(path) if self.fault != Fault::Refused => remove_one_file(path)?,
            _ => {}
        }
        if self.fault == Fault::PowerCut {
            self.unsynced.iter().for_each(|(path, &synced)| lose_half(path, synced));
        }
        Err(io::ErrorKind::StorageFull.into())
    }

    /// Keeps track of what a power cut would lose.
    fn note(&mut self, operation: Operation<'_>) {
        match operation {
            Operation::Write(path, file, _) => {
                let length = file.metadata().map_or(0, |metadata| metadata.len());
                self.unsynced.entry(path.into()).or_insert(length);
            }
            Operation::Sync(path) => {
                self.unsynced.remove(path);
            }
            Operation::Rename(from, to) => self.move_names(&[(from, to)]),
            Operation::Exchange(a, b) => self.move_names(&[(a, b), (b, a)]),
            _ => {}
        }
    }

    fn move_names(&mut self, moves: &[(&Path, &Path)]) {
        let moved = |(path, &synced): (&PathBuf, &u64)| {
            let below = |(from, to): &(&Path, &Path)| path.strip_prefix(from).ok().map(|rest| to.join(rest));
            (moves.iter().find_map(below).unwrap_or_else(|| path.clone()), synced)
        };
        self.unsynced = self.unsynced.iter().map(moved).collect();
    }
}

fn path_of(operation: Operation<'_>) -> &Path {
    match operation {
        Operation::CreateDirectories(path)
        | Operation::Create(path)
        | Operation::Write(path, ..)
        | Operation::Cut(path)
        | Operation::Sync(path)
        | Operation::SyncDirectory(path)
        | Operation::Rename(_, path)
        | Operation::Exchange(_, path)
        | Operation::RemoveFile(path)
        | Operation::RemoveTree(path) => path,
    }
}

fn describe(operation: Operation<'_>) -> String {
    match operation {
        Operation::Write(path, _, bytes) => format!("write {} bytes to `{}`", bytes.len(), path.display()),
        other => format!("{other:?}"),
    }
}

/// Unfinished and replaced things below a directory.
fn leftovers(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if [beside::UNFINISHED, directory::REPLACED].iter().any(|mark| name.starts_with(mark)) {
            found.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            found.extend(leftovers(&path));
        }
    }
    found
}

fn lose_half(path: &Path, synced: u64) {
    if let Ok(file) = OpenOptions::new().write(true).open(path) {
        let _ = file.metadata().and_then(|metadata| {
            file.set_len(metadata.len().min(synced) + metadata.len().saturating_sub(synced) / 2)
        });
    }
}

fn remove_one_file(tree: &Path) -> io::Result<()> {
    match fs::read_dir(tree).ok().and_then(|mut entries| entries.next()) {
        None => Ok(()),
        Some(entry) => {
            let path = entry?.path();
            if path.is_dir() { remove_one_file(&path) } else { fs::remove_file(path) }
        }
    }
}
