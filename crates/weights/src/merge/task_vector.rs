//! Task vectors as files: adapted weights minus base weights, with the hash of the base they belong to.
//!
//! τ = θ − θ_b per tensor, in float32, as a merge takes it: merging a vector gives bit for bit what merging its model gives. A directory
//! holds `vector.safetensors`, configuration, history and card, and cannot be taken for a model. Source: Ilharco 2023.

use std::collections::BTreeMap;
use std::path::Path;

use files::{ContentHash, Hasher};
use serde::Serialize;

use super::MergePlan;
use super::directories::{parent_of, same_architecture};
use super::run::Sources;
use crate::model::{replace_directory, write_vector_texts};
use crate::tensors::{VECTOR_BASE, hash_tensor};
use crate::{
    Card, Dtype, Lineage, ModelDirectory, SafetensorsWriter, TensorInfo, TensorSource, VectorOrigin,
    WeightsError, open_source,
};

/// The tensors of a task vector's directory.
pub(crate) const VECTOR: &str = "vector.safetensors";

/// What a task vector is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VectorReport {
    /// Number of tensors.
    pub n_tensors: usize,
    /// Number of their elements.
    pub n_parameters: usize,
    /// Elements that differ from the base.
    pub n_moved: usize,
    /// ‖τ‖₂.
    pub norm: f64,
    /// Content hash of the base.
    pub base: String,
    /// Content hash of the adapted model.
    pub model: String,
    /// Content hash of the vector.
    pub content_hash: String,
}

/// Writes the task vector of a model directory, wholly or not at all. Heads of pre-training are left out.
pub fn write_task_vector(base: &Path, model: &Path, out: &Path) -> Result<VectorReport, WeightsError> {
    let (base, model) = (ModelDirectory::open(base)?, ModelDirectory::open(model)?);
    same_architecture(&base, &model)?;
    let (base_view, model_view) = (base.place()?.encoder, model.place()?.encoder);
    let difference = Difference::new(&base_view, &model_view)?;
    let origin = VectorOrigin {
        base: parent_of(&base, difference.base_hash.to_string()),
        model: parent_of(&model, difference.model_hash.to_string()),
    };
    let inherited = model.lineage().cloned().unwrap_or_else(Lineage::new);
    let lineage = Lineage { licence: None, vector: Some(origin), ..inherited };
    let name = out.file_name().map_or_else(|| "vector".into(), |name| name.to_string_lossy().into_owned());
    let summary = format!("Task vector: {} minus {}.", model.name(), base.name());
    let mut report = None;
    replace_directory(out, |staging| {
        let (made, hash) = difference.write(&staging.join(VECTOR))?;
        let card = Card::new(name, summary);
        write_vector_texts(staging, model.config(), &lineage, &card, hash, made.n_parameters)?;
        report = Some(made);
        Ok(())
    })?;
    report.ok_or_else(|| WeightsError::Plan("no task vector was written".into()))
}

/// Writes the task vector of a safetensors file or checkpoint as a safetensors file.
pub fn write_task_vector_file(base: &Path, model: &Path, out: &Path) -> Result<VectorReport, WeightsError> {
    let (base, model) = (open_source(base)?, open_source(model)?);
    Difference::new(base.as_ref(), model.as_ref())?.write(out).map(|(report, _)| report)
}

/// Two models with the same tensors.
struct Difference<'a> {
    base: &'a dyn TensorSource,
    model: &'a dyn TensorSource,
    infos: BTreeMap<String, TensorInfo>,
    base_hash: ContentHash,
    model_hash: ContentHash,
}

impl<'a> Difference<'a> {
    fn new(base: &'a dyn TensorSource, model: &'a dyn TensorSource) -> Result<Self, WeightsError> {
        for source in [base, model] {
            if source.vector_base().is_some() {
                let reason = format!("`{}` is a task vector already; two models are needed", source.place());
                return Err(WeightsError::Plan(reason));
            }
        }
        let (base_name, model_name) = (base.place(), model.place());
        if base_name == model_name {
            return Err(WeightsError::Plan(format!("`{base_name}` is both base and model")));
        }
        let plan = MergePlan::task_arithmetic(base_name, &[model_name], 1.0);
        let infos = Sources::new(&plan, Some(base), &[model])?.infos;
        let infos = infos
            .into_iter()
            .map(|(name, info)| (name, TensorInfo { dtype: Dtype::Float32, shape: info.shape }));
        let (base_hash, model_hash) = (base.content_hash()?, model.content_hash()?);
        Ok(Self { base, model, infos: infos.collect(), base_hash, model_hash })
    }

    fn write(&self, path: &Path) -> Result<(VectorReport, ContentHash), WeightsError> {
        let metadata =
            [(VECTOR_BASE, self.base_hash.to_string()), ("task_vector_model", self.model_hash.to_string())];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        let mut writer = SafetensorsWriter::create(path, &self.infos, &metadata)?;
        let mut hasher = Hasher::default();
        let (mut n_parameters, mut n_moved, mut squares) = (0, 0, 0.0f64);
        // All are float32, so the order of the names is that of the file.
        for name in self.infos.keys() {
            let (base, mut tensor) = (self.base.read(name)?, self.model.read(name)?);
            tensor.data.iter_mut().zip(&base.data).for_each(|(x, b)| *x -= b);
            if let Some(position) = tensor.data.iter().position(|x| !x.is_finite()) {
                let at_fault = if base.data[position].is_finite() { self.model } else { self.base };
                let (model, tensor) = (at_fault.place(), name.clone());
                return Err(WeightsError::NotFinite { model, tensor, position });
            }
            n_parameters += tensor.data.len();
            n_moved += tensor.data.iter().filter(|&&x| x != 0.0).count();
            squares += tensor.data.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
            hash_tensor(&mut hasher, name, &tensor);
            writer.push(name, &tensor)?;
        }
        writer.finish()?;
        let hash = hasher.finish();
        let report = VectorReport {
            n_tensors: self.infos.len(),
            n_parameters,
            n_moved,
            norm: squares.sqrt(),
            base: self.base_hash.to_string(),
            model: self.model_hash.to_string(),
            content_hash: hash.to_string(),
        };
        Ok((report, hash))
    }
}
