//! How two model files differ, whatever dialects they speak.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use crate::inspect::open_listed;
use crate::{Place, TensorInfo, TensorSource, WeightsError, locate};

/// How two files differ. Numbers are compared as float32, so a file in half precision equals its widening.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Whether nothing differs.
    pub equal: bool,
    /// Tensors of both in the same shape.
    pub n_compared: usize,
    /// Of these, those with the same values to the last bit (and NaN where the other has NaN).
    pub n_equal: usize,
    /// Names only the first has.
    pub only_in_first: Vec<String>,
    /// Names only the second has.
    pub only_in_second: Vec<String>,
    /// Names that have different shapes, or whole numbers in one and floating point numbers in the other.
    pub other_shape: Vec<String>,
    /// Constants of the constant-Q transform that only one of the two holds: they are computed, not learned, and make no difference.
    pub constants: Vec<String>,
    /// The first difference in the order of names and positions.
    pub first: Option<Difference>,
    /// The largest.
    pub worst: Option<Difference>,
}

/// One element that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Name of the tensor.
    pub tensor: String,
    /// Index into its elements in C order.
    pub position: usize,
    /// Value in the first file.
    pub first: f64,
    /// Value in the second.
    pub second: f64,
    /// Absolute difference; infinite where only one is NaN.
    pub size: f64,
}

/// Compares two files, or two models in different dialects, heads included: names that both dialects share count as one.
pub fn compare(first: &Path, second: &Path) -> Result<Comparison, WeightsError> {
    compare_sources(open_listed(first)?.as_ref(), open_listed(second)?.as_ref())
}

/// Compares two sources of tensors.
pub fn compare_sources(
    first: &dyn TensorSource,
    second: &dyn TensorSource,
) -> Result<Comparison, WeightsError> {
    let (ours, mut theirs) = (by_canonical_name(first), by_canonical_name(second));
    let mut comparison = Comparison::default();
    let mut common = Vec::new();
    for (name, a) in ours {
        match theirs.remove(&name) {
            Some(b) => common.push((name, a, b)),
            None if is_constant(&a) => comparison.constants.push(a),
            None => comparison.only_in_first.push(a),
        }
    }
    let (constants, only): (Vec<_>, Vec<_>) = theirs.into_values().partition(|name| is_constant(name));
    comparison.constants.extend(constants);
    comparison.only_in_second = only;
    let (of_first, of_second) = (first.infos(), second.infos());
    let results = common.par_iter().map(|(name, a, b)| {
        let comparable = are_comparable(&of_first[a], &of_second[b]);
        comparable.then(|| Ok(differences(name, &values(first, a)?, &values(second, b)?))).transpose()
    });
    let results = results.collect::<Result<Vec<_>, WeightsError>>()?;
    for ((name, ..), result) in common.iter().zip(results) {
        let Some(found) = result else {
            comparison.other_shape.push(name.clone());
            continue;
        };
        comparison.n_compared += 1;
        let Some((earliest, largest)) = found else {
            comparison.n_equal += 1;
            continue;
        };
        comparison.first.get_or_insert(earliest);
        if comparison.worst.as_ref().is_none_or(|worst| largest.size > worst.size) {
            comparison.worst = Some(largest);
        }
    }
    let Comparison { only_in_first, only_in_second, other_shape, first, .. } = &comparison;
    comparison.equal =
        first.is_none() && [only_in_first, only_in_second, other_shape].iter().all(|names| names.is_empty());
    Ok(comparison)
}

/// Names of a source by what they mean; a name that means what another does stands for itself.
fn by_canonical_name(source: &dyn TensorSource) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for name in source.infos().into_keys() {
        let canonical = match locate(&name) {
            Some(Place::Encoder(ours) | Place::Head(ours)) if !names.contains_key(&ours) => ours,
            _ => name.clone(),
        };
        names.insert(canonical, name);
    }
    names
}

fn is_constant(name: &str) -> bool {
    locate(name) == Some(Place::Ignored)
}

fn are_comparable(a: &TensorInfo, b: &TensorInfo) -> bool {
    a.shape == b.shape && (a.dtype.is_float() == b.dtype.is_float())
}

/// All elements; floating point numbers as float32 sees them.
fn values(source: &dyn TensorSource, name: &str) -> Result<Vec<f64>, WeightsError> {
    let raw = source.read_raw(name)?;
    let floats = raw.to_f32().map(|floats| floats.into_iter().map(f64::from).collect());
    Ok(floats.unwrap_or_else(|| raw.info.dtype.whole_numbers(&raw.bytes)))
}

/// First and largest difference of two equally long lists.
fn differences(tensor: &str, first: &[f64], second: &[f64]) -> Option<(Difference, Difference)> {
    let (mut earliest, mut largest): (Option<usize>, (usize, f64)) = (None, (0, -1.0));
    for (position, (&a, &b)) in first.iter().zip(second).enumerate() {
        if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) {
            continue;
        }
        earliest.get_or_insert(position);
        let size = size_of_difference(a, b);
        if size > largest.1 {
            largest = (position, size);
        }
    }
    let difference = |position: usize| {
        let (first, second) = (first[position], second[position]);
        let size = size_of_difference(first, second);
        Difference { tensor: tensor.into(), position, first, second, size }
    };
    earliest.map(|earliest| (difference(earliest), difference(largest.0)))
}

fn size_of_difference(a: f64, b: f64) -> f64 {
    let size = (a - b).abs();
    if size.is_nan() { f64::INFINITY } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dtype, RawTensor, Tensor, Tensors};

    fn tensors(values: [(&str, &[f32]); 2]) -> Tensors {
        let tensor = |data: &[f32]| Tensor { shape: vec![data.len()], data: data.to_vec() };
        values.into_iter().map(|(name, data)| (name.to_owned(), tensor(data))).collect()
    }

    #[test]
    fn first_and_worst_difference_are_told() {
        let a = tensors([("mask_emb", &[1.0, 2.0, 3.0]), ("x", &[1.0, f32::NAN])]);
        let b = tensors([("masked_spec_embed", &[1.0, 2.5, 1.0]), ("x", &[1.0, f32::NAN])]);
        let comparison = compare_sources(&a, &b).unwrap();
        assert!(!comparison.equal);
        assert_eq!((comparison.n_compared, comparison.n_equal), (2, 1));
        assert_eq!(comparison.first.unwrap().position, 1);
        assert_eq!(comparison.worst.unwrap().position, 2);
        assert!(compare_sources(&a, &a).unwrap().equal);
    }

    #[test]
    fn a_nan_on_one_side_is_the_worst() {
        let a = tensors([("x", &[f32::NAN, 9.0]), ("y", &[0.0])]);
        let b = tensors([("x", &[0.0, 0.0]), ("y", &[0.0, 1.0])]);
        let comparison = compare_sources(&a, &b).unwrap();
        assert_eq!(comparison.other_shape, ["y"]);
        assert!(comparison.worst.unwrap().size.is_infinite());
    }

    #[test]
    fn whole_numbers_are_compared_too_and_constants_make_no_difference() {
        let numbers = |values: [i64; 2]| {
            let info = TensorInfo { dtype: Dtype::Int64, shape: vec![2] };
            let mut tensors = Tensors::new();
            let bytes = values.iter().flat_map(|n| n.to_le_bytes()).collect();
            tensors.insert_raw("steps", RawTensor { info, bytes });
            tensors
        };
        let (a, mut b) = (numbers([1, 2]), numbers([1, -3]));
        let worst = compare_sources(&a, &b).unwrap().worst.unwrap();
        assert_eq!((worst.position, worst.first, worst.second), (1, 2.0, -3.0));
        b = numbers([1, 2]);
        b.insert("encoder_cqt_model.spec_layer.lenghts", Tensor { shape: vec![1], data: vec![1.0] });
        let comparison = compare_sources(&a, &b).unwrap();
        assert!(comparison.equal && comparison.constants.len() == 1);
    }
}
