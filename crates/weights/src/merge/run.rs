//! Carrying out a plan, tensor by tensor and several at a time: memory holds a few tensors, never a model.
//!
//! Laws, each with a test: λ = 0 gives the base's float32 values bit for bit; the order in which a plan lists its models changes no bit; a
//! task vector gives what its model would have given; no number of threads changes anything.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::mpsc;

use rayon::prelude::*;

use super::rules::{TensorRule, elect, linear, slerp, sum};
use super::sparsify::{dare_mask, dare_with_mask, trim};
use super::{MergeMethod, MergePlan, Setting};
use crate::{Tensor, TensorInfo, TensorSource, Tensors, WeightsError};

/// Elements of results that are computed before they are handed on; three times as many may wait.
const BATCH_ELEMENTS: usize = 5 << 20;

/// The models of a plan, checked against each other.
pub(crate) struct Sources<'a> {
    plan: &'a MergePlan,
    base: Option<&'a dyn TensorSource>,
    models: &'a [&'a dyn TensorSource],
    /// Which of the models are differences from the base already.
    is_vector: Vec<bool>,
    /// Float tensors of every model.
    pub(crate) infos: BTreeMap<String, TensorInfo>,
    /// Tensors of whole numbers, which are taken from the reference as they are.
    pub(crate) others: BTreeMap<String, TensorInfo>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(
        plan: &'a MergePlan,
        base: Option<&'a dyn TensorSource>,
        models: &'a [&'a dyn TensorSource],
    ) -> Result<Self, WeightsError> {
        plan.check()?;
        if models.len() != plan.models.len() {
            return Err(WeightsError::Plan(format!(
                "it names {} models, but {} were given",
                plan.models.len(),
                models.len()
            )));
        }
        if plan.base_model.is_some() && base.is_none() {
            return Err(WeightsError::Plan("its base model was not given".into()));
        }
        let reference_name = plan.base_model.as_ref().unwrap_or(&plan.models[0].model);
        let reference = base.filter(|_| plan.base_model.is_some()).unwrap_or(models[0]);
        let (infos, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            reference.infos().into_iter().partition(|(_, info)| info.dtype.is_float());
        for (model, source) in plan.models.iter().zip(models) {
            let mut theirs = source.infos();
            theirs.retain(|_, info| info.dtype.is_float());
            compare_names(&model.model, &theirs, reference_name, &infos)?;
        }
        plan.check_groups(&infos)?;
        let base = base.filter(|_| plan.base_model.is_some());
        let is_vector = check_vectors(plan, base, models)?;
        Ok(Self { plan, base, models, is_vector, infos, others })
    }

    pub(crate) fn reference(&self) -> &'a dyn TensorSource {
        self.base.unwrap_or(self.models[0])
    }

    /// One merged tensor.
    pub(crate) fn merge(&self, name: &str) -> Result<Tensor, WeightsError> {
        let plan = self.plan;
        let rule = rule(plan, name)?;
        let base = self.base.map(|base| base.read(name)).transpose()?;
        let base_data = base.as_ref().map_or(&[][..], |tensor| &tensor.data);
        let shape = self.infos[name].shape.clone();
        let takes_differences = !matches!(rule, TensorRule::Linear { .. } | TensorRule::Slerp { .. });
        let mut chosen: Vec<Vec<f32>> = Vec::new();
        for (nth, (index, model)) in plan.task_models().enumerate() {
            let mut data = self.models[index].read(name)?.data;
            if takes_differences {
                if !self.is_vector[index] {
                    data.iter_mut().zip(base_data).for_each(|(x, &b)| *x -= b);
                }
                thin(plan, nth, &model.model, name, &mut data)?;
            }
            chosen.push(data);
        }
        // Sums in float64 depend on the order of their terms, so that is the values' own and not the plan's.
        let mut order: Vec<usize> = (0..chosen.len()).collect();
        order.sort_by(|&a, &b| {
            by_value(&chosen[a], &chosen[b]).then_with(|| rule.weight(a).total_cmp(&rule.weight(b)))
        });
        let data: Vec<&[f32]> = order.iter().map(|&index| chosen[index].as_slice()).collect();
        let merged = merge_tensor(&rule.reordered(&order), base_data, &data);
        let tensor = Tensor { shape, data: merged };
        match tensor.data.iter().position(|x| !x.is_finite()) {
            None => Ok(tensor),
            Some(position) => Err(self.culprit(name, position)),
        }
    }

    /// The model whose value is not finite; the merge itself when none is.
    fn culprit(&self, name: &str, position: usize) -> WeightsError {
        let bad = |source: &dyn TensorSource| {
            source.read(name).is_ok_and(|tensor| tensor.data.get(position).is_some_and(|x| !x.is_finite()))
        };
        let base = self.base.filter(|base| bad(*base)).and(self.plan.base_model.as_ref());
        let mut listed = self.plan.models.iter().zip(self.models);
        let model = base.or_else(|| listed.find(|(_, source)| bad(**source)).map(|(model, _)| &model.model));
        WeightsError::NotFinite {
            model: model.map_or_else(|| "the merged model".into(), Clone::clone),
            tensor: name.into(),
            position,
        }
    }
}

/// Which inputs are task vectors: they must be of this very base, and of a method that adds task vectors to it.
fn check_vectors(
    plan: &MergePlan,
    base: Option<&dyn TensorSource>,
    models: &[&dyn TensorSource],
) -> Result<Vec<bool>, WeightsError> {
    let refused = |name: &str, reason: &str| {
        WeightsError::Plan(format!("`{name}` is a task vector, not a model, {reason}"))
    };
    if let (Some(name), Some(true)) = (&plan.base_model, base.map(|base| base.vector_base().is_some())) {
        return Err(refused(name, "and cannot be the base"));
    }
    let mut base_hash: Option<String> = None;
    let mut is_vector = Vec::new();
    for (model, source) in plan.models.iter().zip(models) {
        let needed = source.vector_base();
        is_vector.push(needed.is_some());
        let Some(needed) = needed else { continue };
        if let (Some(name), true) = (&plan.base_model, plan.base_model.as_ref() == Some(&model.model)) {
            return Err(refused(name, "and cannot be the base"));
        }
        let Some(base) = base.filter(|_| plan.merge_method != MergeMethod::Slerp) else {
            return Err(refused(&model.model, "and this method needs whole models"));
        };
        let found = match &base_hash {
            Some(hash) => hash.clone(),
            None => base_hash.insert(base.content_hash()?.to_string()).clone(),
        };
        if found != needed {
            return Err(WeightsError::VectorBase {
                vector: model.model.clone(),
                needed,
                base: plan.base_model.clone().unwrap_or_default(),
                found,
            });
        }
    }
    Ok(is_vector)
}

/// A total order of tensors by their elements, the first that differs deciding.
fn by_value(a: &[f32], b: &[f32]) -> Ordering {
    a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn compare_names(
    model: &str,
    theirs: &BTreeMap<String, TensorInfo>,
    reference: &str,
    ours: &BTreeMap<String, TensorInfo>,
) -> Result<(), WeightsError> {
    let differs = |trouble, tensor: &String| WeightsError::MergeNames {
        model: model.into(),
        trouble,
        tensor: tensor.clone(),
        reference: reference.into(),
    };
    for (tensor, info) in ours {
        let found = theirs.get(tensor).ok_or_else(|| differs("lacks", tensor))?;
        if found.shape != info.shape {
            return Err(WeightsError::MergeShape {
                tensor: tensor.clone(),
                model: model.into(),
                found: found.shape.clone(),
                reference: reference.into(),
                needed: info.shape.clone(),
            });
        }
    }
    theirs
        .keys()
        .find(|&tensor| !ours.contains_key(tensor))
        .map_or(Ok(()), |tensor| Err(differs("has the extra", tensor)))
}

/// The rule of a plan for one tensor.
fn rule(plan: &MergePlan, tensor: &str) -> Result<TensorRule, WeightsError> {
    let parameters = &plan.parameters;
    if plan.merge_method == MergeMethod::Slerp {
        let t = parameters.t.as_ref().and_then(|t| t.of(tensor));
        let t = t.ok_or_else(|| WeightsError::Plan(format!("it gives no `t` for tensor `{tensor}`")))?;
        // The position counts from the base, whichever of the two models is listed first.
        return Ok(TensorRule::Slerp { t });
    }
    let mut weights = Vec::new();
    for (_, model) in plan.task_models() {
        let own = model.parameters.weight.as_ref().and_then(|weight| weight.of(tensor));
        let weight = own.or_else(|| parameters.weight.as_ref().and_then(|weight| weight.of(tensor)));
        weights.push(weight.ok_or_else(|| {
            WeightsError::Plan(format!(
                "it gives no `weight` to model `{}` for tensor `{tensor}`",
                model.model
            ))
        })?);
    }
    let lambda = parameters.lambda.as_ref().and_then(|lambda| lambda.of(tensor)).unwrap_or(1.0);
    let normalize = |default| parameters.normalize.unwrap_or(default);
    Ok(match plan.merge_method {
        MergeMethod::Linear => {
            let normalize = normalize(true);
            if normalize && weights.iter().sum::<f64>().abs() < 1e-8 {
                let reason = "`linear` divides by the sum of the weights, which is 0; set `normalize: false`";
                return Err(WeightsError::Plan(reason.into()));
            }
            TensorRule::Linear { weights, normalize }
        }
        MergeMethod::Ties => TensorRule::Elect { weights, normalize: normalize(true), lambda },
        MergeMethod::DareTies => TensorRule::Elect { weights, normalize: normalize(false), lambda },
        _ => TensorRule::Sum { weights, normalize: normalize(false), lambda },
    })
}

/// Thins a task vector as the method asks.
fn thin(
    plan: &MergePlan,
    index: usize,
    model: &str,
    tensor: &str,
    delta: &mut [f32],
) -> Result<(), WeightsError> {
    let parameters = &plan.parameters;
    let own = plan.task_models().nth(index).and_then(|(_, model)| model.parameters.density.as_ref());
    let of = |setting: Option<&Setting>| setting.and_then(|setting| setting.of(tensor));
    let density = of(own).or_else(|| of(parameters.density.as_ref())).unwrap_or(1.0);
    match plan.merge_method {
        MergeMethod::Ties => {
            if u32::try_from(delta.len()).is_err() {
                return Err(WeightsError::Plan(format!("tensor `{tensor}` is too large to be trimmed")));
            }
            trim(delta, density, parameters.rescale.unwrap_or(false));
        }
        MergeMethod::DareLinear | MergeMethod::DareTies if density < 1.0 => {
            let mask = dare_mask(plan.seed, model, tensor, delta.len(), density);
            let rule = parameters.dare_rescale.unwrap_or_default();
            dare_with_mask(delta, &mask, density, parameters.rescale.unwrap_or(true).then_some(rule));
        }
        _ => {}
    }
    Ok(())
}

/// Applies a rule to one tensor: `inputs` are whole models for [`TensorRule::Linear`] and [`TensorRule::Slerp`], task vectors
/// otherwise, all as long as `base` (which the linear rule does not read).
pub fn merge_tensor(rule: &TensorRule, base: &[f32], inputs: &[&[f32]]) -> Vec<f32> {
    match rule {
        TensorRule::Linear { weights, normalize } => linear(inputs, weights, *normalize),
        TensorRule::Sum { weights, normalize, lambda } => sum(base, inputs, weights, *normalize, *lambda),
        TensorRule::Elect { weights, normalize, lambda } => elect(base, inputs, weights, *normalize, *lambda),
        TensorRule::Slerp { t } => {
            inputs.first().map_or_else(|| base.to_vec(), |other| slerp(base, other, *t))
        }
    }
}

/// The merged float tensors in memory, with nothing written: the models are read a few tensors at a time, so that memory holds the
/// result (4 bytes a parameter) and for each model at most 64 MiB or its largest tensor besides.
pub fn merge_in_memory(
    plan: &MergePlan,
    base: Option<&dyn TensorSource>,
    models: &[&dyn TensorSource],
) -> Result<Tensors, WeightsError> {
    let mut merged = Tensors::new();
    merge_tensors(plan, base, models, |name, tensor| {
        merged.insert(name, tensor);
        Ok(())
    })?;
    Ok(merged)
}

/// Merges all float tensors, several at a time, and hands them to `sink` in the order of their names. `models` are those of the
/// plan, in its order. The result does not depend on the number of threads.
pub fn merge_tensors(
    plan: &MergePlan,
    base: Option<&dyn TensorSource>,
    models: &[&dyn TensorSource],
    sink: impl FnMut(&str, Tensor) -> Result<(), WeightsError>,
) -> Result<(), WeightsError> {
    merge_checked(&Sources::new(plan, base, models)?, sink)
}

pub(crate) fn merge_checked(
    sources: &Sources<'_>,
    mut sink: impl FnMut(&str, Tensor) -> Result<(), WeightsError>,
) -> Result<(), WeightsError> {
    let all: Vec<(&String, usize)> =
        sources.infos.iter().map(|(name, info)| (name, info.n_elements().unwrap_or(0))).collect();
    // Hashing and writing one batch takes as long as computing the next, so they go side by side.
    std::thread::scope(|scope| {
        let (done, results) = mpsc::sync_channel(1);
        scope.spawn(move || {
            let mut rest = &all[..];
            while !rest.is_empty() {
                let (batch, later) = rest.split_at(batch_length(rest));
                let merged: Vec<(&String, Result<Tensor, WeightsError>)> =
                    batch.par_iter().map(|(name, _)| (*name, sources.merge(name))).collect();
                // Nobody takes them after an error.
                if done.send(merged).is_err() {
                    return;
                }
                rest = later;
            }
        });
        results.into_iter().flatten().try_for_each(|(name, tensor)| sink(name, tensor?))
    })
}

/// How many of the next tensors are computed together, at least one.
fn batch_length(rest: &[(&String, usize)]) -> usize {
    let mut elements = 0;
    let fits = rest.iter().take_while(|(_, n)| {
        elements += n;
        elements <= BATCH_ELEMENTS
    });
    fits.count().max(1)
}
