//! Between model directories on disk and models that train.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use burn::tensor::Device;
use corpus::Corpus;
use mert::{EncoderConfig, HeadsConfig, Mert, parameters};
use weights::{
    Card, DataOrigin, Lineage, ModelDirectory, ModelFiles, ParentModel, StageRecord, Tensor, Tensors,
    TrainingSettings,
};

use crate::init::{HEADS, Init};
use crate::{
    AlphaReading, DriftRecord, HeldOutRecord, Log, LogLine, MixtureReading, ObjectivePlan, PretrainError,
    RunFolder, TrainPlan,
};

/// Shape of the heads a plan asks for.
pub(crate) fn heads_config(objective: &ObjectivePlan) -> HeadsConfig {
    HeadsConfig {
        n_codebooks: objective.codebooks,
        n_classes: objective.classes(),
        label_offset: objective.special_entries,
        final_dim: objective.final_dim,
        tied_projection: !objective.untied,
        target_glu: false,
        cqt_bins: (objective.weights()[2] > 0.0).then_some(objective.cqt_bins),
    }
}

/// The encoder of a model directory on `device`, without heads: to embed, not to train.
pub fn load_model(directory: &ModelDirectory, device: &Device) -> Result<Mert, PretrainError> {
    let (tensors, _) = directory.tensors()?;
    model_of(directory.config(), &tensors, device)
}

/// An encoder from tensors in memory under their canonical names, on `device`: to embed a merge that is not written.
pub fn model_of(
    config: &serde_json::Value,
    tensors: &Tensors,
    device: &Device,
) -> Result<Mert, PretrainError> {
    let config = EncoderConfig::from_json(config)?;
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

/// Writes the trained model with its history, `drifts` of its training included, and the last measurements of the run's log as its results.
pub(crate) fn write_model(
    folder: &RunFolder,
    model: &Mert,
    plan: &TrainPlan,
    init: Init<'_>,
    corpus: &Corpus,
    drifts: &[DriftRecord],
) -> Result<String, PretrainError> {
    let (encoder, heads) = tensors_of(model);
    let mut lineage = lineage(plan, init, corpus)?;
    for drift in drifts {
        let changes = drift.changes.iter().map(|change| format!("after update {}: {change}", drift.update));
        lineage.drifts.extend(changes);
    }
    let summary = format!(
        "Trained by continual pre-training on {}.",
        lineage.cultures().into_iter().collect::<Vec<_>>().join(", ")
    );
    let mut card = Card::new(&plan.run.name, summary);
    card.sections.extend(results(&Log::read(&folder.log())?));
    let config = model.config().to_json();
    let files = ModelFiles {
        config: &config,
        tensors: &encoder,
        heads: Some(&heads),
        lineage: &lineage,
        card: &card,
        preprocessor: None,
        fairseq: None,
    };
    Ok(ModelDirectory::write(&folder.model(), &files)?.to_string())
}

/// The last measurement of every culture, as a section of the card; none where nothing was held out.
fn results(log: &[LogLine]) -> Option<String> {
    let mut last: BTreeMap<&str, &HeldOutRecord> = BTreeMap::new();
    for line in log {
        if let LogLine::HeldOut(record) = line {
            last.insert(&record.culture, record);
        }
    }
    let mut text = String::from(
        "## Results\n\nOn crops that never trained, without dropout and mixture:\n\n\
         | culture | updates | crops | loss per masked frame, nats | accuracy of masked frames |\n|---|---|---|---|---|\n",
    );
    for (culture, record) in &last {
        let culture = culture.replace('|', "\\|");
        let (loss, accuracy) = (record.loss.total, record.accuracy.masked);
        let _ = writeln!(
            text,
            "| {culture} | {} | {} | {loss:.3} | {accuracy:.3} |",
            record.update, record.crops
        );
    }
    (!last.is_empty()).then_some(text)
}

fn lineage(plan: &TrainPlan, init: Init<'_>, corpus: &Corpus) -> Result<Lineage, PretrainError> {
    let mut lineage = Lineage::new();
    if let Init::Model(directory, heads) = init {
        lineage.base = Some(ParentModel {
            name: directory.name(),
            hash: directory.content_hash()?.to_string(),
            licences: directory.licences().into_iter().collect(),
        });
        lineage.heads = heads.origin(plan.run.seed);
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
    lineage.settings = settings(plan);
    Ok(lineage)
}

/// What a later run needs to train on as this one did.
fn settings(plan: &TrainPlan) -> TrainingSettings {
    let mut plan = plan.clone();
    // In one reading each, so that they mean the same in whatever plan they are put.
    let [masked, features_penalty, cqt] = plan.objective.weights();
    plan.objective = ObjectivePlan {
        alpha: Some(masked),
        alpha_reading: AlphaReading::Codes,
        masked,
        features_penalty,
        cqt,
        ..plan.objective
    };
    let threshold = plan.mixture.threshold();
    plan.mixture.probability = if threshold > 0.0 { 1.0 - threshold } else { 0.0 };
    plan.mixture.reading = MixtureReading::Mixed;
    let mut whole = toml::Table::try_from(&plan).expect("a checked plan holds nothing that TOML lacks");
    let sections = ["objective", "masking", "mixture", "dropout", "crop"].into_iter();
    let sections = sections.filter_map(|name| match whole.remove(name) {
        Some(toml::Value::Table(section)) => Some((name.to_owned(), section)),
        _ => None,
    });
    TrainingSettings { sections: sections.collect() }
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
