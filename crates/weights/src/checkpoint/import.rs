//! Opening any checkpoint of a MERT model as encoder, heads and configuration, and writing it as a model directory.

use std::path::{Path, PathBuf};

use files::ContentHash;
use serde::Serialize;
use serde_json::Value;

use super::export::{KEPT, Kept};
use super::training_settings::training_settings;
use super::{TorchCheckpoint, TrainingSettings, hf_config};
use crate::tensors::is_torch;
use crate::{
    Adapted, Card, Lineage, LoadReport, ModelDirectory, ModelFiles, ModelShape, ParentModel, Placed,
    TensorSource, WeightsError, open_source, place,
};

/// An open checkpoint in our terms; its tensors are still on disk.
pub struct Imported {
    path: PathBuf,
    weights: Weights,
    /// The configuration: as given, or the checkpoint's own.
    pub config: Value,
    /// fairseq's whole configuration, in a checkpoint of fairseq or a model converted from one.
    pub fairseq: Option<Value>,
    /// What the checkpoint says about its training, in the keys of our plans.
    pub settings: TrainingSettings,
    /// What else it says that no plan of ours can, and what was set aside of it.
    pub notes: Vec<String>,
    /// Classes of objects in the checkpoint that were not looked into.
    pub skipped: Vec<String>,
    preprocessor: Option<Value>,
    /// History of the model, where it has one.
    pub lineage: Option<Lineage>,
}

enum Weights {
    Directory(Box<ModelDirectory>),
    File(Box<dyn TensorSource>),
}

/// Opens a checkpoint of fairseq or Hugging Face, torch or safetensors, or a model directory. A fairseq checkpoint and a directory
/// bring their configuration; for others it is given, or lies beside the file as `config.json`.
pub fn import_checkpoint(path: &Path, config: Option<&Value>) -> Result<Imported, WeightsError> {
    if path.is_dir() && config.is_none() {
        return ModelDirectory::open(path).map(Imported::of_directory);
    }
    if path.is_file() && is_torch(path)? {
        return Imported::of_torch(TorchCheckpoint::open(path)?, path, config);
    }
    let beside = path.with_file_name("config.json");
    let config = match config {
        Some(config) => config.clone(),
        None if beside.is_file() => crate::model::read_json(&beside)?,
        None => return Err(no_config(path)),
    };
    Ok(Imported::new(path, Weights::File(open_source(path)?), config))
}

impl Imported {
    fn new(path: &Path, weights: Weights, config: Value) -> Self {
        Self {
            path: path.into(),
            weights,
            config,
            fairseq: None,
            settings: TrainingSettings::default(),
            notes: Vec::new(),
            skipped: Vec::new(),
            preprocessor: None,
            lineage: None,
        }
    }

    fn of_directory(model: ModelDirectory) -> Self {
        let path = model.dir().to_owned();
        let (fairseq, preprocessor) = (model.fairseq().cloned(), model.preprocessor().cloned());
        let lineage = model.lineage().cloned();
        let settings = lineage.as_ref().map(|lineage| lineage.settings.clone()).unwrap_or_default();
        let config = model.config().clone();
        let new = Self::new(&path, Weights::Directory(Box::new(model)), config);
        Self { fairseq, settings, preprocessor, lineage, ..new }
    }

    fn of_torch(
        checkpoint: TorchCheckpoint,
        path: &Path,
        config: Option<&Value>,
    ) -> Result<Self, WeightsError> {
        let place = path.display().to_string();
        let cfg = fairseq_cfg(&checkpoint);
        let own = cfg.as_ref().map(|cfg| hf_config(&cfg["model"], &place)).transpose()?;
        let kept = checkpoint.json(KEPT).and_then(|kept| Kept::read(&kept));
        let skipped = checkpoint.skipped().to_vec();
        let weights = checkpoint.into_state_dict();
        let n_classes = weights.infos().get("label_embs_concat").map(|info| info.shape[0]);
        let beside = path.with_file_name("config.json");
        let mut notes = Vec::new();
        let (config, kept) = match (config, own) {
            (Some(config), _) => (config.clone(), None),
            (None, Some(own)) => {
                let kept = kept.filter(|kept| {
                    let agrees = same_shape(&kept.config, &own, &place);
                    if !agrees {
                        notes.push(
                            "what culturemert kept in `extra_state` contradicts `cfg` and is set aside"
                                .into(),
                        );
                    }
                    agrees
                });
                (kept.as_ref().map_or(own, |kept| kept.config.clone()), kept)
            }
            (None, None) if beside.is_file() => (crate::model::read_json(&beside)?, None),
            (None, None) => return Err(no_config(path)),
        };
        let mut new = Self::new(path, Weights::File(Box::new(weights)), config);
        if let Some(cfg) = &cfg {
            let (settings, beyond) = training_settings(cfg, n_classes);
            new.settings = settings;
            notes.extend(beyond.into_iter().map(|key| format!("no plan of ours has `{key}`")));
        }
        let mut fairseq = cfg;
        if let Some(Kept { preprocessor, lineage, is_translated, .. }) = kept {
            // We wrote it: what its `cfg` says was made from these, and where they say nothing, from defaults.
            new.settings = lineage.as_ref().map(|lineage| lineage.settings.clone()).unwrap_or_default();
            (new.preprocessor, new.lineage) = (preprocessor, lineage);
            fairseq = fairseq.filter(|_| !is_translated);
        }
        Ok(Self { fairseq, notes, skipped, ..new })
    }

    /// The file or directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Encoder and heads in their places, and what became of each tensor of the file.
    pub fn place(&self) -> Result<Placed<'_>, WeightsError> {
        match &self.weights {
            Weights::Directory(model) => model.place(),
            Weights::File(source) => place(source.as_ref(), &self.config),
        }
    }

    /// Encoder and heads in memory, as float32.
    pub fn adapt(&self) -> Result<Adapted, WeightsError> {
        let Placed { encoder, heads, report } = self.place()?;
        Ok(Adapted { encoder: encoder.read_all()?, heads: heads.read_all()?, report })
    }

    /// History of the model: its own, or that of a model which came from elsewhere.
    pub(crate) fn history(&self, hash: ContentHash) -> Lineage {
        let mut lineage = self.lineage.clone().unwrap_or_else(|| {
            // A model that came from elsewhere brings what its card states.
            let licences = match &self.weights {
                Weights::Directory(model) => model.licences().into_iter().collect(),
                Weights::File(_) => Vec::new(),
            };
            let base = ParentModel { name: self.name(), hash: hash.to_string(), licences };
            Lineage { base: Some(base), ..Lineage::new() }
        });
        lineage.settings = self.settings.clone();
        lineage
    }

    pub(crate) fn preprocessor(&self) -> Option<&Value> {
        self.preprocessor.as_ref()
    }

    fn name(&self) -> String {
        self.path.file_stem().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
    }
}

/// fairseq's configuration: `cfg`, or in older checkpoints the one namespace that holds all keys.
fn fairseq_cfg(checkpoint: &TorchCheckpoint) -> Option<Value> {
    if let Some(cfg) = checkpoint.json("/cfg").filter(|cfg| cfg["model"].is_object()) {
        return Some(cfg);
    }
    let flat = checkpoint.json("/args")?;
    let flat = flat.get("state").filter(|flat| flat["encoder_embed_dim"].is_number())?;
    Some(serde_json::json!({ "model": flat, "task": flat, "criterion": flat }))
}

/// Whether a configuration has the shape that fairseq's says, but for what fairseq has no key for.
fn same_shape(kept: &Value, own: &Value, place: &str) -> bool {
    let mut own = own.clone();
    for key in ["feat_proj_layer_norm", "mask_time_prob", "mask_feature_prob"] {
        own[key] = kept[key].clone();
    }
    let shape = |config| ModelShape::from_config(config, place).ok();
    shape(kept).is_some_and(|kept| shape(&own) == Some(kept))
}

fn no_config(path: &Path) -> WeightsError {
    let place = path.display().to_string();
    let reason = "the checkpoint brings none; give one with `--config`, or lay it beside the file".into();
    WeightsError::Config { place, reason }
}

/// What a conversion took and left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConvertReport {
    /// What became of each tensor.
    #[serde(flatten)]
    pub tensors: LoadReport,
    /// What the checkpoint says about its training, in the keys of our plans.
    pub settings: TrainingSettings,
    /// What else it says that was not carried over.
    pub notes: Vec<String>,
    /// Classes of objects that were not looked into.
    pub skipped: Vec<String>,
}

/// Writes a checkpoint as a model directory, heads included and every tensor in the type it has, and says what became of each.
pub fn convert_to_hf(path: &Path, config: Option<&Value>, out: &Path) -> Result<ConvertReport, WeightsError> {
    let imported = import_checkpoint(path, config)?;
    let Placed { encoder, heads, report } = imported.place()?;
    let lineage = imported.history(encoder.content_hash()?);
    let card = Card::new(imported.name(), "Converted from a checkpoint; its weights are unchanged.");
    let files = ModelFiles {
        config: &imported.config,
        tensors: &encoder,
        heads: Some(&heads),
        lineage: &lineage,
        card: &card,
        preprocessor: imported.preprocessor(),
        fairseq: imported.fairseq.as_ref(),
    };
    ModelDirectory::write(out, &files)?;
    let Imported { settings, notes, skipped, .. } = &imported;
    Ok(ConvertReport {
        tensors: report,
        settings: settings.clone(),
        notes: notes.clone(),
        skipped: skipped.clone(),
    })
}
