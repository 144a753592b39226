//! Named float32 tensors in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map;

use files::{ContentHash, Hasher};

use super::{Dtype, RawTensor, TensorInfo, TensorSource};
use crate::WeightsError;

/// Float32 numbers in C order with the sizes of their axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Sizes of the axes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// All elements.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of this shape, or `None` when the number of elements is another.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Option<Self> {
        let tensor = Self { shape: shape.into(), data };
        tensor.is_consistent().then_some(tensor)
    }

    /// Whether shape and number of elements agree.
    pub fn is_consistent(&self) -> bool {
        self.info().n_elements() == Some(self.data.len())
    }

    /// Type and shape.
    pub fn info(&self) -> TensorInfo {
        TensorInfo { dtype: Dtype::Float32, shape: self.shape.clone() }
    }

    /// The elements as little-endian bytes: as they lie in memory, where that is their order.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            Cow::Borrowed(bytemuck::cast_slice(&self.data))
        } else {
            Cow::Owned(self.data.iter().flat_map(|x| x.to_le_bytes()).collect())
        }
    }
}

/// Tensors by name, in the order of their names. Tensors of whole numbers, which no model computes with, are kept apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    floats: BTreeMap<String, Tensor>,
    others: BTreeMap<String, RawTensor>,
}

impl Tensors {
    /// No tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor, in place of any other of that name.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) {
        let name = name.into();
        self.others.remove(&name);
        self.floats.insert(name, tensor);
    }

    /// Adds a tensor as a file has it: floats are widened, whole numbers kept as they are.
    pub fn insert_raw(&mut self, name: impl Into<String>, tensor: RawTensor) {
        let name = name.into();
        if let Some(data) = tensor.to_f32() {
            self.insert(name, Tensor { shape: tensor.info.shape, data });
        } else {
            self.floats.remove(&name);
            self.others.insert(name, tensor);
        }
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.floats.get(name)
    }

    /// The tensor of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Tensor> {
        self.floats.get_mut(name)
    }

    /// Takes the tensor of this name out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        self.floats.remove(name)
    }

    /// Whether there is a float tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.floats.contains_key(name)
    }

    /// Names of the float tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.floats.keys().map(String::as_str)
    }

    /// The float tensors in the order of their names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Tensor> {
        self.floats.iter()
    }

    /// Tensors of whole numbers, by name.
    pub fn others(&self) -> &BTreeMap<String, RawTensor> {
        &self.others
    }

    /// Number of float tensors.
    pub fn len(&self) -> usize {
        self.floats.len()
    }

    /// Whether there are no float tensors.
    pub fn is_empty(&self) -> bool {
        self.floats.is_empty()
    }

    /// Number of float elements of all tensors.
    pub fn n_parameters(&self) -> usize {
        self.floats.values().map(|tensor| tensor.data.len()).sum()
    }

    /// Hash over names, shapes and float32 values: the same model in half and single precision files differs only if its values do.
    pub fn content_hash(&self) -> ContentHash {
        let mut hasher = Hasher::default();
        for (name, tensor) in &self.floats {
            hash_tensor(&mut hasher, name, tensor);
        }
        hasher.finish()
    }
}

pub(crate) fn hash_tensor(hasher: &mut Hasher, name: &str, tensor: &Tensor) {
    let shape: Vec<u8> = tensor.shape.iter().flat_map(|&n| (n as u64).to_le_bytes()).collect();
    hasher.part(name).part(shape).part(tensor.bytes());
}

impl FromIterator<(String, Tensor)> for Tensors {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(tensors: I) -> Self {
        Self { floats: tensors.into_iter().collect(), others: BTreeMap::new() }
    }
}

impl Extend<(String, Tensor)> for Tensors {
    fn extend<I: IntoIterator<Item = (String, Tensor)>>(&mut self, tensors: I) {
        tensors.into_iter().for_each(|(name, tensor)| self.insert(name, tensor));
    }
}

impl IntoIterator for Tensors {
    type Item = (String, Tensor);
    type IntoIter = btree_map::IntoIter<String, Tensor>;

    /// The float tensors; those of whole numbers are left behind.
    fn into_iter(self) -> Self::IntoIter {
        self.floats.into_iter()
    }
}

impl<'a> IntoIterator for &'a Tensors {
    type Item = (&'a String, &'a Tensor);
    type IntoIter = btree_map::Iter<'a, String, Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TensorSource for Tensors {
    fn place(&self) -> String {
        "tensors in memory".into()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        let floats = self.floats.iter().map(|(name, tensor)| (name.clone(), tensor.info()));
        floats.chain(self.others.iter().map(|(name, tensor)| (name.clone(), tensor.info.clone()))).collect()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        if let Some(tensor) = self.floats.get(name) {
            return Ok(RawTensor { info: tensor.info(), bytes: tensor.bytes().into_owned() });
        }
        self.others.get(name).cloned().ok_or_else(|| self.no_tensor(name))
    }

    fn read(&self, name: &str) -> Result<Tensor, WeightsError> {
        self.floats.get(name).cloned().map_or_else(|| self.widened(name), Ok)
    }
}
