//! The ledger: runs a step once, keeps its output, gives it back.
//!
//! Layout below the ledger's directory: `steps/<name>-<key12>` finished, `steps/partial-<name>-<key12>` being made or interrupted,
//! `steps/damaged-<name>-<key12>` set aside, `locks/<name>-<key12>`.
//! Law: a finished directory appears by one rename, after `step.json` was written and synced as its last file. A kill at any
//! moment leaves either the finished step or a partial directory from which the next run goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use files::FilesError;

use super::lock::Lock;
use super::record::{RECORD, StepRecord};
use super::step::Step;
use crate::StudyError;

/// What the ledger has to say while it works; the binary prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another process runs the same step; we wait for it.
    Waiting {
        /// The step.
        step: String,
        /// The other process, where known.
        holder: Option<u32>,
    },
    /// A kept output was damaged: it is set aside and the step is done again.
    Damaged {
        /// The step.
        step: String,
        /// What was found.
        reason: String,
        /// Where the damaged output lies now.
        moved_to: PathBuf,
    },
    /// An earlier run was interrupted; the work goes on in its directory.
    Resuming {
        /// The step.
        step: String,
        /// The directory.
        dir: PathBuf,
    },
    /// The work starts.
    Started {
        /// The step.
        step: String,
    },
    /// The step is there, computed or kept.
    Finished {
        /// The step.
        step: String,
        /// Whether it was kept from before.
        cached: bool,
    },
}

/// A step that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The step's name.
    pub name: String,
    /// Where its files lie.
    pub dir: PathBuf,
    /// SHA-256 of the canonical step.
    pub key: String,
    /// Whether it was kept from an earlier run.
    pub cached: bool,
    /// Seconds the work took, when it was done.
    pub seconds: f64,
    /// SHA-256 over its files: the input for steps that read them.
    pub output_hash: String,
}

/// Keeps the outputs of steps below one directory.
pub struct Ledger {
    steps: PathBuf,
    locks: PathBuf,
    tool: String,
    watcher: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Ledger {
    /// Opens (or makes) the ledger in `dir`, for this version of the tool.
    pub fn open(dir: &Path) -> Result<Self, StudyError> {
        Self::open_for(dir, env!("CARGO_PKG_VERSION"))
    }

    /// Opens (or makes) the ledger in `dir` for a stated version of the tool; other versions' steps are not reused.
    pub fn open_for(dir: &Path, tool: &str) -> Result<Self, StudyError> {
        let (steps, locks) = (dir.join("steps"), dir.join("locks"));
        for path in [&steps, &locks] {
            files::create_directories(path)?;
        }
        Ok(Self { steps, locks, tool: tool.to_owned(), watcher: Box::new(|_| {}) })
    }

    /// Tells `watcher` of every [`Event`].
    #[must_use]
    pub fn with_watcher(mut self, watcher: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.watcher = Box::new(watcher);
        self
    }

    /// Gives back the output of `step`, computing it by `work` only when it is not kept.
    ///
    /// `work` writes plain files into the directory it is given. That directory is the same for every attempt at the same step and
    /// outlives a kill or an error, so long work can leave checkpoints there and go on from them; it must cope with its own leavings.
    pub fn run<E, W>(&self, step: &Step, work: W) -> Result<Done, E>
    where
        E: From<StudyError>,
        W: FnOnce(&Path) -> Result<(), E>,
    {
        step.check_name()?;
        let key = step.key(&self.tool);
        let slot = slot(step, &key);
        let _lock = Lock::acquire(&self.locks.join(&slot), |holder| {
            self.tell(Event::Waiting { step: step.name.clone(), holder });
        })?;
        if let Some(record) = self.kept(step, &key)? {
            return Ok(self.finished(step, record, true));
        }
        let partial = self.steps.join(format!("partial-{slot}"));
        let is_new = !partial.exists();
        files::create_directories(&partial).map_err(StudyError::from)?;
        if let Some(record) = whole(&partial, &key) {
            // Killed between writing the record and the rename.
            self.promote(&partial, &slot)?;
            return Ok(self.finished(step, record, true));
        }
        self.tell(if is_new {
            Event::Started { step: step.name.clone() }
        } else {
            Event::Resuming { step: step.name.clone(), dir: partial.clone() }
        });
        let start = Instant::now();
        work(&partial)?;
        let record = StepRecord::describe(step, &self.tool, &partial, start.elapsed().as_secs_f64(), now())?;
        let text = serde_json::to_string_pretty(&record).expect("a record has text keys and finite numbers");
        files::write_json(&partial.join(RECORD), &text).map_err(StudyError::from)?;
        self.promote(&partial, &slot)?;
        Ok(self.finished(step, record, false))
    }

    /// The kept output of `step`, if there is a sound one. Computes nothing and moves nothing.
    pub fn find(&self, step: &Step) -> Option<Done> {
        let key = step.key(&self.tool);
        let record = StepRecord::read(&self.dir_of(step)).ok()?;
        record.check(&key, &self.dir_of(step), false).ok()?;
        Some(self.done(step, record, true))
    }

    /// Reads every byte of every kept step; gives the directories that are damaged, with the reason.
    pub fn verify(&self) -> Result<Vec<(PathBuf, String)>, StudyError> {
        let mut damaged = Vec::new();
        for dir in self.finished_dirs()? {
            let verdict = StepRecord::read(&dir).and_then(|record| {
                let key = record.key.clone();
                record.check(&key, &dir, true)
            });
            if let Err(reason) = verdict {
                damaged.push((dir, reason));
            }
        }
        Ok(damaged)
    }

    /// The records of all kept steps, by time of finishing. Unreadable ones are left to [`Ledger::verify`].
    pub fn records(&self) -> Result<Vec<StepRecord>, StudyError> {
        let dirs = self.finished_dirs()?;
        let mut records: Vec<_> = dirs.iter().filter_map(|dir| StepRecord::read(dir).ok()).collect();
        records.sort_by(|a, b| (a.finished, &a.name, &a.key).cmp(&(b.finished, &b.name, &b.key)));
        Ok(records)
    }

    fn kept(&self, step: &Step, key: &str) -> Result<Option<StepRecord>, StudyError> {
        let dir = self.dir_of(step);
        if !dir.exists() {
            return Ok(None);
        }
        let found = StepRecord::read(&dir).and_then(|record| record.check(key, &dir, false).map(|()| record));
        match found {
            Ok(record) => Ok(Some(record)),
            Err(reason) => {
                let moved_to = self.steps.join(format!("damaged-{}", slot(step, key)));
                files::remove_directory(&moved_to)?;
                files::rename(&dir, &moved_to)?;
                self.tell(Event::Damaged { step: step.name.clone(), reason, moved_to });
                Ok(None)
            }
        }
    }

    fn promote(&self, partial: &Path, slot: &str) -> Result<(), StudyError> {
        Ok(files::rename(partial, &self.steps.join(slot))?)
    }

    fn finished(&self, step: &Step, record: StepRecord, cached: bool) -> Done {
        self.tell(Event::Finished { step: step.name.clone(), cached });
        self.done(step, record, cached)
    }

    fn done(&self, step: &Step, record: StepRecord, cached: bool) -> Done {
        Done {
            name: step.name.clone(),
            dir: self.dir_of(step),
            key: record.key,
            cached,
            seconds: record.seconds,
            output_hash: record.output_hash,
        }
    }

    fn dir_of(&self, step: &Step) -> PathBuf {
        self.steps.join(slot(step, &step.key(&self.tool)))
    }

    fn finished_dirs(&self) -> Result<Vec<PathBuf>, StudyError> {
        let mut dirs = Vec::new();
        for entry in fs::read_dir(&self.steps).map_err(FilesError::io("read directory", &self.steps))? {
            let entry = entry.map_err(FilesError::io("read directory", &self.steps))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Step names may start with these words too, but then the directory's record names the step in full.
            let unfinished = ["partial-", "damaged-"].iter().any(|word| name.starts_with(word))
                && StepRecord::read(&entry.path()).map_or(true, |record| !name.starts_with(&record.name));
            if entry.path().is_dir() && !unfinished {
                dirs.push(entry.path());
            }
        }
        dirs.sort();
        Ok(dirs)
    }

    #[expect(clippy::needless_pass_by_value, reason = "events are made where they are told")]
    fn tell(&self, event: Event) {
        (self.watcher)(&event);
    }
}

fn slot(step: &Step, key: &str) -> String {
    format!("{}-{}", step.name, &key[..12])
}

fn whole(dir: &Path, key: &str) -> Option<StepRecord> {
    let record = StepRecord::read(dir).ok()?;
    record.check(key, dir, false).ok().map(|()| record)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
