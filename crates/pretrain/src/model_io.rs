//! Between model directories on disk and models that train.

use burn::tensor::Device;
use corpus::Corpus;
use mert::{EncoderConfig, HeadsConfig, Mert, parameters};
use weights::{
    Card, DataOrigin, Lineage, ModelDirectory, ModelFiles, ParentModel, StageRecord, Tensor, Tensors,
};

use crate::{ObjectivePlan, PretrainError, TrainPlan};

/// What a run begins with.
#[derive(Clone, Copy)]
pub enum Init<'a> {
    /// Weights drawn from the plan's seed, in the shape of `model.init`.
    Scratch,
    /// A model; heads it does not have are drawn.
    Model(&'a ModelDirectory),
}

impl Init<'_> {
    /// What identifies it: the hash of the weights, or `scratch`.
    pub(crate) fn identity(self) -> Result<String, PretrainError> {
        match self {
            Self::Scratch => Ok("scratch".into()),
            Self::Model(directory) => {
                let mut hasher = files::Hasher::default();
                hasher.part(directory.identity()?.to_string());
                if let Some(heads) = directory.heads()? {
                    hasher.part(heads.content_hash().to_string());
                }
                Ok(hasher.finish().to_string())
            }
        }
    }

    /// The model in memory, and the names of the heads that were drawn because it has none.
    pub(crate) fn build(
        self,
        plan: &TrainPlan,
        device: &Device,
    ) -> Result<(Mert, Vec<String>), PretrainError> {
        let heads = heads_config(&plan.objective);
        let seed = plan.run.seed;
        match self {
            Self::Scratch => {
                let config = plan.model.config().ok_or(PretrainError::NoModel)?;
                let config = EncoderConfig::from_json(&config)?;
                Ok((Mert::from_scratch(&config, Some(&heads), seed, device)?, Vec::new()))
            }
            Self::Model(directory) => {
                let config = EncoderConfig::from_json(directory.config())?;
                let stored = directory.heads()?.unwrap_or_default();
                let (encoder, _) = directory.tensors()?;
                let blank = Mert::blank(&config, Some(&heads), device)?;
                let fresh = blank.clone();
                let shapes: std::collections::HashMap<String, Vec<usize>> =
                    parameters::list(&blank).into_iter().map(|one| (one.name, one.shape)).collect();
                let mut drawn = Vec::new();
                let model = parameters::load(blank, &mut |name| {
                    if let Some(tensor) = encoder.get(name).or_else(|| stored.get(name)) {
                        return Some((tensor.shape.clone(), tensor.data.clone()));
                    }
                    let is_head = HEADS.iter().any(|head| name.starts_with(head));
                    is_head.then(|| {
                        drawn.push(name.to_owned());
                        let shape = shapes[name].clone();
                        let values = fresh.initial_values(seed, name, &shape);
                        (shape, values)
                    })
                })?;
                Ok((model, drawn))
            }
        }
    }
}

/// What the names of heads begin with.
const HEADS: [&str; 4] = ["label_embs_concat", "final_proj.", "target_glu.", "encoder_cqt_model."];

/// Shape of the heads a plan asks for.
fn heads_config(objective: &ObjectivePlan) -> HeadsConfig {
    HeadsConfig {
        n_codebooks: objective.codebooks,
        n_classes: objective.classes(),
        label_offset: objective.special_entries,
        final_dim: objective.final_dim,
        tied_projection: !objective.untied,
        target_glu: false,
        cqt_bins: (objective.cqt > 0.0).then_some(objective.cqt_bins),
    }
}

/// The encoder of a model directory on `device`, without heads: to embed, not to train.
pub fn load_model(directory: &ModelDirectory, device: &Device) -> Result<Mert, PretrainError> {
    let config = EncoderConfig::from_json(directory.config())?;
    let (tensors, _) = directory.tensors()?;
    let blank = Mert::blank(&config, None, device)?;
    Ok(parameters::load(blank, &mut |name| {
        tensors.get(name).map(|tensor| (tensor.shape.clone(), tensor.data.clone()))
    })?)
}

/// Encoder and heads of a model, as plain tensors.
fn tensors_of(model: &Mert) -> (Tensors, Tensors) {
    let (mut encoder, mut heads) = (Tensors::new(), Tensors::new());
    parameters::export(model, &mut |name, shape, values| {
        let tensor = Tensor::new(shape, values).expect("a parameter has as many values as its shape says");
        let place = if HEADS.iter().any(|head| name.starts_with(head)) { &mut heads } else { &mut encoder };
        place.insert(name, tensor);
    });
    (encoder, heads)
}

/// Writes the trained model with its history.
pub(crate) fn write_model(
    dir: &std::path::Path,
    model: &Mert,
    plan: &TrainPlan,
    init: Init<'_>,
    corpus: &Corpus,
) -> Result<String, PretrainError> {
    let (encoder, heads) = tensors_of(model);
    let lineage = lineage(plan, init, corpus)?;
    let summary = format!(
        "Trained by continual pre-training on {}.",
        lineage.cultures().into_iter().collect::<Vec<_>>().join(", ")
    );
    let config = model.config().to_json();
    let files = ModelFiles {
        config: &config,
        tensors: &encoder,
        heads: Some(&heads),
        lineage: &lineage,
        card: &Card::new(&plan.run.name, summary),
        preprocessor: None,
    };
    Ok(ModelDirectory::write(dir, &files)?.to_string())
}

fn lineage(plan: &TrainPlan, init: Init<'_>, corpus: &Corpus) -> Result<Lineage, PretrainError> {
    let mut lineage = Lineage::new();
    if let Init::Model(directory) = init {
        lineage.base = Some(ParentModel {
            name: directory.name(),
            hash: directory.content_hash()?.to_string(),
            licence: None,
        });
        if let Some(before) = directory.lineage() {
            lineage.data.clone_from(&before.data);
        }
    }
    lineage.seed = Some(plan.run.seed);
    let trained: Vec<&corpus::Clip> = corpus
        .clips()
        .iter()
        .filter(|clip| clip.split == corpus::Split::Train && reads(plan, &clip.culture))
        .collect();
    let sorted = |values: Vec<String>| -> Vec<String> {
        values.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    let licences = sorted(trained.iter().filter_map(|clip| clip.licence.clone()).collect());
    lineage.data.push(DataOrigin {
        corpus: corpus.dir().file_name().unwrap_or_default().to_string_lossy().into_owned(),
        hash: corpus.content_hash(),
        cultures: sorted(trained.iter().map(|clip| clip.culture.clone()).collect()),
        synthetic: !licences.is_empty() && licences.iter().all(|licence| licence == "synthetic"),
        licences,
        hours: Some(trained.iter().map(|clip| clip.seconds()).sum::<f64>() / 3600.0),
    });
    lineage.stages = plan
        .stages
        .iter()
        .zip(plan.totals())
        .map(|(stage, totals)| StageRecord {
            name: stage.name.clone(),
            updates: stage.updates,
            hours: totals.hours,
            trainable: stage.trainable.clone(),
            peak_learning_rate: stage.schedule.peak(),
        })
        .collect();
    Ok(lineage)
}

/// Whether some stage reads this culture.
fn reads(plan: &TrainPlan, culture: &str) -> bool {
    plan.stages.iter().any(|stage| {
        let data = &stage.data;
        let replayed =
            data.replay.as_ref().is_some_and(|replay| replay.cultures.iter().any(|name| name == culture));
        replayed || data.cultures_of(&[culture]).iter().any(|named| named.culture == culture)
    })
}
