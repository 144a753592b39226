//! Model directories: what plain `transformers` loads, with heads, lineage and card beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use files::{ContentHash, FilesError, Hasher};
use serde_json::{Value, json};

use super::{
    Adapted, Canonical, Card, Lineage, LoadReport, ModelShape, Placed, adapt, place, replace_directory,
};
use crate::{SafetensorsFile, TensorInfo, TensorSource, Tensors, WeightsError, open_source, write_source};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const HEADS: &str = "heads.safetensors";
const PREPROCESSOR: &str = "preprocessor_config.json";
const LINEAGE: &str = "culturemert.toml";
const CARD: &str = "README.md";
/// fairseq's configuration of a model that was converted, as JSON.
const FAIRSEQ: &str = "fairseq.json";
/// Texts of a model directory are short; a longer one is something else.
const LONGEST_TEXT: u64 = 1 << 20;

/// An open model directory. Tensors stay on disk until they are asked for.
pub struct ModelDirectory {
    dir: PathBuf,
    config: Value,
    weights: Box<dyn TensorSource>,
    heads: Option<SafetensorsFile>,
    preprocessor: Option<Value>,
    lineage: Option<Lineage>,
    fairseq: Option<Value>,
}

impl ModelDirectory {
    /// Opens a directory and checks its texts and headers.
    pub fn open(dir: &Path) -> Result<Self, WeightsError> {
        files::recover_directory(dir)?;
        let config = read_json(&dir.join(CONFIG))?;
        ModelShape::from_config(&config, &dir.display().to_string())?;
        let weights = open_source(dir)?;
        let heads = dir.join(HEADS);
        let heads = heads.exists().then(|| SafetensorsFile::open(&heads)).transpose()?;
        let json = |name: &str| {
            let path = dir.join(name);
            path.exists().then(|| read_json(&path)).transpose()
        };
        let (preprocessor, fairseq) = (json(PREPROCESSOR)?, json(FAIRSEQ)?);
        let lineage = dir.join(LINEAGE);
        let lineage = lineage.exists().then(|| read_lineage(&lineage)).transpose()?;
        Ok(Self { dir: dir.into(), config, weights, heads, preprocessor, lineage, fairseq })
    }

    /// Writes a model directory, wholly or not at all; a model directory that was there is replaced.
    ///
    /// The tensors must be exactly those that `HubertModel` of this configuration has, so that it loads with no missing and no
    /// unexpected key. They keep their types, and are read one at a time.
    pub fn write(dir: &Path, model: &ModelFiles<'_>) -> Result<ContentHash, WeightsError> {
        model.lineage.check_claim()?;
        let n_parameters = check(model, &dir.display().to_string())?;
        let hash = model.tensors.content_hash()?;
        replace_directory(dir, |staging| {
            write_source(&staging.join(WEIGHTS), model.tensors, &BTreeMap::new())?;
            if let Some(heads) = model.heads.filter(|heads| !heads.infos().is_empty()) {
                write_source(&staging.join(HEADS), heads, &BTreeMap::new())?;
            }
            if let Some(fairseq) = model.fairseq {
                files::write_json(&staging.join(FAIRSEQ), &pretty(fairseq))?;
            }
            write_texts(
                staging,
                model.config,
                model.lineage,
                model.card,
                model.preprocessor,
                hash,
                n_parameters,
            )
        })?;
        Ok(hash)
    }

    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Name of the directory.
    pub fn name(&self) -> String {
        let absolute = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        absolute.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
    }

    /// `config.json`.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// The weights as they lie on disk, under the names of their files.
    pub fn source(&self) -> &dyn TensorSource {
        self.weights.as_ref()
    }

    /// `preprocessor_config.json`, where there is one.
    pub fn preprocessor(&self) -> Option<&Value> {
        self.preprocessor.as_ref()
    }

    /// `culturemert.toml`, where there is one.
    pub fn lineage(&self) -> Option<&Lineage> {
        self.lineage.as_ref()
    }

    /// fairseq's configuration, where the model was converted from a checkpoint of fairseq.
    pub fn fairseq(&self) -> Option<&Value> {
        self.fairseq.as_ref()
    }

    /// Encoder and heads under their canonical names, still on disk and in the types they have there.
    pub fn place(&self) -> Result<Placed<'_>, WeightsError> {
        let mut placed = place(self.source(), &self.config)?;
        if let Some(heads) = &self.heads {
            placed.heads = Canonical::whole(heads);
            placed.report.heads = heads.infos().into_keys().collect();
        }
        Ok(placed)
    }

    /// The encoder under its canonical names, or the tensors of a task vector, still on disk.
    pub(crate) fn encoder_or_vector(&self) -> Result<Canonical<'_>, WeightsError> {
        if self.weights.vector_base().is_some() {
            return Ok(Canonical::whole(self.source()));
        }
        self.place().map(|placed| placed.encoder)
    }

    /// The encoder under its canonical names, strictly: nothing missing. Heads that lie in the weights are given too.
    pub fn load(&self) -> Result<Adapted, WeightsError> {
        adapt(self.source(), &self.config)
    }

    /// The encoder under its canonical names, and what became of each tensor.
    pub fn tensors(&self) -> Result<(Tensors, LoadReport), WeightsError> {
        self.load().map(|adapted| (adapted.encoder, adapted.report))
    }

    /// The heads of pre-training, from `heads.safetensors` or, in a converted checkpoint, from the weights themselves.
    pub fn heads(&self) -> Result<Option<Tensors>, WeightsError> {
        match &self.heads {
            Some(heads) => heads.read_all().map(Some),
            None => Ok(Some(self.load()?.heads).filter(|heads| !heads.is_empty())),
        }
    }

    /// Hash over names, shapes and values of the encoder, whatever its files call them. Configuration and heads do not enter.
    pub fn content_hash(&self) -> Result<ContentHash, WeightsError> {
        self.place()?.encoder.content_hash()
    }

    /// Hash over encoder and configuration: two models of one identity compute the same. For keys of caches.
    pub fn identity(&self) -> Result<ContentHash, WeightsError> {
        Ok(identity(&self.config, self.content_hash()?))
    }

    /// Licences that hold for the model: what its lineage says, and where it has none, what its card states as such pages do.
    pub fn licences(&self) -> BTreeSet<String> {
        match &self.lineage {
            Some(lineage) => lineage.passed_on(),
            None => stated_licence(&self.dir).into_iter().collect(),
        }
    }

    /// Writes the card anew, for instance with results that were measured after the model was written.
    pub fn write_card(&self, card: &Card) -> Result<(), WeightsError> {
        let Some(lineage) = &self.lineage else {
            let place = self.dir.display().to_string();
            let reason = format!("it has no history in `{LINEAGE}` beside it, and its card is its authors'");
            return Err(WeightsError::Config { place, reason });
        };
        let infos = self.place()?.encoder.infos();
        let n_parameters = infos.values().filter_map(TensorInfo::n_elements).sum();
        let text = card.render(&self.config, lineage, n_parameters)?;
        Ok(files::write_atomic(&self.dir.join(CARD), text.as_bytes())?)
    }
}

/// Hash over a configuration and the content of an encoder: two models of one identity compute the same. For keys of caches.
pub fn identity(config: &Value, content: ContentHash) -> ContentHash {
    let mut hasher = Hasher::default();
    // A map of a BTreeMap: the order of the keys in the file does not matter.
    let keys: BTreeMap<&String, String> =
        config.as_object().into_iter().flatten().map(|(key, value)| (key, value.to_string())).collect();
    for (key, value) in keys {
        hasher.part(key).part(value);
    }
    hasher.part(content.to_string()).finish()
}

/// What the front matter of a card says its licence is: `license_name` where `license` is `other`.
fn stated_licence(dir: &Path) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct FrontMatter {
        license: Option<String>,
        license_name: Option<String>,
    }
    let text = read_text(&dir.join(CARD)).ok()?;
    let front = text.trim_start_matches('\u{feff}').strip_prefix("---")?.split("\n---").next()?;
    let FrontMatter { license, license_name } = serde_norway::from_str(front).ok()?;
    let named = license_name.filter(|_| license.as_deref().is_none_or(|license| license == "other"));
    named.or(license).filter(|licence| !licence.trim().is_empty())
}

/// Everything that goes into a model directory.
#[derive(Clone, Copy)]
pub struct ModelFiles<'a> {
    /// The configuration; `model_type` and `architectures` are set to what plain transformers knows.
    pub config: &'a Value,
    /// The encoder under its canonical names: exactly the tensors the configuration asks for.
    pub tensors: &'a dyn TensorSource,
    /// The heads of pre-training, if they are kept.
    pub heads: Option<&'a dyn TensorSource>,
    /// History; its content hash is filled in.
    pub lineage: &'a Lineage,
    /// What the card says beyond the history.
    pub card: &'a Card,
    /// Preprocessing; [`preprocessor_config`] with MARBLE's normalisation when none is given.
    pub preprocessor: Option<&'a Value>,
    /// fairseq's configuration, if the model comes from there.
    pub fairseq: Option<&'a Value>,
}

/// Everything of a model directory but its tensors.
pub(crate) fn write_texts(
    dir: &Path,
    config: &Value,
    lineage: &Lineage,
    card: &Card,
    preprocessor: Option<&Value>,
    hash: ContentHash,
    n_parameters: usize,
) -> Result<(), WeightsError> {
    lineage.check_claim()?;
    let config = written_config(config);
    let lineage = Lineage { content_hash: hash.to_string(), ..lineage.clone() };
    let default = preprocessor_config(true);
    files::write_json(&dir.join(PREPROCESSOR), &pretty(preprocessor.unwrap_or(&default)))?;
    let text = card.render(&config, &lineage, n_parameters)?;
    write_history(dir, &config, &lineage, &text)
}

/// Everything of a task vector's directory but its tensors.
pub(crate) fn write_vector_texts(
    dir: &Path,
    config: &Value,
    lineage: &Lineage,
    card: &Card,
    hash: ContentHash,
    n_parameters: usize,
) -> Result<(), WeightsError> {
    let lineage = Lineage { content_hash: hash.to_string(), ..lineage.clone() };
    write_history(dir, &written_config(config), &lineage, &card.render_vector(&lineage, n_parameters))
}

fn write_history(dir: &Path, config: &Value, lineage: &Lineage, card: &str) -> Result<(), WeightsError> {
    files::write_json(&dir.join(CONFIG), &pretty(config))?;
    let toml = toml::to_string(lineage)
        .map_err(|error| WeightsError::malformed(&dir.join(LINEAGE), "TOML", error.to_string()))?;
    files::write_atomic(&dir.join(LINEAGE), toml.as_bytes())?;
    Ok(files::write_atomic(&dir.join(CARD), card.as_bytes())?)
}

/// A configuration as plain transformers reads it.
pub(crate) fn written_config(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(keys) = config.as_object_mut() {
        keys.insert("model_type".into(), "hubert".into());
        keys.insert("architectures".into(), json!(["HubertModel"]));
        // Code that travels with a released MERT would be asked for and is not needed.
        keys.remove("auto_map");
        keys.remove("_name_or_path");
    }
    config
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// The number of parameters, when the tensors are exactly those of the configuration.
fn check(model: &ModelFiles<'_>, place: &str) -> Result<usize, WeightsError> {
    let mut needed = ModelShape::from_config(model.config, place)?.tensors();
    let (mut unexpected, mut n_parameters) = (Vec::new(), 0);
    for (name, info) in model.tensors.infos() {
        match needed.remove(&name).filter(|_| info.dtype.is_float()) {
            None => unexpected.push(name),
            Some(shape) if shape == info.shape => n_parameters += info.n_elements().unwrap_or(0),
            Some(needed) => {
                let (place, tensor, found) = (place.to_owned(), name, info.shape);
                return Err(WeightsError::Shape { place, tensor, found, needed });
            }
        }
    }
    if needed.is_empty() && unexpected.is_empty() {
        return Ok(n_parameters);
    }
    Err(WeightsError::Names { place: place.into(), missing: needed.into_keys().collect(), unexpected })
}

/// `preprocessor_config.json` of 24 kHz mono audio; `do_normalize` as MARBLE forces it, or off as pre-training has it.
pub fn preprocessor_config(do_normalize: bool) -> Value {
    json!({
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "do_normalize": do_normalize,
        "feature_size": 1,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": true,
        "sampling_rate": 24_000,
    })
}

pub(crate) fn read_text(path: &Path) -> Result<String, WeightsError> {
    let length = fs::metadata(path).map_err(FilesError::io("open", path))?.len();
    if length > LONGEST_TEXT {
        return Err(WeightsError::malformed(path, "text", format!("it has {length} bytes")));
    }
    Ok(fs::read_to_string(path).map_err(FilesError::io("read", path))?)
}

pub(crate) fn read_json(path: &Path) -> Result<Value, WeightsError> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|error| WeightsError::malformed(path, "JSON", error.to_string()))
}

fn read_lineage(path: &Path) -> Result<Lineage, WeightsError> {
    toml::from_str(&read_text(path)?)
        .map_err(|error| WeightsError::malformed(path, "a lineage", error.to_string()))
}
