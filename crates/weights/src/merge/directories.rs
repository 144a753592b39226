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
    Card, Dtype, Lineage, ModelDirectory, ModelShape, ParentModel, SafetensorsWriter, ShardedWriter, Tensor,
    TensorInfo, TensorSource, WeightsError, open_source,
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

/// How a merged model directory is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeOutput {
    /// Most bytes of tensors in one file; one file where that is `None`. A larger tensor has a file of its own.
    pub shard_bytes: Option<u64>,
    /// The licence it is given out under; refused where data or ancestors do not allow it.
    pub licence: Option<String>,
    /// Further sections of the card in Markdown, for instance results.
    pub sections: Vec<String>,
    /// How the weights of the merge were chosen and by which data, in words; it goes into the lineage.
    pub choice: Option<String>,
}

/// Merges the encoders of model directories into a new one, with lineage and card. `models` are those of the plan, in its order;
/// each may be a task vector of the base. All must be of one architecture; heads of pre-training do not survive a merge.
pub fn merge_directories(
    base: Option<&Path>,
    models: &[&Path],
    plan: &MergePlan,
    out: &Path,
    output: &MergeOutput,
) -> Result<MergeReport, WeightsError> {
    let base = base.filter(|_| plan.base_model.is_some()).map(ModelDirectory::open).transpose()?;
    let models = models.iter().map(|dir| ModelDirectory::open(dir)).collect::<Result<Vec<_>, _>>()?;
    let reference = base.as_ref().or(models.first());
    let reference = reference.ok_or_else(|| WeightsError::Plan("no models were given".into()))?;
    let everyone: Vec<&ModelDirectory> = base.iter().chain(&models).collect();
    for model in &everyone {
        same_architecture(reference, model)?;
    }
    let parents =
        everyone.par_iter().map(|&model| parent(model)).collect::<Result<Vec<_>, WeightsError>>()?;
    let lineage = Lineage {
        licence: output.licence.clone(),
        merge_choice: output.choice.clone(),
        ..lineage(plan, base.is_some(), &everyone, parents)
    };
    lineage.check_claim()?;
    let base_view = base.as_ref().map(ModelDirectory::encoder_or_vector).transpose()?;
    let views = models.iter().map(ModelDirectory::encoder_or_vector).collect::<Result<Vec<_>, _>>()?;
    let views: Vec<&dyn TensorSource> = views.iter().map(|view| view as &dyn TensorSource).collect();
    let sources = Sources::new(plan, base_view.as_ref().map(|view| view as &dyn TensorSource), &views)?;
    let name = out.file_name().map_or_else(|| "merged".into(), |name| name.to_string_lossy().into_owned());
    let mut card = Card::new(name, format!("Merged from {} models in weight space.", models.len()));
    card.sections.clone_from(&output.sections);
    let mut report = None;
    replace_directory(out, |staging| {
        let infos = merged_infos(&sources);
        let mut writer = ShardedWriter::create(staging, &infos, output.shard_bytes)?;
        let order = writer.order().to_vec();
        let (made, hash) = write_merged(&sources, order, &mut |name, tensor| match tensor {
            Written::Merged(tensor) => writer.push(name, tensor),
            Written::Copied(bytes) => writer.push_bytes(name, bytes),
        })?;
        writer.finish()?;
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
    let mut writer = SafetensorsWriter::create(out, &merged_infos(&sources), &BTreeMap::new())?;
    let order = writer.order().map(ToOwned::to_owned).collect();
    let (report, _) = write_merged(&sources, order, &mut |name, tensor| match tensor {
        Written::Merged(tensor) => writer.push(name, tensor),
        Written::Copied(bytes) => writer.push_bytes(name, bytes),
    })?;
    writer.finish()?;
    Ok(report)
}

/// Merges what a plan file names: paths relative to the file, either all model directories or all safetensors files.
pub fn merge_planned(
    plan_file: &Path,
    out: &Path,
    output: &MergeOutput,
) -> Result<MergeReport, WeightsError> {
    let root = plan_file.parent().unwrap_or(Path::new("."));
    carry_out(&MergePlan::read(plan_file)?, root, out, output)
}

/// Merges what a plan names: paths relative to `root`, either all model directories or all safetensors files.
pub fn carry_out(
    plan: &MergePlan,
    root: &Path,
    out: &Path,
    output: &MergeOutput,
) -> Result<MergeReport, WeightsError> {
    let base: Option<PathBuf> = plan.base_model.as_ref().map(|name| root.join(name));
    let models: Vec<PathBuf> = plan.models.iter().map(|model| root.join(&model.model)).collect();
    let models: Vec<&Path> = models.iter().map(PathBuf::as_path).collect();
    let directories = models.iter().copied().chain(base.as_deref()).all(Path::is_dir);
    if directories {
        return merge_directories(base.as_deref(), &models, plan, out, output);
    }
    if output != &MergeOutput::default() {
        let reason = "files are merged into one file without a card: size of shards, licence, results and choice are for directories";
        return Err(WeightsError::Plan(reason.into()));
    }
    merge_files(base.as_deref(), &models, plan, out)
}

/// One tensor of the result.
enum Written<'t> {
    Merged(&'t Tensor),
    Copied(&'t [u8]),
}

fn merged_infos(sources: &Sources<'_>) -> BTreeMap<String, TensorInfo> {
    let mut infos: BTreeMap<String, TensorInfo> = sources.others.clone();
    for (name, info) in &sources.infos {
        infos.insert(name.clone(), TensorInfo { dtype: Dtype::Float32, shape: info.shape.clone() });
    }
    infos
}

/// Hands all tensors to `write` in this order, which has the merged ones in the order of their names.
fn write_merged(
    sources: &Sources<'_>,
    order: Vec<String>,
    write: &mut dyn FnMut(&str, Written<'_>) -> Result<(), WeightsError>,
) -> Result<(MergeReport, files::ContentHash), WeightsError> {
    let mut pending = order;
    pending.reverse();
    let mut hasher = Hasher::default();
    let mut n_parameters = 0;
    // Files keep wide elements first, so copied tensors may stand before, between or after the merged ones.
    let mut copy_until = |write: &mut dyn FnMut(&str, Written<'_>) -> Result<(), WeightsError>,
                          next: Option<&str>| {
        while let Some(name) = pending.pop() {
            if Some(name.as_str()) == next {
                break;
            }
            write(&name, Written::Copied(&sources.reference().read_raw(&name)?.bytes))?;
        }
        Ok::<(), WeightsError>(())
    };
    merge_checked(sources, |name, tensor| {
        copy_until(write, Some(name))?;
        hash_tensor(&mut hasher, name, &tensor);
        n_parameters += tensor.data.len();
        write(name, Written::Merged(&tensor))
    })?;
    copy_until(write, None)?;
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
pub(super) fn same_architecture(
    reference: &ModelDirectory,
    model: &ModelDirectory,
) -> Result<(), WeightsError> {
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

/// A model as an ancestor, with the licences that go with it.
pub(super) fn parent_of(model: &ModelDirectory, hash: String) -> ParentModel {
    ParentModel { name: model.name(), hash, licences: model.licences().into_iter().collect() }
}

/// A model as an ancestor; of a task vector, the model it was taken from.
fn parent(model: &ModelDirectory) -> Result<ParentModel, WeightsError> {
    let Some(vector) = model.lineage().and_then(|lineage| lineage.vector.as_ref()) else {
        let hash = model.encoder_or_vector()?.content_hash()?.to_string();
        return Ok(parent_of(model, hash));
    };
    let licences = model.licences().into_iter().collect();
    Ok(ParentModel { licences, ..vector.model.clone() })
}

fn lineage(
    plan: &MergePlan,
    has_base: bool,
    models: &[&ModelDirectory],
    mut parents: Vec<ParentModel>,
) -> Lineage {
    let listed = parents.split_off(usize::from(has_base));
    let negated = plan.negated();
    let forgotten =
        plan.models.iter().zip(&listed).filter(|(model, _)| negated.contains(&model.model.as_str()));
    let mut lineage = Lineage {
        merge: Some(plan.describe()),
        forgotten: forgotten.map(|(_, parent)| parent.name.clone()).collect(),
        base: parents.pop(),
        parents: listed,
        ..Lineage::new()
    };
    let mut known = BTreeSet::new();
    for data in models.iter().filter_map(|model| model.lineage()).flat_map(|lineage| &lineage.data) {
        if known.insert((data.corpus.clone(), data.hash.clone(), data.cultures.clone())) {
            lineage.data.push(data.clone());
        }
    }
    lineage
}
