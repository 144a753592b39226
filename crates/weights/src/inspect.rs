//! What a model file is and what it holds.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::model::read_json;
use crate::tensors::is_torch;
use crate::{
    Dtype, Imported, Lineage, Place, RawTensor, SafetensorsFile, TensorInfo, TensorSource, TorchCheckpoint,
    TrainingSettings, Unused, WeightsError, import_checkpoint, locate, open_source,
};

const HEADS: &str = "heads.safetensors";

/// What a model file is and what it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listing {
    /// The file or directory.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// `safetensors`, `torch`, or `torch (legacy)`.
    pub format: &'static str,
    /// Elements of all tensors of floats.
    pub n_parameters: usize,
    /// Bytes of all tensors.
    pub n_bytes: usize,
    /// Number of tensors of each type.
    pub dtypes: BTreeMap<&'static str, usize>,
    /// Hash over names, shapes and values of all tensors of floats.
    pub content_hash: String,
    /// `config.json` of the model, fairseq's configuration, or the state of a run; as far as there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// How the model was trained, in the sections and keys of a plan, as far as that is known.
    #[serde(skip_serializing_if = "TrainingSettings::is_empty")]
    pub settings: TrainingSettings,
    /// What else it says about its training, that no plan can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// History of the model, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// Classes of objects in a torch checkpoint that were not looked into.
    pub skipped: Vec<String>,
    /// All tensors, by name.
    pub tensors: Vec<ListedTensor>,
}

/// What a model file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A directory that `transformers` loads, written by this program or not.
    ModelDirectory,
    /// A training checkpoint of fairseq.
    FairseqCheckpoint,
    /// A checkpoint of a run of this program.
    RunCheckpoint,
    /// Encoder weights under Hugging Face's names.
    HuggingFaceWeights,
    /// Encoder weights under fairseq's names.
    FairseqWeights,
    /// Differences of weights from a base.
    TaskVector,
    /// Heads of pre-training.
    Heads,
    /// A codec of the `EnCodec` family.
    Encodec,
    /// Tensors of something else.
    Tensors,
}

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedTensor {
    /// Its name; in a torch checkpoint the way to it.
    pub name: String,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Type of its elements.
    pub dtype: Dtype,
    /// SHA-256 of its bytes in C order, little-endian.
    pub sha256: String,
}

/// Lists a safetensors file, a torch checkpoint (with optimiser state and all), a model directory with its heads, or a checkpoint of a run.
pub fn inspect(path: &Path) -> Result<Listing, WeightsError> {
    let (mut source, mut format) = (None, "safetensors");
    let mut listing_of = Described::default();
    if path.is_file() && is_torch(path)? {
        let checkpoint = TorchCheckpoint::open(path)?;
        format = if checkpoint.is_legacy() { "torch (legacy)" } else { "torch" };
        listing_of.skipped = checkpoint.skipped().to_vec();
        if checkpoint.json("/cfg/model").is_some_and(|model| model.is_object()) {
            listing_of.config = checkpoint.json("/cfg");
            listing_of.kind = Some(Kind::FairseqCheckpoint);
        }
        source = Some(Box::new(checkpoint) as Box<dyn TensorSource>);
    }
    listing_of.describe(path)?;
    let source = match source {
        Some(source) => source,
        None => open_listed(path)?,
    };
    let infos: Vec<_> = source.infos().into_iter().collect();
    let listed = infos.into_par_iter().map(|(name, info)| {
        let sha256 = source.read_raw(&name)?.sha256().to_string();
        Ok(ListedTensor { name, shape: info.shape, dtype: info.dtype, sha256 })
    });
    let tensors = listed.collect::<Result<Vec<_>, WeightsError>>()?;
    let elements = |tensor: &ListedTensor| tensor.shape.iter().product::<usize>();
    let mut dtypes = BTreeMap::new();
    for tensor in &tensors {
        *dtypes.entry(tensor.dtype.name()).or_default() += 1;
    }
    let Described { kind, config, settings, notes, lineage, skipped } = listing_of;
    Ok(Listing {
        path: path.display().to_string(),
        kind: if source.vector_base().is_some() {
            Kind::TaskVector
        } else {
            kind.unwrap_or_else(|| kind_of(&tensors))
        },
        format,
        n_parameters: tensors.iter().filter(|tensor| tensor.dtype.is_float()).map(elements).sum(),
        n_bytes: tensors.iter().map(|tensor| elements(tensor) * tensor.dtype.size()).sum(),
        dtypes,
        content_hash: source.content_hash()?.to_string(),
        config,
        settings,
        notes,
        lineage,
        skipped,
        tensors,
    })
}

/// What a file says about itself, beside its tensors.
#[derive(Default)]
struct Described {
    kind: Option<Kind>,
    config: Option<Value>,
    settings: TrainingSettings,
    notes: Vec<String>,
    lineage: Option<Lineage>,
    skipped: Vec<String>,
}

impl Described {
    fn describe(&mut self, path: &Path) -> Result<(), WeightsError> {
        if is_run_checkpoint(path) {
            self.kind = Some(Kind::RunCheckpoint);
            self.config = Some(read_json(&path.join("state.json"))?);
            return Ok(());
        }
        let config = path.join("config.json");
        if config.is_file() {
            let config = read_json(&config)?;
            if config["model_type"] == "encodec" {
                (self.kind, self.config) = (Some(Kind::Encodec), Some(config));
                return Ok(());
            }
            self.kind = Some(Kind::ModelDirectory);
        }
        let describes_itself = matches!(self.kind, Some(Kind::ModelDirectory | Kind::FairseqCheckpoint));
        if !describes_itself {
            return Ok(());
        }
        // A checkpoint whose model ours cannot be is listed all the same, with the reason.
        match import_checkpoint(path, None) {
            Ok(imported) => {
                let Imported { config, settings, notes, lineage, .. } = imported;
                self.config.get_or_insert(config);
                (self.settings, self.lineage) = (settings, lineage);
                self.notes = notes;
            }
            Err(error) => self.notes.push(error.to_string()),
        }
        Ok(())
    }
}

/// What tensors of these names are.
fn kind_of(tensors: &[ListedTensor]) -> Kind {
    let has = |part: &str| tensors.iter().any(|tensor| tensor.name.contains(part));
    let places: Vec<Option<Place>> =
        tensors.iter().map(|tensor| locate(tensor.name.trim_start_matches('/'))).collect();
    let encoder = places.iter().filter(|place| matches!(place, Some(Place::Encoder(_)))).count();
    let heads = places.iter().filter(|place| matches!(place, Some(Place::Head(_)))).count();
    match (encoder, heads) {
        (0, 0) if has("quantizer.") => Kind::Encodec,
        (0, 0) => Kind::Tensors,
        (0, _) => Kind::Heads,
        _ if has("pos_conv.0.") || has("mask_emb") => Kind::FairseqWeights,
        _ => Kind::HuggingFaceWeights,
    }
}

fn is_run_checkpoint(path: &Path) -> bool {
    ["COMMIT", "state.json", "weights.safetensors"].iter().all(|name| path.join(name).is_file())
}

/// The tensors at `path` as they are listed and compared: with the heads of a model directory, and those of a run's checkpoint.
pub(crate) fn open_listed(path: &Path) -> Result<Box<dyn TensorSource>, WeightsError> {
    if is_run_checkpoint(path) {
        return Ok(Box::new(SafetensorsFile::open(&path.join("weights.safetensors"))?));
    }
    let (weights, heads) = (open_source(path)?, path.join(HEADS));
    if !heads.is_file() {
        return Ok(weights);
    }
    Ok(Box::new(Joined { weights, heads: SafetensorsFile::open(&heads)? }))
}

/// A model's weights and its heads as one.
struct Joined {
    weights: Box<dyn TensorSource>,
    heads: SafetensorsFile,
}

impl TensorSource for Joined {
    fn place(&self) -> String {
        self.weights.place()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        let mut infos = self.heads.infos();
        infos.extend(self.weights.infos());
        infos
    }

    fn set_aside(&self) -> Vec<Unused> {
        self.weights.set_aside()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        if self.weights.infos().contains_key(name) {
            self.weights.read_raw(name)
        } else {
            self.heads.read_raw(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tensor, Tensors, write_safetensors};

    #[test]
    fn a_listing_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.safetensors");
        let tensor = |data: &[f32]| Tensor { shape: vec![data.len()], data: data.to_vec() };
        let tensors: Tensors =
            [("x".into(), tensor(&[1.0])), ("y".into(), tensor(&[0.0, 1.0]))].into_iter().collect();
        write_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
        let listing = inspect(&path).unwrap();
        assert_eq!((listing.n_parameters, listing.n_bytes, listing.tensors.len()), (3, 12, 2));
        assert_eq!((listing.kind, listing.dtypes["float32"]), (Kind::Tensors, 2));
        assert_eq!(listing.tensors[0].sha256, files::hash_bytes(&1.0f32.to_le_bytes()).to_string());
    }
}
