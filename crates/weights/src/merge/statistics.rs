//! What task vectors look like together, before they are merged.
//!
//! ‖τ_i‖₂, cos(τ_i, τ_j), and the share of entries in which τ_i and τ_j both move and move the same way. Sums in float64, in the
//! order of the tensors' names, so that the number of threads changes nothing.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::MergePlan;
use super::run::Sources;
use crate::{TensorSource, WeightsError};

/// Statistics of the task vectors of some models against one base.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskVectorStatistics {
    /// Names of the models.
    pub models: Vec<String>,
    /// ‖θ_b‖₂.
    pub base_norm: f64,
    /// ‖τ_i‖₂.
    pub norms: Vec<f64>,
    /// cos(τ_i, τ_j); 0 where either is 0.
    pub cosines: Vec<Vec<f64>>,
    /// Of the entries that both move, the share that they move the same way; 0 where there are none.
    pub sign_agreement: Vec<Vec<f64>>,
    /// ‖τ_i‖₂ of every tensor.
    pub tensor_norms: BTreeMap<String, Vec<f64>>,
}

#[derive(Clone, Default)]
struct Sums {
    base: f64,
    dots: Vec<f64>,
    same: Vec<u64>,
    both: Vec<u64>,
}

/// Reads the models tensor by tensor and compares their task vectors. A model may be a task vector itself.
pub fn task_vector_statistics(
    base: &dyn TensorSource,
    models: &[(&str, &dyn TensorSource)],
) -> Result<TaskVectorStatistics, WeightsError> {
    let names: Vec<&str> = models.iter().map(|(name, _)| *name).collect();
    let sources: Vec<&dyn TensorSource> = models.iter().map(|(_, source)| *source).collect();
    // Only the check of the names is wanted here; this base's name is none of the models'.
    let base_name = std::iter::repeat_n("base ", names.len() + 1).collect::<String>();
    let plan = MergePlan::task_arithmetic(base_name, &names, 1.0);
    let infos = Sources::new(&plan, Some(base), &sources)?.infos;
    let n = models.len();
    let tensors: Vec<&String> = infos.keys().collect();
    let sums: Vec<Result<Sums, WeightsError>> =
        tensors.par_iter().map(|name| compare(base, &sources, name)).collect();
    let mut total = Sums { base: 0.0, dots: vec![0.0; n * n], same: vec![0; n * n], both: vec![0; n * n] };
    let mut tensor_norms = BTreeMap::new();
    for (name, sums) in tensors.into_iter().zip(sums) {
        let sums = sums?;
        total.base += sums.base;
        for pair in 0..n * n {
            total.dots[pair] += sums.dots[pair];
            total.same[pair] += sums.same[pair];
            total.both[pair] += sums.both[pair];
        }
        tensor_norms.insert(name.clone(), (0..n).map(|i| sums.dots[i * n + i].sqrt()).collect());
    }
    let norms: Vec<f64> = (0..n).map(|i| total.dots[i * n + i].sqrt()).collect();
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let matrix =
        |at: &dyn Fn(usize, usize) -> f64| (0..n).map(|i| (0..n).map(|j| at(i, j)).collect()).collect();
    Ok(TaskVectorStatistics {
        models: names.into_iter().map(Into::into).collect(),
        base_norm: total.base.sqrt(),
        cosines: matrix(&|i, j| ratio(total.dots[i * n + j], norms[i] * norms[j])),
        sign_agreement: matrix(&|i, j| ratio(total.same[i * n + j] as f64, total.both[i * n + j] as f64)),
        norms,
        tensor_norms,
    })
}

fn compare(base: &dyn TensorSource, models: &[&dyn TensorSource], name: &str) -> Result<Sums, WeightsError> {
    let base = base.read(name)?.data;
    let n = models.len();
    let mut deltas = Vec::with_capacity(n);
    for model in models {
        let mut delta = model.read(name)?.data;
        if model.vector_base().is_none() {
            delta.iter_mut().zip(&base).for_each(|(x, b)| *x -= b);
        }
        deltas.push(delta);
    }
    let mut sums = Sums {
        base: base.iter().map(|&x| f64::from(x) * f64::from(x)).sum(),
        dots: vec![0.0; n * n],
        same: vec![0; n * n],
        both: vec![0; n * n],
    };
    for i in 0..n {
        for j in i..n {
            let (mut dot, mut same, mut both) = (0.0f64, 0u64, 0u64);
            for (&a, &b) in deltas[i].iter().zip(&deltas[j]) {
                dot += f64::from(a) * f64::from(b);
                let moved = a != 0.0 && b != 0.0;
                both += u64::from(moved);
                same += u64::from(moved && (a > 0.0) == (b > 0.0));
            }
            for pair in [i * n + j, j * n + i] {
                (sums.dots[pair], sums.same[pair], sums.both[pair]) = (dot, same, both);
            }
        }
    }
    Ok(sums)
}
