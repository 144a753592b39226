//! `base + 0.2 · Σ (model − base)` of four models of 95M parameters, from files to a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mert::{EncoderConfig, Mert, parameters};
use serde_json::json;
use weights::{MergePlan, Tensor, Tensors, merge_files, write_safetensors};

use super::{Done, timed};

const MODELS: usize = 4;
const WEIGHT: f64 = 0.2;

fn file(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("model-{index}.safetensors"))
}

/// Five models of as many seeds, the first of which is the base.
pub(super) fn set_up(folder: &Path) -> anyhow::Result<()> {
    for index in 0..=MODELS {
        let model = Mert::from_scratch(&EncoderConfig::v1_95m(), None, index as u64, &Device::flex())?;
        let mut tensors = Tensors::new();
        parameters::export(&model, &mut |name, shape, values| {
            let tensor =
                Tensor::new(shape, values).expect("a parameter has as many values as its shape says");
            tensors.insert(name, tensor);
        });
        write_safetensors(&file(folder, index), &tensors, &BTreeMap::new())?;
    }
    Ok(())
}

pub(super) fn models(repeat: usize, folder: &Path) -> anyhow::Result<Done> {
    let base = file(folder, 0);
    let models: Vec<PathBuf> = (1..=MODELS).map(|index| file(folder, index)).collect();
    let names: Vec<String> = models.iter().map(|model| model.display().to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plan = MergePlan::task_arithmetic(base.display().to_string(), &names, WEIGHT);
    let models: Vec<&Path> = models.iter().map(PathBuf::as_path).collect();
    let out = folder.join("merged.safetensors");
    let (seconds, _) = timed(repeat, || Ok(merge_files(Some(&base), &models, &plan, &out)?))?;
    let bytes = std::fs::metadata(&out)?.len();
    Ok(Done { seconds, gflop: None, facts: json!({ "models": MODELS + 1, "file_mb": bytes as f64 / 1e6 }) })
}
