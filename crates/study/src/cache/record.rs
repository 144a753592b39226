//! `step.json`: what a finished step was made from and which files it left.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use files::{FilesError, Hasher, hash_file};
use serde::{Deserialize, Serialize};

use super::Step;
use crate::StudyError;

/// Name of the record inside a step's directory.
pub(super) const RECORD: &str = "step.json";
/// Version of the record's layout.
const SCHEMA: u32 = 1;
/// Files up to this many bytes are hashed again on every reuse; of larger ones only the size is compared.
const SMALL: u64 = 1 << 20;
/// A record larger than this is not one of ours.
const LARGEST_RECORD: u64 = 64 << 20;

/// One file of a step's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputFile {
    /// Relative to the step's directory, with `/` between components.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Content hash, hexadecimal.
    pub sha256: String,
    /// Whether it is left out of the output hash.
    pub volatile: bool,
}

/// The content of `step.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// Layout of this file.
    pub schema: u32,
    /// The step's name.
    pub name: String,
    /// Version of the tool that ran it.
    pub tool: String,
    /// SHA-256 of the canonical step.
    pub key: String,
    /// The step's inputs.
    pub inputs: BTreeMap<String, String>,
    /// Seconds the work took, attempts that were interrupted not counted.
    pub seconds: f64,
    /// Seconds since 1970-01-01 UTC when it finished.
    pub finished: u64,
    /// SHA-256 over paths and contents of all files that are not volatile.
    pub output_hash: String,
    /// Every file, sorted by path.
    pub files: Vec<OutputFile>,
}

impl StepRecord {
    /// Describes what lies in `directory` as the output of `step`.
    pub(super) fn describe(
        step: &Step,
        tool: &str,
        directory: &Path,
        seconds: f64,
        finished: u64,
    ) -> Result<Self, StudyError> {
        let mut files = Vec::new();
        collect(step, directory, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self {
            schema: SCHEMA,
            name: step.name.clone(),
            tool: tool.to_owned(),
            key: step.key(tool),
            inputs: step.inputs.clone(),
            seconds,
            finished,
            output_hash: output_hash(&files),
            files,
        })
    }

    /// Reads the record in `directory`; the error is a reason for people.
    pub(super) fn read(directory: &Path) -> Result<Self, String> {
        let path = directory.join(RECORD);
        let size = fs::metadata(&path).map_err(|error| format!("`{RECORD}` is not readable: {error}"))?.len();
        if size > LARGEST_RECORD {
            return Err(format!("`{RECORD}` has {size} bytes"));
        }
        let text =
            fs::read_to_string(&path).map_err(|error| format!("`{RECORD}` is not readable: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("`{RECORD}` is not a step record: {error}"))
    }

    /// Compares the record with `key` and with the files: sizes of all, contents of the small ones (of all when `thorough`).
    pub(super) fn check(&self, key: &str, directory: &Path, thorough: bool) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("`{RECORD}` has schema {}, not {SCHEMA}", self.schema));
        }
        if self.key != key {
            return Err(format!("`{RECORD}` belongs to another step, `{}`", self.name));
        }
        if self.output_hash != output_hash(&self.files) {
            return Err(format!("`{RECORD}` contradicts itself"));
        }
        for file in &self.files {
            let path = directory.join(&file.path);
            let metadata = fs::symlink_metadata(&path).map_err(|_| format!("`{}` is absent", file.path))?;
            if !metadata.is_file() || metadata.len() != file.bytes {
                let found = metadata.len();
                return Err(format!("`{}` has {found} bytes, not {}", file.path, file.bytes));
            }
            if thorough || file.bytes <= SMALL {
                let hash = hash_file(&path).map_err(|error| error.to_string())?;
                if hash.to_string() != file.sha256 {
                    return Err(format!("`{}` has other content than was written", file.path));
                }
            }
        }
        Ok(())
    }
}

fn output_hash(files: &[OutputFile]) -> String {
    let mut hasher = Hasher::default();
    for file in files.iter().filter(|file| !file.volatile) {
        hasher.part(&file.path).part(&file.sha256);
    }
    hasher.finish().to_string()
}

fn collect(step: &Step, root: &Path, below: &str, files: &mut Vec<OutputFile>) -> Result<(), StudyError> {
    let directory = root.join(below);
    let read = |error| FilesError::io("read directory", &directory)(error);
    for entry in fs::read_dir(&directory).map_err(read)? {
        let entry = entry.map_err(FilesError::io("read directory", &directory))?;
        let refuse = |what| StudyError::NotPlain { step: step.name.clone(), path: entry.path(), what };
        let name = entry.file_name().into_string().map_err(|_| refuse("named in no UTF-8"))?;
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let kind = entry.file_type().map_err(FilesError::io("look at", &entry.path()))?;
        if name.starts_with(".tmp-") {
            // An atomic write that was killed left it; nobody reads it.
            if kind.is_dir() {
                files::remove_directory(&entry.path())?;
            } else {
                files::remove_file(&entry.path())?;
            }
        } else if kind.is_dir() {
            collect(step, root, &path, files)?;
        } else if !kind.is_file() {
            return Err(refuse("a link or a special file"));
        } else if path != RECORD {
            let bytes = entry.metadata().map_err(FilesError::io("look at", &entry.path()))?.len();
            let sha256 = hash_file(&entry.path())?.to_string();
            let volatile = step.is_volatile(&path);
            files.push(OutputFile { path, bytes, sha256, volatile });
        }
    }
    Ok(())
}
