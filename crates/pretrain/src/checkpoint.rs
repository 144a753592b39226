//! Checkpoints: what a run needs to go on as if it had never stopped.
//!
//! `checkpoints/000123/` holds `weights.safetensors`, `optimizer.safetensors`, `state.json`, and last `COMMIT`: the SHA-256 of each, in the
//! form `sha256sum --check` reads. A folder is filled under another name and renamed when whole, so a kill at any moment leaves the
//! checkpoints before it. Draws are functions of the update's number, so that number is all there is to the state of randomness.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::tensor_file::{NamedTensor, TensorRef, read_tensors, write_tensors};
use crate::{Health, LossScaler, PretrainError};

mod retention;

pub use retention::Retention;

const WEIGHTS: &str = "weights.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";
const COMMIT: &str = "COMMIT";
const FILES: [&str; 3] = [WEIGHTS, OPTIMIZER, STATE];
/// Largest `COMMIT` and `state.json` that are read.
const MAX_TEXT: u64 = 1 << 20;

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainState {
    /// Updates completed in the run, those without a step included: where the run stands in its draws.
    pub update: u64,
    /// Index of the stage of the last update.
    pub stage: usize,
    /// Updates completed in that stage.
    pub stage_update: u64,
    /// Steps of that stage that stand, neither skipped nor rolled back: where it stands in its schedule.
    pub stage_steps: u64,
    /// Steps the optimiser has taken since its moments were zero.
    pub optimizer_step: u64,
    /// Updates skipped so far.
    pub skipped: u64,
    /// Updates rolled back so far.
    pub rolled_back: u64,
    /// Update of the last regular checkpoint, which a run rolls back to. One written because a run was stopped is not regular.
    pub anchor: u64,
    /// Whether a measurement after `update` is due and was cut off.
    pub unmeasured: bool,
    /// Losses before, and updates without a step.
    pub health: Health,
    /// Loss scale of half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scaler: Option<LossScaler>,
    /// Seconds trained so far, over all sittings.
    pub seconds: f64,
}

/// The checkpoints of a run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    retention: Retention,
}

/// A checkpoint whose files are as they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Its folder.
    pub path: PathBuf,
    /// Where the run stood.
    pub state: TrainState,
}

/// A checkpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// The newest whole checkpoint, and the newer ones that are not.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    /// The checkpoint; `None` where there is no whole one.
    pub checkpoint: Option<Checkpoint>,
    /// Newer ones that are damaged, newest first.
    pub skipped: Vec<Skipped>,
}

impl Checkpoints {
    /// The checkpoints in `folder`, of which those stay that `retention` names.
    pub fn new(folder: PathBuf, retention: Retention) -> Self {
        Self { folder, retention }
    }

    /// Saves a checkpoint and removes what is not kept; returns its folder.
    pub fn save(
        &self,
        state: &TrainState,
        weights: &[TensorRef<'_>],
        optimizer: &[TensorRef<'_>],
    ) -> Result<PathBuf, PretrainError> {
        let path = self.path_of(state.update);
        let note = format!("update {}", state.update);
        let text =
            serde_json::to_string_pretty(state).map_err(|error| PretrainError::damaged(&path, error))?;
        // One of the same update that is there is damaged, or comes from a sitting that went on from before it.
        files::replace_directory(&path, |writing| {
            write_tensors(&writing.join(WEIGHTS), weights, &note)?;
            write_tensors(&writing.join(OPTIMIZER), optimizer, &note)?;
            files::write_json(&writing.join(STATE), &text)?;
            let mut commit = String::new();
            for name in FILES {
                let hash = files::hash_file(&writing.join(name))?;
                commit.extend([&hash.to_string(), "  ", name, "\n"]);
            }
            Ok::<(), PretrainError>(files::write_atomic(&writing.join(COMMIT), commit.as_bytes())?)
        })?;
        self.remove_old(state)?;
        Ok(path)
    }

    /// Finds the newest whole checkpoint, reading every byte of it.
    pub fn newest(&self) -> Result<Newest, PretrainError> {
        let mut newest = Newest { checkpoint: None, skipped: Vec::new() };
        for update in self.updates()?.into_iter().rev() {
            let path = self.path_of(update);
            match verify(&path, update) {
                Ok(state) => {
                    newest.checkpoint = Some(Checkpoint { path, state });
                    break;
                }
                Err(reason) => newest.skipped.push(Skipped { path, reason }),
            }
        }
        Ok(newest)
    }

    /// The checkpoint of one update; fails when it is not whole.
    pub fn at(&self, update: u64) -> Result<Checkpoint, PretrainError> {
        let path = self.path_of(update);
        match verify(&path, update) {
            Ok(state) => Ok(Checkpoint { path, state }),
            Err(reason) => Err(PretrainError::damaged(&path, reason)),
        }
    }

    fn path_of(&self, update: u64) -> PathBuf {
        self.folder.join(format!("{update:06}"))
    }

    /// Updates of which there is a folder, in their order.
    fn updates(&self) -> Result<Vec<u64>, PretrainError> {
        let mut updates: Vec<u64> = Vec::new();
        for name in self.names()? {
            // Only names as they are written: what else a person lays here is not touched.
            updates.extend(name.parse().ok().filter(|update: &u64| format!("{update:06}") == name));
        }
        updates.sort_unstable();
        Ok(updates)
    }

    fn names(&self) -> Result<Vec<String>, PretrainError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(PretrainError::io("list", &self.folder))?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<_>>().map_err(PretrainError::io("list", &self.folder))
    }

    /// Removes what is not kept. Checkpoints after `state`, left by a sitting that is being trained anew, go too.
    fn remove_old(&self, state: &TrainState) -> Result<(), PretrainError> {
        let (mut old, later): (Vec<u64>, Vec<u64>) =
            self.updates()?.into_iter().partition(|&update| update <= state.update);
        // Damaged ones must not crowd out whole ones.
        let damaged: Vec<u64> =
            old.extract_if(.., |&mut update| !self.path_of(update).join(COMMIT).is_file()).collect();
        let gone = self.retention.gone(&old, state.anchor).into_iter().chain(damaged).chain(later);
        gone.map(|update| self.path_of(update)).try_for_each(|path| remove(&path))
    }
}

fn remove(path: &Path) -> Result<(), PretrainError> {
    // The commit goes first: half a removal must not look whole.
    files::remove_file(&path.join(COMMIT))?;
    Ok(files::remove_directory(path)?)
}

impl Checkpoint {
    /// The weights, in the order of their names.
    pub fn weights(&self) -> Result<Vec<NamedTensor>, PretrainError> {
        read_tensors(&self.path.join(WEIGHTS))
    }

    /// What was saved of the optimiser, in the order of the names.
    pub fn optimizer(&self) -> Result<Vec<NamedTensor>, PretrainError> {
        read_tensors(&self.path.join(OPTIMIZER))
    }
}

/// The state in the checkpoint at `path`, or why it is not whole.
fn verify(path: &Path, update: u64) -> Result<TrainState, String> {
    let commit = read_text(&path.join(COMMIT)).map_err(|error| format!("`{COMMIT}`: {error}"))?;
    for name in FILES {
        let stated = commit.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix("  "));
        let stated = stated.ok_or_else(|| format!("`{COMMIT}` does not name `{name}`"))?;
        let found = files::hash_file(&path.join(name)).map_err(|error| error.to_string())?.to_string();
        if stated != found {
            return Err(format!("`{name}` has the hash {found:.16}, `{COMMIT}` says {stated:.16}"));
        }
    }
    let text = read_text(&path.join(STATE)).map_err(|error| format!("`{STATE}`: {error}"))?;
    let state: TrainState = serde_json::from_str(&text).map_err(|error| format!("`{STATE}`: {error}"))?;
    if state.update != update {
        return Err(format!("`{STATE}` is of update {}", state.update));
    }
    Ok(state)
}

fn read_text(path: &Path) -> std::io::Result<String> {
    if fs::metadata(path)?.len() > MAX_TEXT {
        return Err(std::io::Error::other(format!("more than {MAX_TEXT} bytes")));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests;
