//! Merging model directories and files on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use files::Hasher;
use rayon::prelude::*;
use serde::Serialize;

use super::MergePlan;
use super::run::{Sources, merge_checked};
use crate::model::{replace_directory, write_texts};
use crate::tensors::hash_tensor;
use crate::{
    Card, Dtype, Lineage, ModelDirectory, ModelShape, ParentModel, SafetensorsWriter, TensorInfo,
    TensorSource, WeightsError, open_source,
};

/// What a merge made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MergeReport {
    /// Number of merged tensors.
    pub n_tensors: usize,
    /// Number of their elements.
    pub n_parameters: usize,
    /// Tensors of whole numbers, taken over from the base (or the first model).
    pub copied: Vec<String>,
    /// Content hash of the merged tensors.
    pub content_hash: String,
}

/// Merges the encoders of model directories into a new one, with lineage and card. `models` are those of the plan, in its order.
/// All must be of one architecture; heads of pre-training do not survive a merge.
pub fn merge_directories(
    base: Option<&Path>,
    models: &[&Path],
    plan: &MergePlan,
    out: &Path,
) -> Result<MergeReport, WeightsError> {
    let base = base.filter(|_| plan.base_model.is_some()).map(ModelDirectory::open).transpose()?;
    let models = models.iter().map(|dir| ModelDirectory::open(dir)).collect::<Result<Vec<_>, _>>()?;
    let reference = base.as_ref().or(models.first());
    let reference = reference.ok_or_else(|| WeightsError::Plan("no models were given".into()))?;
    let everyone: Vec<&ModelDirectory> = base.iter().chain(&models).collect();
    for model in &everyone {
        same_architecture(reference, model)?;
    }
    let hashed = everyone.par_iter().map(|&model| Ok((model, model.content_hash()?.to_string())));
    let hashed = hashed.collect::<Result<Vec<_>, WeightsError>>()?;
    let lineage = lineage(plan, base.is_some(), &hashed);
    let encoder = |model| ModelDirectory::place(model).map(|placed| placed.encoder);
    let base_view = base.as_ref().map(encoder).transpose()?;
    let views = models.iter().map(encoder).collect::<Result<Vec<_>, _>>()?;
    let views: Vec<&dyn TensorSource> = views.iter().map(|view| view as &dyn TensorSource).collect();
    let sources = Sources::new(plan, base_view.as_ref().map(|view| view as &dyn TensorSource), &views)?;
    let name = out.file_name().map_or_else(|| "merged".into(), |name| name.to_string_lossy().into_owned());
    let card = Card::new(name, format!("Merged from {} models in weight space.", models.len()));
    let mut report = None;
    replace_directory(out, |staging| {
        let (made, hash) = write_merged(&sources, &staging.join("model.safetensors"))?;
        write_texts(
            staging,
            reference.config(),
            &lineage,
            &card,
            reference.preprocessor(),
            hash,
            made.n_parameters,
        )?;
        report = Some(made);
        Ok(())
    })?;
    report.ok_or_else(|| WeightsError::Plan("nothing was merged".into()))
}

/// Merges safetensors files into one; `models` are those of the plan, in its order.
pub fn merge_files(
    base: Option<&Path>,
    models: &[&Path],
    plan: &MergePlan,
    out: &Path,
) -> Result<MergeReport, WeightsError> {
    let base = base.filter(|_| plan.base_model.is_some()).map(open_source).transpose()?;
    let models = models.iter().map(|path| open_source(path)).collect::<Result<Vec<_>, _>>()?;
    let models: Vec<&dyn TensorSource> = models.iter().map(AsRef::as_ref).collect();
    let sources = Sources::new(plan, base.as_deref(), &models)?;
    write_merged(&sources, out).map(|(report, _)| report)
}

/// Merges what a plan file names: paths relative to the file, either all model directories or all safetensors files.
pub fn merge_planned(plan_file: &Path, out: &Path) -> Result<MergeReport, WeightsError> {
    let plan = MergePlan::read(plan_file)?;
    let root = plan_file.parent().unwrap_or(Path::new("."));
    let base: Option<PathBuf> = plan.base_model.as_ref().map(|name| root.join(name));
    let models: Vec<PathBuf> = plan.models.iter().map(|model| root.join(&model.model)).collect();
    let models: Vec<&Path> = models.iter().map(PathBuf::as_path).collect();
    let directories = models.iter().copied().chain(base.as_deref()).all(Path::is_dir);
    let merge = if directories { merge_directories } else { merge_files };
    merge(base.as_deref(), &models, &plan, out)
}

fn write_merged(
    sources: &Sources<'_>,
    out: &Path,
) -> Result<(MergeReport, files::ContentHash), WeightsError> {
    let mut infos: BTreeMap<String, TensorInfo> = sources.others.clone();
    for (name, info) in &sources.infos {
        infos.insert(name.clone(), TensorInfo { dtype: Dtype::Float32, shape: info.shape.clone() });
    }
    let mut writer = SafetensorsWriter::create(out, &infos, &BTreeMap::new())?;
    let mut pending: Vec<String> = writer.order().map(ToOwned::to_owned).collect();
    pending.reverse();
    let mut hasher = Hasher::default();
    let mut n_parameters = 0;
    // Files keep wide elements first, so copied tensors may stand before, between or after the merged ones.
    let mut copy_until = |writer: &mut SafetensorsWriter, next: Option<&str>| {
        while let Some(name) = pending.pop() {
            if Some(name.as_str()) == next {
                break;
            }
            writer.push_bytes(&name, &sources.reference().read_raw(&name)?.bytes)?;
        }
        Ok::<(), WeightsError>(())
    };
    merge_checked(sources, |name, tensor| {
        copy_until(&mut writer, Some(name))?;
        hash_tensor(&mut hasher, name, &tensor);
        n_parameters += tensor.data.len();
        writer.push(name, &tensor)
    })?;
    copy_until(&mut writer, None)?;
    writer.finish()?;
    let hash = hasher.finish();
    let report = MergeReport {
        n_tensors: sources.infos.len(),
        n_parameters,
        copied: sources.others.keys().cloned().collect(),
        content_hash: hash.to_string(),
    };
    Ok((report, hash))
}

/// Equal shapes are not enough: a pre-norm and a post-norm model have the same tensors and mean other things by them.
fn same_architecture(reference: &ModelDirectory, model: &ModelDirectory) -> Result<(), WeightsError> {
    let (ours, theirs) = (reference.dir().display().to_string(), model.dir().display().to_string());
    let shapes = ModelShape::from_config(reference.config(), &ours)?
        == ModelShape::from_config(model.config(), &theirs)?;
    let keys = ["layer_norm_eps", "hidden_act", "feat_extract_activation", "attention_relax"];
    let differing = keys.iter().find(|&&key| reference.config().get(key) != model.config().get(key));
    let reason = match differing {
        _ if !shapes => "its architecture".to_owned(),
        Some(key) => format!("its `{key}`"),
        None => return Ok(()),
    };
    Err(WeightsError::Config {
        place: theirs,
        reason: format!("{reason} is not that of `{ours}`; they cannot be merged"),
    })
}

fn lineage(plan: &MergePlan, has_base: bool, models: &[(&ModelDirectory, String)]) -> Lineage {
    let parent = |(model, hash): &(&ModelDirectory, String)| ParentModel {
        name: model.name(),
        hash: hash.clone(),
        licence: model
            .lineage()
            .map(|lineage| lineage.licences().into_iter().collect::<Vec<_>>().join(", "))
            .filter(|text| !text.is_empty()),
    };
    let (base, listed) = models.split_at(usize::from(has_base));
    let mut lineage = Lineage { merge: Some(plan.describe()), ..Lineage::new() };
    lineage.base = base.first().map(parent);
    lineage.parents = listed.iter().map(parent).collect();
    let mut known = BTreeSet::new();
    for data in models.iter().filter_map(|(model, _)| model.lineage()).flat_map(|lineage| &lineage.data) {
        if known.insert((data.corpus.clone(), data.hash.clone(), data.cultures.clone())) {
            lineage.data.push(data.clone());
        }
    }
    lineage
}
