//! Codes of a corpus: what a tokenizer makes of every clip, once.
//!
//! `codes/<tokenizer hash>/00000.npy` holds the codes of all clips of audio shard 0, one after the other, uint16 `[frames, K]`;
//! a clip of `n` samples has `ceil(n / 320)` frames. `codes.toml`, written last, says what they are and of which clips.

mod reader;
mod writer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::manifest::shard_name;
use crate::prepare::CODES;
use crate::{Corpus, CorpusError, links};

pub use reader::CodesReader;
pub use writer::{CodesWriter, ShardCodesWriter};

/// What the codes of one tokenizer are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodesHeader {
    /// Hash of the tokenizer, small hexadecimal digits; names the folder.
    pub tokenizer: String,
    /// What people call it.
    pub name: String,
    /// Codebooks `K`.
    pub n_codebooks: usize,
    /// Entries of a codebook; every code is below.
    pub n_entries: usize,
}

/// `codes.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodesManifest {
    schema: u32,
    /// SHA-256 of the `clips.jsonl` and of the arrays that the codes were made of.
    corpus: String,
    header: CodesHeader,
    #[serde(default)]
    shards: Vec<CodesShard>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodesShard {
    frames: u64,
    sha256: String,
}

const SCHEMA: u32 = 1;
const MANIFEST: &str = "codes.toml";

impl CodesHeader {
    fn check(&self) -> Result<(), CorpusError> {
        let fail = |reason: String| Err(CorpusError::Codes { tokenizer: self.tokenizer.clone(), reason });
        if let Some(reason) = fault_of_name(&self.tokenizer) {
            return fail(reason);
        }
        if !(1..=1024).contains(&self.n_codebooks) {
            return fail(format!("{} codebooks are not between 1 and 1024", self.n_codebooks));
        }
        if !(1..=1 << 16).contains(&self.n_entries) {
            return fail(format!("{} entries are not between 1 and 65536", self.n_entries));
        }
        Ok(())
    }
}

/// What is wrong with a tokenizer's hash as the name of a folder.
fn fault_of_name(tokenizer: &str) -> Option<String> {
    let is_hex = tokenizer.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (!is_hex || !(8..=64).contains(&tokenizer.len()))
        .then(|| "a hash has 8 to 64 small hexadecimal digits".into())
}

fn folder(corpus: &Corpus, tokenizer: &str) -> Result<PathBuf, CorpusError> {
    let codes = corpus.codes_dir().join(CODES);
    links::refuse(corpus.codes_dir(), [CODES])?;
    links::refuse(&codes, [tokenizer])?;
    let folder = codes.join(tokenizer);
    links::refuse(&folder, (0..corpus.n_shards()).map(shard_name))?;
    links::refuse(&folder, [MANIFEST])?;
    Ok(folder)
}

/// Tokenizers whose codes are whole: the folders that have a manifest.
pub(crate) fn finished(corpus: &Corpus) -> Result<Vec<String>, CorpusError> {
    let folder = corpus.codes_dir().join(CODES);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(files::FilesError::io("list", &folder))?,
    };
    let mut hashes = Vec::new();
    for entry in entries {
        let entry = entry.map_err(files::FilesError::io("list", &folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if fault_of_name(&name).is_none() && entry.path().join(MANIFEST).is_file() {
            hashes.push(name);
        }
    }
    hashes.sort();
    Ok(hashes)
}

/// Clips of each shard, as ranges of positions in `corpus.clips()`.
fn clips_by_shard(corpus: &Corpus) -> Vec<std::ops::Range<usize>> {
    let clips = corpus.clips();
    let first_from = |shard: usize| clips.partition_point(|clip| clip.shard < shard);
    (0..corpus.n_shards()).map(|shard| first_from(shard)..first_from(shard + 1)).collect()
}

fn read_manifest(folder: &Path) -> Result<Option<CodesManifest>, CorpusError> {
    let file = folder.join(MANIFEST);
    let text = match std::fs::read_to_string(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(files::FilesError::io("read", &file))?,
    };
    let manifest: CodesManifest =
        toml::from_str(&text).map_err(|error| CorpusError::damaged(&file, error.message()))?;
    if manifest.schema != SCHEMA {
        let reason = format!("its schema is {}, this program reads {SCHEMA}", manifest.schema);
        return Err(CorpusError::damaged(file, reason));
    }
    Ok(Some(manifest))
}
