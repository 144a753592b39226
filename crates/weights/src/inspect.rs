//! What a model file holds, and how two of them differ.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use crate::tensors::is_torch;
use crate::{Dtype, Place, TensorSource, TorchCheckpoint, WeightsError, locate, open_source};

/// What a model file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The file or directory.
    pub path: String,
    /// `safetensors`, `torch`, or `torch (legacy)`.
    pub format: &'static str,
    /// All tensors, by name.
    pub tensors: Vec<ListedTensor>,
    /// Elements of all tensors of floats.
    pub n_parameters: usize,
    /// Bytes of all tensors.
    pub n_bytes: usize,
    /// Hash over names, shapes and values of all tensors of floats.
    pub content_hash: String,
    /// Classes of objects in a torch checkpoint that were not looked into.
    pub skipped: Vec<String>,
}

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedTensor {
    /// Its name; in a torch checkpoint the way to it.
    pub name: String,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Type of its elements.
    pub dtype: Dtype,
    /// SHA-256 of its bytes in C order, little-endian.
    pub sha256: String,
}

/// Lists a safetensors file, a torch checkpoint (with optimiser state and all) or a model directory.
pub fn inspect(path: &Path) -> Result<Listing, WeightsError> {
    let (source, format, skipped): (Box<dyn TensorSource>, _, _) = if path.is_file() && is_torch(path)? {
        let checkpoint = TorchCheckpoint::open(path)?;
        let format = if checkpoint.is_legacy() { "torch (legacy)" } else { "torch" };
        let skipped = checkpoint.skipped().to_vec();
        (Box::new(checkpoint), format, skipped)
    } else {
        (open_source(path)?, "safetensors", Vec::new())
    };
    let infos: Vec<_> = source.infos().into_iter().collect();
    let listed = infos.into_par_iter().map(|(name, info)| {
        let sha256 = source.read_raw(&name)?.sha256().to_string();
        Ok(ListedTensor { name, shape: info.shape, dtype: info.dtype, sha256 })
    });
    let tensors = listed.collect::<Result<Vec<_>, WeightsError>>()?;
    let elements = |tensor: &ListedTensor| tensor.shape.iter().product::<usize>();
    Ok(Listing {
        path: path.display().to_string(),
        format,
        n_parameters: tensors.iter().filter(|tensor| tensor.dtype.is_float()).map(elements).sum(),
        n_bytes: tensors.iter().map(|tensor| elements(tensor) * tensor.dtype.size()).sum(),
        content_hash: source.content_hash()?.to_string(),
        tensors,
        skipped,
    })
}

/// How two files differ. Numbers are compared as float32, so a file in half precision equals its widening.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Tensors of both in the same shape.
    pub n_compared: usize,
    /// Of these, those with the same values to the last bit (and NaN where the other has NaN).
    pub n_equal: usize,
    /// Names only the first has.
    pub only_in_first: Vec<String>,
    /// Names only the second has.
    pub only_in_second: Vec<String>,
    /// Names that have different shapes.
    pub other_shape: Vec<String>,
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
    pub first: f32,
    /// Value in the second.
    pub second: f32,
    /// Absolute difference; infinite where only one is NaN.
    pub size: f64,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.first.is_none()
            && self.only_in_first.is_empty()
            && self.only_in_second.is_empty()
            && self.other_shape.is_empty()
    }
}

/// Compares two files, or two models in different dialects: names that both dialects share count as one.
pub fn compare(first: &Path, second: &Path) -> Result<Comparison, WeightsError> {
    compare_sources(open_source(first)?.as_ref(), open_source(second)?.as_ref())
}

/// Compares two sources of tensors.
pub fn compare_sources(
    first: &dyn TensorSource,
    second: &dyn TensorSource,
) -> Result<Comparison, WeightsError> {
    let names = |source: &dyn TensorSource| -> BTreeMap<String, String> {
        let floats = source.infos().into_iter().filter(|(_, info)| info.dtype.is_float());
        floats.map(|(name, _)| (canonical(&name), name)).collect()
    };
    let (ours, mut theirs) = (names(first), names(second));
    let mut comparison = Comparison::default();
    let mut common = Vec::new();
    for (name, a) in ours {
        match theirs.remove(&name) {
            Some(b) => common.push((name, a, b)),
            None => comparison.only_in_first.push(a),
        }
    }
    comparison.only_in_second = theirs.into_values().collect();
    let results = common.par_iter().map(|(name, a, b)| {
        let (a, b) = (first.read(a)?, second.read(b)?);
        Ok((a.shape == b.shape).then(|| differences(name, &a.data, &b.data)))
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
    Ok(comparison)
}

fn canonical(name: &str) -> String {
    match locate(name) {
        Some(Place::Encoder(ours) | Place::Head(ours)) => ours,
        _ => name.to_owned(),
    }
}

/// First and largest difference of two equally long lists.
fn differences(tensor: &str, first: &[f32], second: &[f32]) -> Option<(Difference, Difference)> {
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

fn size_of_difference(a: f32, b: f32) -> f64 {
    let size = (f64::from(a) - f64::from(b)).abs();
    if size.is_nan() { f64::INFINITY } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tensor, Tensors, write_safetensors};

    fn tensors(values: [(&str, &[f32]); 2]) -> Tensors {
        let tensor = |data: &[f32]| Tensor { shape: vec![data.len()], data: data.to_vec() };
        values.into_iter().map(|(name, data)| (name.to_owned(), tensor(data))).collect()
    }

    #[test]
    fn first_and_worst_difference_are_told() {
        let a = tensors([("mask_emb", &[1.0, 2.0, 3.0]), ("x", &[1.0, f32::NAN])]);
        let b = tensors([("masked_spec_embed", &[1.0, 2.5, 1.0]), ("x", &[1.0, f32::NAN])]);
        let comparison = compare_sources(&a, &b).unwrap();
        assert!(!comparison.is_equal());
        assert_eq!((comparison.n_compared, comparison.n_equal), (2, 1));
        assert_eq!(comparison.first.unwrap().position, 1);
        assert_eq!(comparison.worst.unwrap().position, 2);
        assert!(compare_sources(&a, &a).unwrap().is_equal());
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
    fn a_listing_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.safetensors");
        write_safetensors(&path, &tensors([("x", &[1.0]), ("y", &[0.0, 1.0])]), &BTreeMap::new()).unwrap();
        let listing = inspect(&path).unwrap();
        assert_eq!((listing.n_parameters, listing.n_bytes, listing.tensors.len()), (3, 12, 2));
        assert_eq!(listing.tensors[0].sha256, files::hash_bytes(&1.0f32.to_le_bytes()).to_string());
    }
}
