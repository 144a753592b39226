//! What is to be merged and how, as a value: read from TOML or from the part of mergekit's YAML that applies to plain tensors.
//!
//! Keys and defaults are mergekit's (0.1.5). Refused rather than ignored: slices, tokenizers, gradients over layers.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{DareRescale, LayerGroup, Setting};
use crate::model::read_text;
use crate::{TensorInfo, WeightsError};

/// A merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergePlan {
    /// The rule.
    pub merge_method: MergeMethod,
    /// The model that task vectors are counted from (SLERP: the model at t = 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_model: Option<String>,
    /// Precision of the result; only `float32` is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Seed of the masks of DARE.
    #[serde(default)]
    pub seed: u64,
    /// Settings for all models.
    #[serde(default)]
    pub parameters: MergeParameters,
    /// The models, in their order.
    pub models: Vec<MergeModel>,
}

/// The rule of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMethod {
    /// θ_b + λ·Σ w_i δ_i.
    TaskArithmetic,
    /// Σ w_i θ_i / Σ w_i.
    Linear,
    /// Trimmed task vectors, of which only those of the elected sign count.
    Ties,
    /// Along the great circle between two models.
    Slerp,
    /// Randomly thinned task vectors, summed.
    DareLinear,
    /// Randomly thinned task vectors with election of signs.
    DareTies,
}

/// Settings of a whole merge; what is absent has the method's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeParameters {
    /// Weight of models that do not state their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Setting>,
    /// Density of models that do not state their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Setting>,
    /// Whether to divide by the sum of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<bool>,
    /// Whether thinned task vectors are scaled back to their former size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescale: Option<bool>,
    /// How DARE scales back: mergekit's rule by default, or the paper's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dare_rescale: Option<DareRescale>,
    /// Factor of the merged task vector, after normalisation; 1 by default. May differ by tensor and group of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<Setting>,
    /// Position between the two models of SLERP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<Setting>,
    /// mergekit's choice of a smaller type for masks; it changes no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8_mask: Option<bool>,
}

/// A model and its own settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeModel {
    /// Its name or path.
    pub model: String,
    /// Its settings.
    #[serde(default)]
    pub parameters: ModelParameters,
}

/// Settings of one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelParameters {
    /// w.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Setting>,
    /// d, the share of entries that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Setting>,
}

impl MergePlan {
    /// θ_b + λ·Σ τ_i: every model with weight 1. A negative λ takes the task vectors away: what they taught is forgotten.
    pub fn task_arithmetic(base: impl Into<String>, models: &[impl AsRef<str>], lambda: f64) -> Self {
        let models: Vec<(&str, f64)> = models.iter().map(|name| (name.as_ref(), 1.0)).collect();
        Self::weighted(base, &models, Setting::Everywhere(lambda))
    }

    /// θ_b + Σ λ_i·f·τ_i: one λ for every model, and a factor f for groups of layers, 1 elsewhere. Either may be negative. λ that are all
    /// the same give the very bits of [`MergePlan::task_arithmetic`].
    pub fn per_culture(
        base: impl Into<String>,
        models: &[(impl AsRef<str>, f64)],
        factors: &[(LayerGroup, f64)],
    ) -> Self {
        let models: Vec<(&str, f64)> = models.iter().map(|(name, lambda)| (name.as_ref(), *lambda)).collect();
        let same = models
            .first()
            .map(|(_, first)| *first)
            .filter(|first| models.iter().all(|(_, lambda)| lambda.to_bits() == first.to_bits()));
        let (models, lambda) = match same {
            Some(lambda) => (models.iter().map(|(name, _)| (*name, 1.0)).collect(), lambda),
            None => (models, 1.0),
        };
        let factors = factors.iter().map(|(group, factor)| (group.clone(), factor * lambda));
        Self::weighted(base, &models, Setting::by_group(factors, lambda))
    }

    fn weighted(base: impl Into<String>, models: &[(&str, f64)], lambda: Setting) -> Self {
        let model = |&(name, weight): &(&str, f64)| MergeModel {
            model: name.into(),
            parameters: ModelParameters { weight: Some(Setting::Everywhere(weight)), density: None },
        };
        Self {
            merge_method: MergeMethod::TaskArithmetic,
            base_model: Some(base.into()),
            dtype: None,
            seed: 0,
            parameters: MergeParameters { lambda: Some(lambda), ..MergeParameters::default() },
            models: models.iter().map(model).collect(),
        }
    }

    /// Reads mergekit's YAML.
    pub fn from_yaml(text: &str) -> Result<Self, WeightsError> {
        let plan: Self = serde_norway::from_str(text)
            .map_err(|error| WeightsError::Plan(nearest::explain(&error.to_string())))?;
        plan.check().map(|()| plan)
    }

    /// Reads TOML with the same keys.
    pub fn from_toml(text: &str) -> Result<Self, WeightsError> {
        let plan: Self = toml::from_str(text).map_err(|error| WeightsError::Plan(error.to_string()))?;
        plan.check().map(|()| plan)
    }

    /// Reads a document with the same keys.
    pub fn from_json(document: serde_json::Value) -> Result<Self, WeightsError> {
        let plan: Self = serde_json::from_value(document)
            .map_err(|error| WeightsError::Plan(nearest::explain(&error.to_string())))?;
        plan.check().map(|()| plan)
    }

    /// Reads a file: TOML when its name ends so, YAML otherwise.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let text = read_text(path)?;
        let plan = match path.extension() {
            Some(extension) if extension == "toml" => Self::from_toml(&text),
            _ => Self::from_yaml(&text),
        };
        plan.map_err(|error| match error {
            WeightsError::Plan(reason) => WeightsError::Plan(format!("`{}`: {reason}", path.display())),
            other => other,
        })
    }

    /// Whether the plan can be carried out by itself, whatever the models are.
    pub fn check(&self) -> Result<(), WeightsError> {
        let bad = |reason: String| Err(WeightsError::Plan(reason));
        if self.models.is_empty() {
            return bad("it names no models".into());
        }
        if let Some(dtype) = self.dtype.as_deref().filter(|&dtype| dtype != "float32") {
            return bad(format!("`dtype` is `{dtype}`, but results are written as `float32`"));
        }
        let needs_base = self.merge_method != MergeMethod::Linear;
        if needs_base && self.base_model.is_none() {
            return bad("its method needs a `base_model`".into());
        }
        if !needs_base && let Some(base) = &self.base_model {
            return bad(format!("`linear` has no base; list `{base}` among the models to include it"));
        }
        let n_others = self.task_models().count();
        if self.merge_method == MergeMethod::Slerp && n_others != 1 {
            return bad(format!("`slerp` goes from the base to one other model, not to {n_others}"));
        }
        if self.merge_method == MergeMethod::Slerp && self.parameters.t.is_none() {
            return bad("`slerp` needs `t`".into());
        }
        if n_others == 0 {
            return bad("it names no model besides the base".into());
        }
        for (key, value) in self.settings() {
            for value in value.values() {
                let may_be_any = matches!(key, "weight" | "lambda");
                if !value.is_finite() || !(may_be_any || (0.0..=1.0).contains(&value)) {
                    let range = if may_be_any { "finite" } else { "from 0 to 1" };
                    return bad(format!("`{key}` is {value}, which is not {range}"));
                }
            }
        }
        Ok(())
    }

    /// Refuses a group of layers that none of the tensors to be merged belongs to: a slip, or heads where there are none.
    pub(crate) fn check_groups(&self, tensors: &BTreeMap<String, TensorInfo>) -> Result<(), WeightsError> {
        for (key, setting) in self.settings() {
            if let Some(group) = setting.idle_group(tensors) {
                return Err(WeightsError::Plan(format!(
                    "it sets `{key}` for the group `{group}`, to which none of the tensors belongs"
                )));
            }
        }
        Ok(())
    }

    /// All settings that may differ by tensor, with their keys.
    fn settings(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        let shared = &self.parameters;
        let of_all = [
            ("weight", &shared.weight),
            ("density", &shared.density),
            ("t", &shared.t),
            ("lambda", &shared.lambda),
        ];
        let of_models = self
            .models
            .iter()
            .flat_map(|model| [("weight", &model.parameters.weight), ("density", &model.parameters.density)]);
        of_all.into_iter().chain(of_models).filter_map(|(key, setting)| Some((key, setting.as_ref()?)))
    }

    /// The models whose task vectors are taken away somewhere: a negative weight, or a negative λ.
    pub fn negated(&self) -> Vec<&str> {
        let negative = |setting: Option<&Setting>| {
            setting.is_some_and(|setting| setting.values().into_iter().any(|value| value < 0.0))
        };
        let shared = &self.parameters;
        let of = |model: &MergeModel| {
            negative(model.parameters.weight.as_ref().or(shared.weight.as_ref()))
                != negative(shared.lambda.as_ref())
        };
        self.task_models().filter(|(_, model)| of(model)).map(|(_, model)| model.model.as_str()).collect()
    }

    /// The models whose task vectors count, with their places in the list: a base that is listed has none.
    pub(crate) fn task_models(&self) -> impl Iterator<Item = (usize, &MergeModel)> {
        self.models.iter().enumerate().filter(|(_, model)| self.base_model.as_ref() != Some(&model.model))
    }

    /// The plan in one line, for cards and lineage.
    pub fn describe(&self) -> String {
        let line = serde_json::to_string(self).unwrap_or_default();
        line.replace('"', "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NamedSetting;

    #[test]
    fn unsound_plans_are_refused_with_their_reason() {
        let with = |body: &str| format!("merge_method: ties\nbase_model: b\n{body}");
        for (text, word) in [
            ("merge_method: magic\nmodels: []".to_owned(), "magic"),
            (with("models: []"), "no models"),
            (with("models: [{model: b}]"), "besides the base"),
            (with("models: [{model: a, parameters: {weight: [0, 1]}}]"), "number"),
            (with("models: [{model: a, parameters: {density: 1.5}}]"), "density"),
            (with("models: [{model: a, parameters: {weight: .nan}}]"), "weight"),
            (with("models: [{model: a}]\nparameters: {lambda: [{filter: x, value: .inf}]}"), "lambda"),
            (with("models: [{model: a}]\nparameters: {lambda: [{group: tail, value: 1}]}"), "number"),
            (with("models: [{model: a}]\nslices: []"), "slices"),
            (with("models: [{model: a}]\ndtype: bfloat16"), "bfloat16"),
            (with("models: [{model: a}]\ntokenizer_source: union"), "tokenizer_source"),
            ("merge_method: slerp\nbase_model: b\nmodels: [{model: b}, {model: c}]".into(), "t"),
            (
                "merge_method: slerp\nbase_model: b\nparameters: {t: 0.1}\nmodels: [{model: c}, {model: d}]"
                    .into(),
                "2",
            ),
            ("merge_method: task_arithmetic\nmodels: [{model: c}]".into(), "base_model"),
            ("merge_method: linear\nbase_model: b\nmodels: [{model: c}]".into(), "base"),
            ("just text".into(), ""),
        ] {
            let error = MergePlan::from_yaml(&text).expect_err(&text).to_string();
            assert!(error.contains(word), "{text}\n{error}");
        }
    }

    #[test]
    fn a_plan_survives_toml_and_yaml() {
        let mut plan = MergePlan::task_arithmetic("b", &["x", "y"], 0.2);
        let by_name = vec![
            NamedSetting { filter: Some("attention".into()), group: None, value: 0.5 },
            NamedSetting { filter: None, group: None, value: 1.0 },
        ];
        plan.models[0].parameters.weight = Some(Setting::ByName(by_name));
        let groups = [(LayerGroup::Layers(0..=5), 0.1), (LayerGroup::FrontEnd, 0.0)];
        plan.parameters.lambda = Some(Setting::by_group(groups, 0.2));
        assert_eq!(MergePlan::from_toml(&toml::to_string(&plan).unwrap()).unwrap(), plan);
        assert_eq!(MergePlan::from_yaml(&serde_norway::to_string(&plan).unwrap()).unwrap(), plan);
        let weight = plan.models[0].parameters.weight.clone().unwrap();
        assert_eq!(weight.of("layers.0.attention.q"), Some(0.5));
        assert_eq!(weight.of("layer_norm"), Some(1.0));
    }

    #[test]
    fn what_is_taken_away_is_named() {
        let plan = MergePlan::per_culture("b", &[("x", 0.2), ("y", -0.1)], &[]);
        assert_eq!(plan.negated(), ["y"]);
        assert_eq!(MergePlan::task_arithmetic("b", &["x"], -1.0).negated(), ["x"]);
        assert!(MergePlan::task_arithmetic("b", &["x"], 1.0).negated().is_empty());
    }
}
