//! A tokenizer on disk: `codec.toml` (kind, hash, settings, statistics) and `codebooks.safetensors`
//! (`codebooks` `[K, C, D]`, `mean` `[D]`, `scale` `[D]`, float32).
//!
//! The hash covers kind, settings, statistics and every bit of the tensors; [`open`] computes it anew. Nothing read is trusted: sizes are
//! bounded before anything is allocated, and whatever is wrong is one sentence.

use std::path::Path;

use files::{ContentHash, Hasher};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

use crate::quantiser::{Codebook, ResidualQuantiser};
use crate::standardisation::Standardisation;
use crate::tensor_file::{TensorFile, read_bounded};
use crate::{CodecError, Depth, Encodec, FitSettings, FitStatistics, ResidualKMeans, Tokenizer};

/// `kind` of a [`ResidualKMeans`].
pub(crate) const RESIDUAL_KMEANS: &str = "residual-kmeans";

/// `kind` of an [`Encodec`].
pub(crate) const ENCODEC: &str = "encodec";

const DESCRIPTION: &str = "codec.toml";
const TENSORS: &str = "codebooks.safetensors";
const MAX_DESCRIPTION_BYTES: u64 = 1 << 20;
const MAX_HEADER_BYTES: u64 = 1 << 16;
/// Most elements of all codebooks together: 1 GiB of float32.
const MAX_ELEMENTS: usize = 1 << 28;

/// Opens the tokenizer at a path, whatever its kind; [`open_at`] chooses the bandwidth of an EnCodec model.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Tokenizer>, CodecError> {
    open_at(path, None)
}

/// Opens the tokenizer at a path, whatever its kind.
///
/// `codec.toml` in a directory states the kind. EnCodec is a Hugging Face directory or a checkpoint of the original package, see
/// [`Encodec::open`]; `kbps` or else a `codec.toml` of its own (`kind = "encodec"`, `codebooks = 8`) says how many codebooks it uses,
/// and without either it works at 6 kbit/s. Other kinds refuse a bandwidth.
pub fn open_at(path: impl AsRef<Path>, kbps: Option<f64>) -> Result<Box<dyn Tokenizer>, CodecError> {
    let path = path.as_ref();
    let depth = kbps.map(Depth::Bandwidth);
    if path.is_file() || (path.is_dir() && !path.join(DESCRIPTION).is_file()) {
        return Ok(Box::new(Encodec::open(path, depth.unwrap_or_default())?));
    }
    let text = description(path)?;
    match kind(path, &text)?.as_str() {
        RESIDUAL_KMEANS if kbps.is_some() => Err(CodecError::NoBandwidth { path: path.into() }),
        RESIDUAL_KMEANS => Ok(Box::new(ResidualKMeans::read(path, &text)?)),
        ENCODEC => {
            let stated: EncodecDescription = toml::from_str(&text).map_err(|error| CodecError::Unusable {
                file: path.join(DESCRIPTION),
                reason: one_line(&error),
            })?;
            Ok(Box::new(Encodec::open(path, depth.unwrap_or(Depth::Codebooks(stated.codebooks)))?))
        }
        other => {
            let file = path.join(DESCRIPTION);
            Err(CodecError::UnknownKind {
                file,
                kind: other.into(),
                known: "`residual-kmeans` and `encodec`",
            })
        }
    }
}

/// `codec.toml` of a residual k-means tokenizer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    kind: String,
    hash: String,
    settings: FitSettings,
    statistics: FitStatistics,
}

/// `codec.toml` beside the files of an EnCodec model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncodecDescription {
    #[serde(rename = "kind")]
    _kind: String,
    codebooks: usize,
}

impl ResidualKMeans {
    /// Writes the tokenizer as the directory `dir`, wholly or not at all; one that was there is replaced.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<(), CodecError> {
        let dir = dir.as_ref();
        let hash = self.content_hash().to_string();
        let (settings, statistics) = (self.settings, self.statistics.clone());
        let description = Description { kind: RESIDUAL_KMEANS.into(), hash, settings, statistics };
        let text = toml::to_string(&description).map_err(|error| CodecError::Unusable {
            file: dir.join(DESCRIPTION),
            reason: format!("its content has no TOML form ({error})"),
        })?;
        let bytes: Vec<(&str, Vec<usize>, Vec<u8>)> = self
            .tensors()
            .into_iter()
            .map(|(name, shape, elements)| {
                (name, shape, elements.iter().flat_map(|x| x.to_le_bytes()).collect())
            })
            .collect();
        let unwritable = |error: safetensors::SafeTensorError| CodecError::Unusable {
            file: dir.join(TENSORS),
            reason: format!("the tensors have no safetensors form ({error})"),
        };
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unwritable)?;
        let file = safetensors::serialize(views, None).map_err(unwritable)?;
        refuse_occupied(dir)?;
        files::replace_directory(dir, |staging| {
            files::write_atomic(&staging.join(TENSORS), &file)?;
            files::write_atomic(&staging.join(DESCRIPTION), text.as_bytes())?;
            Ok(())
        })
    }

    /// Opens a tokenizer that [`ResidualKMeans::save`] wrote; [`open`] when the kind is not known.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, CodecError> {
        let dir = dir.as_ref();
        let text = description(dir)?;
        match kind(dir, &text)?.as_str() {
            RESIDUAL_KMEANS => Self::read(dir, &text),
            other => {
                let file = dir.join(DESCRIPTION);
                Err(CodecError::UnknownKind { file, kind: other.into(), known: "`residual-kmeans` here" })
            }
        }
    }

    fn read(dir: &Path, text: &str) -> Result<Self, CodecError> {
        let description_file = dir.join(DESCRIPTION);
        let unusable = |reason| CodecError::Unusable { file: description_file.clone(), reason };
        let Description { hash: stated, settings, statistics, .. } =
            toml::from_str(text).map_err(|error| unusable(one_line(&error)))?;
        settings.check().map_err(|error| unusable(error.to_string()))?;
        let (n_codebooks, n_entries, dims) = (settings.codebooks, settings.entries, settings.features.bins());
        let n_elements = n_codebooks * n_entries * dims;
        if n_elements > MAX_ELEMENTS {
            return Err(unusable(format!(
                "its codebooks would have {n_elements} elements, above {MAX_ELEMENTS}"
            )));
        }
        if statistics.codebook.len() != n_codebooks {
            let n = statistics.codebook.len();
            return Err(unusable(format!(
                "it has statistics of {n} codebooks and settings of {n_codebooks}"
            )));
        }

        let needed_bytes = ((n_elements + 2 * dims) * size_of::<f32>()) as u64;
        let file = TensorFile::open(&dir.join(TENSORS), needed_bytes + MAX_HEADER_BYTES)?;
        let names = file.names()?;
        if let Some(extra) =
            names.iter().find(|name| !["codebooks", "mean", "scale"].contains(&name.as_str()))
        {
            return Err(file.unusable(format!("it holds tensor `{extra}`, which no tokenizer has")));
        }
        let codebooks = file.tensor("codebooks", &[n_codebooks, n_entries, dims])?;
        let (mean, scale) = (file.tensor("mean", &[dims])?, file.tensor("scale", &[dims])?);
        if let Some(at) = scale.iter().position(|&x| x <= 0.0) {
            return Err(file.unusable(format!("element {at} of tensor `scale` is not above 0")));
        }
        let codebooks =
            codebooks.chunks_exact(n_entries * dims).map(|entries| Codebook::new(entries.to_vec(), dims));
        let quantiser = ResidualQuantiser::new(codebooks.collect(), dims);
        let this = Self::assemble(settings, statistics, Standardisation { mean, scale }, quantiser)?;
        let found = this.content_hash().to_string();
        if found != stated {
            return Err(CodecError::Hash { dir: dir.into(), found, stated });
        }
        Ok(this)
    }

    /// SHA-256 of everything that makes the tokenizer.
    pub(crate) fn content_hash(&self) -> ContentHash {
        let mut hasher = Hasher::default();
        hasher.part(RESIDUAL_KMEANS).part("1");
        // Debug forms of numbers are exact: two settings or statistics that differ at all differ here.
        hasher.part(format!("{:?}", self.settings)).part(format!("{:?}", self.statistics));
        hasher.part(self.extractor().definition());
        for (name, shape, elements) in self.tensors() {
            let bytes: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
            hasher.part(name).part(format!("{shape:?}")).part(bytes);
        }
        hasher.finish()
    }

    fn tensors(&self) -> [(&'static str, Vec<usize>, Vec<f32>); 3] {
        let Standardisation { mean, scale } = &self.standardisation;
        let codebooks = self.quantiser.codebooks();
        let entries: Vec<f32> = codebooks.iter().flat_map(Codebook::entries).copied().collect();
        let shape = vec![codebooks.len(), self.quantiser.n_entries(), mean.len()];
        [
            ("codebooks", shape, entries),
            ("mean", vec![mean.len()], mean.clone()),
            ("scale", vec![scale.len()], scale.clone()),
        ]
    }
}

/// Only a directory of a fitted tokenizer, or an empty one, is replaced.
fn refuse_occupied(dir: &Path) -> Result<(), CodecError> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(files::FilesError::io("list", dir))?,
    };
    for entry in entries {
        let name = entry.map_err(files::FilesError::io("list", dir))?.file_name();
        let name = name.to_string_lossy();
        if ![DESCRIPTION, TENSORS].contains(&&*name) && !name.starts_with(files::UNFINISHED) {
            return Err(CodecError::Occupied { dir: dir.into(), found: name.into_owned() });
        }
    }
    Ok(())
}

/// The text of `codec.toml`.
fn description(dir: &Path) -> Result<String, CodecError> {
    files::recover_directory(dir)?;
    let file = dir.join(DESCRIPTION);
    if !file.is_file() {
        return Err(CodecError::NoTokenizer { dir: dir.into(), wanted: "no `codec.toml` in it" });
    }
    String::from_utf8(read_bounded(&file, MAX_DESCRIPTION_BYTES)?)
        .map_err(|_| CodecError::Unusable { file, reason: "it is not UTF-8 text".into() })
}

/// The `kind` that `codec.toml` states.
fn kind(dir: &Path, text: &str) -> Result<String, CodecError> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    toml::from_str::<Kind>(text)
        .map(|stated| stated.kind)
        .map_err(|error| CodecError::Unusable { file: dir.join(DESCRIPTION), reason: one_line(&error) })
}

/// What a TOML error says, without its picture of the line.
fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().collect::<Vec<_>>().join(" ")
}
