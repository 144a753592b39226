//! Where tensors come from, one at a time: merging five models of a gigabyte must not need five gigabytes.

use std::collections::BTreeMap;
use std::collections::btree_map;

use files::{ContentHash, Hasher};

use super::named::hash_tensor;
use super::{RawTensor, Tensor, TensorInfo, Tensors};
use crate::{Unused, WeightsError};

/// Named tensors that can be read in any order and from several threads.
pub trait TensorSource: Send + Sync {
    /// What to call this source in messages, usually its path.
    fn place(&self) -> String;

    /// Types and shapes of all tensors, by name.
    fn infos(&self) -> BTreeMap<String, TensorInfo>;

    /// One tensor as stored.
    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError>;

    /// One tensor as float32; whole numbers are an error.
    fn read(&self, name: &str) -> Result<Tensor, WeightsError> {
        self.widened(name)
    }

    /// Tensors of the file that are not offered, with the reason.
    fn set_aside(&self) -> Vec<Unused> {
        Vec::new()
    }

    /// Where the tensors are a task vector: content hash of the model that they are differences from. `None` for a whole model.
    fn vector_base(&self) -> Option<String> {
        None
    }

    /// All tensors.
    fn read_all(&self) -> Result<Tensors, WeightsError> {
        let mut tensors = Tensors::new();
        for name in self.infos().keys() {
            tensors.insert_raw(name, self.read_raw(name)?);
        }
        Ok(tensors)
    }

    /// [`Tensors::content_hash`] with one tensor in memory at a time.
    fn content_hash(&self) -> Result<ContentHash, WeightsError> {
        let mut hasher = Hasher::default();
        for (name, info) in self.infos() {
            if info.dtype.is_float() {
                hash_tensor(&mut hasher, &name, &self.read(&name)?);
            }
        }
        Ok(hasher.finish())
    }

    #[doc(hidden)]
    fn widened(&self, name: &str) -> Result<Tensor, WeightsError> {
        let raw = self.read_raw(name)?;
        let dtype = raw.info.dtype.name();
        let data = raw.to_f32().ok_or_else(|| WeightsError::NotFloat {
            place: self.place(),
            tensor: name.into(),
            dtype,
        })?;
        Ok(Tensor { shape: raw.info.shape, data })
    }

    #[doc(hidden)]
    fn no_tensor(&self, name: &str) -> WeightsError {
        let infos = self.infos();
        let meant = nearest::did_you_mean(name, infos.keys().map(String::as_str));
        WeightsError::NoTensor { place: self.place(), tensor: name.into(), meant }
    }
}

/// The float tensors of a source, one after the other in the order of their names.
pub struct TensorStream<'a> {
    source: &'a dyn TensorSource,
    infos: btree_map::IntoIter<String, TensorInfo>,
}

/// Walks over the float tensors of `source`, holding one at a time.
pub fn stream(source: &dyn TensorSource) -> TensorStream<'_> {
    TensorStream { source, infos: source.infos().into_iter() }
}

impl Iterator for TensorStream<'_> {
    type Item = Result<(String, Tensor), WeightsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (name, _) = self.infos.by_ref().find(|(_, info)| info.dtype.is_float())?;
        Some(self.source.read(&name).map(|tensor| (name, tensor)))
    }
}
