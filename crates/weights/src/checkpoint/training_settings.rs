//! What a fairseq checkpoint says about its training, in the keys of our plans.
//!
//! Source: `reference/mert.md` sections 1 to 4, 6 and 10: which key of fairseq's means what. Only what the file states is taken;
//! for the rest a plan has its own defaults. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Table;

/// Sections of a training plan (`objective`, `masking`, …) by name, with the values a model was trained with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrainingSettings {
    /// Keys and values of each section.
    pub sections: BTreeMap<String, Table>,
}

impl TrainingSettings {
    /// Whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        self.sections.values().all(Table::is_empty)
    }

    /// The settings as `section.key=value`, the form `pretrain --set` takes.
    pub fn assignments(&self) -> Vec<String> {
        let of = |(section, table): (&String, &Table)| -> Vec<String> {
            table.iter().map(|(key, value)| format!("{section}.{key}={value}")).collect()
        };
        self.sections.iter().flat_map(of).collect()
    }

    /// A number of a section.
    pub fn number(&self, section: &str, key: &str) -> Option<f64> {
        let value = self.sections.get(section)?.get(key)?;
        value.as_float().or_else(|| value.as_integer().map(|n| n as f64))
    }

    fn set(&mut self, section: &str, key: &str, value: impl Into<toml::Value>) {
        self.sections.entry(section.into()).or_default().insert(key.into(), value.into());
    }
}

/// Reads fairseq's `cfg`. `n_classes` is the number of rows of `label_embs_concat`. The second part names what the configuration
/// asks for and a plan of ours cannot say.
pub fn training_settings(cfg: &Value, n_classes: Option<usize>) -> (TrainingSettings, Vec<String>) {
    let mut settings = TrainingSettings::default();
    objective(&mut settings, cfg, n_classes);
    let (model, task) = (&cfg["model"], &cfg["task"]);
    let mut float = |section: &str, key: &str, value: &Value| {
        if let Some(value) = value.as_f64() {
            settings.set(section, key, value);
        }
    };
    float("masking", "probability", &model["mask_prob"]);
    for (key, theirs) in [
        ("hidden", "dropout"),
        ("attention", "attention_dropout"),
        ("activation", "activation_dropout"),
        ("input", "dropout_input"),
        ("features", "dropout_features"),
        ("layer", "encoder_layerdrop"),
    ] {
        float("dropout", key, &model[theirs]);
    }
    float("mixture", "gain", &model["inbatch_noise_augment_volume"]);
    // fairseq states how often a clip is left alone, and means "never mixed" by 0 and less.
    if let Some(left_alone) = model["mixture_prob"].as_f64() {
        let probability = if left_alone > 0.0 { (1.0 - left_alone).clamp(0.0, 1.0) } else { 0.0 };
        settings.set("mixture", "probability", probability);
        settings.set("mixture", "reading", "mixed");
    }
    for (key, theirs) in
        [("samples", "inbatch_noise_augment_len_range"), ("segments", "inbatch_noise_augment_number_range")]
    {
        if let Some(range) = range(&model[theirs]) {
            settings.set("mixture", key, range.to_vec());
        }
    }
    if let Some(length) = model["mask_length"].as_i64() {
        settings.set("masking", "length", length);
        // Not keys of the configuration: its program always calls the masks so.
        settings.set("masking", "min_spans", 2i64);
        settings.set("masking", "same_count", true);
    }
    let (samples, rate) = (task["max_sample_size"].as_f64(), task["sample_rate"].as_f64());
    if let (Some(samples), Some(rate)) = (samples, rate.filter(|&rate| rate > 0.0)) {
        settings.set("crop", "seconds", samples / rate);
    }
    (settings, beyond_plans(cfg))
}

/// Loss weights and the shape of the heads.
fn objective(settings: &mut TrainingSettings, cfg: &Value, n_classes: Option<usize>) {
    let (model, task, criterion) = (&cfg["model"], &cfg["task"], &cfg["criterion"]);
    let mut set = |key: &str, value: Option<toml::Value>| {
        if let Some(value) = value {
            settings.set("objective", key, value);
        }
    };
    let float = |value: &Value| value.as_f64().map(toml::Value::from);
    set("masked", float(&criterion["pred_masked_weight"]));
    // A plan's alpha would take the place of one of these weights; as the weight of the codes it says what `masked` does.
    if let Some(masked) = float(&criterion["pred_masked_weight"]) {
        set("alpha", Some(masked));
        set("alpha_reading", Some("codes".into()));
    }
    set("unmasked", float(&criterion["pred_nomask_weight"]));
    set("logit_temperature", float(&model["logit_temp"]));
    set("front_end_gradient", model["feature_grad_mult"].as_f64().map(|factor| factor.max(0.0).into()));
    let has_cqt = model["audio_cqt_loss_m"].as_bool().unwrap_or(false);
    if criterion.is_object() {
        // In this order: the features' mean square, then the constant-Q error. A single weight counts for both; none drops both.
        let weights: Vec<f64> =
            criterion["loss_weights"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let at = |index: usize| weights.get(index).or(weights.last()).copied().unwrap_or(0.0);
        set("features_penalty", Some(at(0).into()));
        set("cqt", Some(if has_cqt { at(1) } else { 0.0 }.into()));
    }
    if has_cqt {
        set("cqt_bins", model["audio_cqt_bins"].as_i64().map(Into::into));
    }
    set("untied", model["untie_final_proj"].as_bool().map(Into::into));
    let width = model["final_dim"].as_i64().filter(|&width| width > 0);
    set("final_dim", width.or_else(|| model["encoder_embed_dim"].as_i64()).map(Into::into));
    let codebooks = task["labels"].as_array().map_or(0, Vec::len);
    let special = if task["numpy_memmap_label"].as_bool() == Some(true) { 0 } else { SPECIAL_ENTRIES };
    if codebooks > 0 {
        set("codebooks", Some((codebooks as i64).into()));
        set("special_entries", Some((special as i64).into()));
        let classes = n_classes.filter(|n| n.is_multiple_of(codebooks)).map(|n| n / codebooks);
        let entries = classes.and_then(|classes| classes.checked_sub(special));
        set("entries", entries.map(|entries| (entries as i64).into()));
    }
}

/// bos, pad, eos and unk come first in every dictionary of fairseq.
pub(super) const SPECIAL_ENTRIES: usize = 4;

/// `[12000, 24000]`, which fairseq writes as text.
fn range(value: &Value) -> Option<[i64; 2]> {
    let list = match value {
        Value::String(text) => serde_json::from_str(text).ok()?,
        list => list.clone(),
    };
    serde_json::from_value(list).ok()
}

/// Settings that change a training and that no plan of ours has, where they are not at rest.
fn beyond_plans(cfg: &Value) -> Vec<String> {
    let (model, task) = (&cfg["model"], &cfg["task"]);
    let mut beyond = Vec::new();
    let mut at_rest = |section: &str, key: &str, value: &Value, rest: &[Value]| {
        if !value.is_null() && !rest.iter().any(|rest| same(rest, value)) {
            beyond.push(format!("{section}.{key} = {value}"));
        }
    };
    for (key, rest) in [
        ("label_rate", vec![75.into()]),
        ("mask_selection", vec!["static".into()]),
        ("mask_other", vec![0.into()]),
        ("no_mask_overlap", vec![false.into()]),
        ("mask_channel_prob", vec![0.into()]),
        ("mask_replace", vec![0.into()]),
        ("mask_origin", vec![0.into()]),
        ("mask_dynamic_prob", vec!["[]".into()]),
        ("mask_dynamic_len", vec!["[]".into()]),
        ("learnable_temp", vec![false.into()]),
        ("skip_masked", vec![false.into()]),
        ("audio_mel_loss_m", vec![false.into()]),
        ("random_codebook", vec![(-1).into()]),
        ("emb_grad_mult", vec![1.into()]),
        ("wav_normalize", vec![false.into()]),
    ] {
        at_rest("model", key, &model[key], &rest);
    }
    for (key, rest) in [
        ("sample_rate", vec![24_000.into()]),
        ("normalize", vec![false.into()]),
        ("pad_audio", vec![false.into()]),
        ("random_crop", vec![true.into()]),
        ("augmentation_effects", vec!["[]".into()]),
        ("dynamic_crops", vec!["[]".into()]),
    ] {
        at_rest("task", key, &task[key], &rest);
    }
    beyond
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| Some(a) == b.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_translated_and_the_inverted_mixture_is_turned_round() {
        let cfg = json!({
            "model": {
                "mixture_prob": 0.3, "inbatch_noise_augment_len_range": "[2000, 5000]", "mask_length": 4, "mask_prob": 0.5,
                "audio_cqt_loss_m": true, "audio_cqt_bins": 84, "untie_final_proj": false, "final_dim": 0,
                "encoder_embed_dim": 40, "learnable_temp": true, "feature_grad_mult": -1.0,
            },
            "criterion": {"pred_masked_weight": 1.0, "pred_nomask_weight": 0.5, "loss_weights": [3.0, 0.25]},
            "task": {"labels": ["a", "b"], "max_sample_size": 120_000, "sample_rate": 24000},
        });
        let (settings, beyond) = training_settings(&cfg, Some(136));
        let number = |section, key| settings.number(section, key).unwrap();
        assert!((number("mixture", "probability") - 0.7).abs() < 1e-12);
        assert_eq!((number("objective", "entries"), number("objective", "final_dim")), (64.0, 40.0));
        assert_eq!((number("objective", "features_penalty"), number("objective", "cqt")), (3.0, 0.25));
        assert_eq!((number("crop", "seconds"), number("objective", "front_end_gradient")), (5.0, 0.0));
        assert_eq!(beyond, ["model.learnable_temp = true"]);
        let assignments = settings.assignments();
        for expected in ["mixture.samples=[2000, 5000]", "objective.untied=false", "masking.length=4"] {
            assert!(assignments.iter().any(|one| one == expected), "{assignments:?}");
        }
    }

    #[test]
    fn one_weight_counts_for_both_and_none_for_neither() {
        let weights = |weights: &Value, cqt: bool| {
            let cfg = json!({"model": {"audio_cqt_loss_m": cqt}, "criterion": {"loss_weights": weights}});
            let settings = training_settings(&cfg, None).0;
            ["features_penalty", "cqt"].map(|key| settings.number("objective", key).unwrap().to_string())
        };
        assert_eq!(weights(&json!([10.0]), true), ["10", "10"]);
        assert_eq!(weights(&json!([10.0]), false), ["10", "0"]);
        assert_eq!(weights(&Value::Null, true), ["0", "0"]);
    }
}
