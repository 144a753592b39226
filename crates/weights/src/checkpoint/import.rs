//! From any checkpoint to a model directory.

use std::path::Path;

use serde_json::Value;

use super::{TorchCheckpoint, hf_config};
use crate::model::Canonical;
use crate::tensors::is_torch;
use crate::{
    Adapted, Card, Lineage, LoadReport, ModelDirectory, ModelFiles, ParentModel, Tensor, TensorSource,
    Tensors, WeightsError, adapt, open_source,
};

const PROJECTION: &str = "feature_projection.projection";

/// A checkpoint in our terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The configuration: as given, or the checkpoint's own.
    pub config: Value,
    /// Encoder, heads, and what became of each tensor.
    pub adapted: Adapted,
    /// Classes of objects in the checkpoint that were not looked into.
    pub skipped: Vec<String>,
}

/// Reads a checkpoint of fairseq or Hugging Face, torch or safetensors. A fairseq checkpoint brings its configuration; for others
/// it is given, or lies beside the file as `config.json`.
pub fn import_checkpoint(path: &Path, config: Option<&Value>) -> Result<Imported, WeightsError> {
    if path.is_dir() {
        let model = ModelDirectory::open(path)?;
        let mut adapted = model.load()?;
        if let Some(heads) = model.heads()? {
            adapted.heads = heads;
        }
        return Ok(Imported { config: model.config().clone(), adapted, skipped: Vec::new() });
    }
    let place = path.display().to_string();
    let (source, own, skipped): (Box<dyn TensorSource>, Option<Value>, Vec<String>) = if is_torch(path)? {
        let checkpoint = TorchCheckpoint::open(path)?;
        let own = checkpoint.json("/cfg/model").filter(Value::is_object);
        let own = own.map(|model| hf_config(&model, &place)).transpose()?;
        let skipped = checkpoint.skipped().to_vec();
        (Box::new(checkpoint.into_state_dict()), own, skipped)
    } else {
        (open_source(path)?, None, Vec::new())
    };
    let beside = path.with_file_name("config.json");
    let config = match (config, own) {
        (Some(config), _) => config.clone(),
        (None, Some(own)) => own,
        (None, None) if beside.exists() => crate::model::read_json(&beside)?,
        (None, None) => {
            let reason = "the checkpoint brings none; give one, or lay it beside the file".into();
            return Err(WeightsError::Config { place, reason });
        }
    };
    let mut tensors = source.read_all()?;
    let added = add_identity_projection(&mut tensors, &config, &place);
    let mut adapted = adapt(&tensors, &config).map_err(|error| at_place(error, &place))?;
    if added {
        adapted.report.loaded.retain(|(name, _)| !name.starts_with(PROJECTION));
    }
    Ok(Imported { config, adapted, skipped })
}

/// fairseq leaves the projection out where front end and encoder have the same width; `HubertModel` never does.
fn add_identity_projection(tensors: &mut Tensors, config: &Value, place: &str) -> bool {
    let absent = Canonical::new(tensors, config).is_err()
        && !tensors.names().any(|name| name.contains("post_extract_proj") || name.contains(PROJECTION));
    let shape = crate::ModelShape::from_config(config, place).ok();
    let Some(shape) = shape.filter(|shape| absent && shape.conv_dim.last() == Some(&shape.hidden_size))
    else {
        return false;
    };
    let width = shape.hidden_size;
    let mut identity = vec![0.0; width * width];
    identity.iter_mut().step_by(width + 1).for_each(|x| *x = 1.0);
    tensors.insert(format!("{PROJECTION}.weight"), Tensor { shape: vec![width, width], data: identity });
    tensors.insert(format!("{PROJECTION}.bias"), Tensor { shape: vec![width], data: vec![0.0; width] });
    true
}

fn at_place(error: WeightsError, file: &str) -> WeightsError {
    match error {
        WeightsError::Names { missing, unexpected, .. } => {
            WeightsError::Names { place: file.into(), missing, unexpected }
        }
        WeightsError::Shape { tensor, found, needed, .. } => {
            WeightsError::Shape { place: file.into(), tensor, found, needed }
        }
        other => other,
    }
}

/// Writes a checkpoint as a model directory, heads included, and says what became of its tensors.
pub fn convert_to_hf(path: &Path, config: Option<&Value>, out: &Path) -> Result<LoadReport, WeightsError> {
    let Imported { config, adapted, .. } = import_checkpoint(path, config)?;
    let name = path.file_stem().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
    let hash = adapted.encoder.content_hash().to_string();
    let base = ParentModel { name: name.clone(), hash, licence: None };
    let lineage = Lineage { base: Some(base), ..Lineage::new() };
    let card = Card::new(name, "Converted from a checkpoint; its weights are unchanged.");
    let files = ModelFiles {
        config: &config,
        tensors: &adapted.encoder,
        heads: Some(&adapted.heads),
        lineage: &lineage,
        card: &card,
        preprocessor: None,
    };
    ModelDirectory::write(out, &files)?;
    Ok(adapted.report)
}
