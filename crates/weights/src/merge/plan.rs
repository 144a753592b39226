//! What is to be merged and how, as a value: read from TOML or from the part of mergekit's YAML that applies to plain tensors.
//!
//! Keys and defaults are mergekit's (0.1.5). Refused rather than ignored: slices, tokenizers, gradients over layers.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::DareRescale;
use crate::WeightsError;
use crate::model::read_text;

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
    /// Factor of the merged task vector, after normalisation; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
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

/// A number for all tensors, or numbers by tensor name of which the first that fits counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list of `filter` and `value`")]
pub enum Setting {
    /// For all tensors.
    Everywhere(f64),
    /// By name.
    ByName(Vec<NamedSetting>),
}

/// A number for the tensors whose names contain a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSetting {
    /// The text; absent or `*`: all tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The number.
    pub value: f64,
}

impl Setting {
    /// The number for a tensor.
    pub fn of(&self, tensor: &str) -> Option<f64> {
        let fits = |setting: &&NamedSetting| {
            setting.filter.as_deref().is_none_or(|filter| filter == "*" || tensor.contains(filter))
        };
        match self {
            Self::Everywhere(value) => Some(*value),
            Self::ByName(settings) => settings.iter().find(fits).map(|setting| setting.value),
        }
    }

    fn values(&self) -> Vec<f64> {
        match self {
            Self::Everywhere(value) => vec![*value],
            Self::ByName(settings) => settings.iter().map(|setting| setting.value).collect(),
        }
    }
}

impl MergePlan {
    /// θ_b + λ·Σ τ_i: every model with weight 1.
    pub fn task_arithmetic(base: impl Into<String>, models: &[impl AsRef<str>], lambda: f64) -> Self {
        let weight = Some(Setting::Everywhere(1.0));
        let model = |name: &str| MergeModel {
            model: name.into(),
            parameters: ModelParameters { weight: weight.clone(), density: None },
        };
        Self {
            merge_method: MergeMethod::TaskArithmetic,
            base_model: Some(base.into()),
            dtype: None,
            seed: 0,
            parameters: MergeParameters { lambda: Some(lambda), ..MergeParameters::default() },
            models: models.iter().map(|name| model(name.as_ref())).collect(),
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
        let of_models = self
            .models
            .iter()
            .flat_map(|model| [("weight", &model.parameters.weight), ("density", &model.parameters.density)]);
        let shared = &self.parameters;
        let of_all = [("weight", &shared.weight), ("density", &shared.density), ("t", &shared.t)];
        for (key, value) in of_models.chain(of_all) {
            for value in value.iter().flat_map(Setting::values) {
                let sound = value.is_finite() && (key == "weight" || (0.0..=1.0).contains(&value));
                if !sound {
                    let range = if key == "weight" { "finite" } else { "from 0 to 1" };
                    return bad(format!("`{key}` is {value}, which is not {range}"));
                }
            }
        }
        match self.parameters.lambda {
            Some(lambda) if !lambda.is_finite() => bad(format!("`lambda` is {lambda}, which is not finite")),
            _ => Ok(()),
        }
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
            NamedSetting { filter: Some("attention".into()), value: 0.5 },
            NamedSetting { filter: None, value: 1.0 },
        ];
        plan.models[0].parameters.weight = Some(Setting::ByName(by_name));
        assert_eq!(MergePlan::from_toml(&toml::to_string(&plan).unwrap()).unwrap(), plan);
        assert_eq!(MergePlan::from_yaml(&serde_norway::to_string(&plan).unwrap()).unwrap(), plan);
        let weight = plan.models[0].parameters.weight.clone().unwrap();
        assert_eq!(weight.of("layers.0.attention.q"), Some(0.5));
        assert_eq!(weight.of("layer_norm"), Some(1.0));
    }
}
