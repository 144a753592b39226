//! `corpus.toml`: written last, so a directory that has it is whole.

use std::path::Path;

use files::FilesError;
use serde::{Deserialize, Serialize};

use crate::{CorpusError, PrepareSettings, links};

/// Name of the file.
pub(crate) const FILE: &str = "corpus.toml";
/// Version of the layout. A reader refuses others.
pub(crate) const SCHEMA: u32 = 1;
/// A manifest of 2^16 shards is 6 MB; more is no manifest.
const MAX_BYTES: u64 = 1 << 24;

/// What the corpus is, and the hashes of its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the layout.
    pub schema: u32,
    /// The program that wrote it.
    pub tool: String,
    /// Samples per second.
    pub sample_rate: u32,
    /// Hash of the index and of the contents it names.
    pub inputs: String,
    /// SHA-256 of `clips.jsonl`.
    pub clips_sha256: String,
    /// SHA-256 of `quarantine.jsonl`.
    pub quarantine_sha256: String,
    /// SHA-256 of `report.json`.
    pub report_sha256: String,
    /// How it was prepared.
    pub settings: PrepareSettings,
    /// The array files, in order.
    #[serde(default)]
    pub shards: Vec<Shard>,
}

/// One array file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Samples in it.
    pub samples: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

impl Manifest {
    /// Reads the manifest of the corpus in `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self, CorpusError> {
        links::refuse(dir, [FILE])?;
        let file = dir.join(FILE);
        let size = match std::fs::metadata(&file) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let reason = format!("`{FILE}` is absent, so `prepare` did not finish or did not run");
                return Err(CorpusError::Unfinished { dir: dir.into(), reason });
            }
            Err(error) => return Err(FilesError::io("look at", &file)(error).into()),
        };
        if size > MAX_BYTES {
            return Err(CorpusError::damaged(file, format!("its {size} bytes are no manifest")));
        }
        let text = std::fs::read_to_string(&file).map_err(FilesError::io("read", &file))?;
        let not_toml = |error: toml::de::Error| CorpusError::damaged(&file, error.message().to_owned());
        let SchemaOnly { schema } = toml::from_str(&text).map_err(not_toml)?;
        if schema != SCHEMA {
            return Err(CorpusError::damaged(
                file,
                format!("its schema is {schema}, this program reads {SCHEMA}"),
            ));
        }
        let manifest: Self = toml::from_str(&text).map_err(not_toml)?;
        if manifest.sample_rate != audio::SAMPLE_RATE {
            let reason = format!("its sample rate is {}, not {}", manifest.sample_rate, audio::SAMPLE_RATE);
            return Err(CorpusError::damaged(file, reason));
        }
        Ok(manifest)
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), CorpusError> {
        let text = toml::to_string(self).expect("checked settings are plain data");
        Ok(files::write_atomic(&dir.join(FILE), text.as_bytes())?)
    }
}

/// Name of array file number `shard` within its folder.
pub(crate) fn shard_name(shard: usize) -> String {
    format!("{shard:05}.npy")
}
