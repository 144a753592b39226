//! What a study hears: data sets, corpora, tokenizers.

use std::path::PathBuf;

use corpus::datasets::MtatSplit;
use serde::{Deserialize, Serialize};

/// A known data set and where it lies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataSetFile {
    /// Its short name, as `culturemert datasets` lists it.
    pub(crate) name: String,
    /// Folder of its recordings; empty: to be given.
    pub(crate) folder: PathBuf,
    /// Folder of its split and tag files, where it is not the study's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<PathBuf>,
    /// Go on where recordings or tags are missing; the results are marked.
    pub(crate) allow_missing: bool,
    /// Split of MagnaTagATune: `ccml` or `jongpillee`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) split: String,
}

impl DataSetFile {
    /// The split, if there is one of that name.
    pub(crate) fn mtat_split(&self) -> Result<MtatSplit, String> {
        if self.split.is_empty() { Ok(MtatSplit::default()) } else { self.split.parse() }
    }
}

/// A corpus: exactly one of `synth`, `index`, `gather` and `prepared` says where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CorpusFile {
    /// Its name in the study.
    pub(crate) name: String,
    /// Made by the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) synth: Option<SynthFile>,
    /// An index file of recordings, or a folder with a folder a culture; empty: to be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<PathBuf>,
    /// Folders that recordings of the index may lie in besides its own.
    pub(crate) audio_roots: Vec<PathBuf>,
    /// Hours of the training splits of data sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gather: Option<GatherFile>,
    /// A prepared corpus; it is read and not written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prepared: Option<PathBuf>,
}

/// The built-in corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SynthFile {
    /// Minutes of each tradition.
    pub(crate) minutes: f64,
    /// Seconds of a piece.
    pub(crate) piece_seconds: f64,
}

/// Hours of data sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatherFile {
    /// The sets.
    pub(crate) sets: Vec<GatherSetFile>,
    /// Minutes of each set held out beyond its hours, to watch the loss on.
    #[serde(default = "ten")]
    pub(crate) held_out_minutes: f64,
}

fn ten() -> f64 {
    10.0
}

/// A data set of which hours are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatherSetFile {
    /// One of the study's data sets.
    pub(crate) dataset: String,
    /// Hours of it; without, the paper's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hours: Option<f64>,
}

/// A tokenizer: exactly one of `fit` and `encodec`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenizerFile {
    /// Its name in the study.
    pub(crate) name: String,
    /// Corpus it is fitted to; the first where none is named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) corpus: String,
    /// Cultures it is fitted to; none: all of them.
    pub(crate) cultures: Vec<String>,
    /// Residual k-means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fit: Option<FitFile>,
    /// An EnCodec model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encodec: Option<EncodecFile>,
}

/// Settings of residual k-means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FitFile {
    pub(crate) codebooks: usize,
    pub(crate) entries: usize,
    /// Frames it is fitted to.
    pub(crate) max_frames: usize,
}

/// An EnCodec model on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncodecFile {
    /// Its folder or file; empty: to be given.
    pub(crate) folder: PathBuf,
    /// Bandwidth, kbit/s.
    pub(crate) bandwidth: f64,
    /// Codebooks at that bandwidth.
    pub(crate) codebooks: usize,
    /// Entries of each.
    pub(crate) entries: usize,
}
