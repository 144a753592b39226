//! A file's tensors under the names we give them, whatever it calls them.

use std::collections::BTreeMap;

use crate::{RawTensor, Tensor, TensorInfo, TensorSource, Tensors, WeightsError};

/// Tensors of a file seen under other names, still on disk, and tensors made in memory beside them.
pub struct Canonical<'a> {
    pub(super) source: &'a dyn TensorSource,
    /// Our name to the file's.
    pub(super) names: BTreeMap<String, String>,
    pub(super) made: Tensors,
}

impl<'a> Canonical<'a> {
    /// All tensors of a source under their own names.
    pub fn whole(source: &'a dyn TensorSource) -> Self {
        let names = source.infos().into_keys().map(|name| (name.clone(), name)).collect();
        Self { source, names, made: Tensors::new() }
    }

    fn theirs(&self, name: &str) -> Result<&str, WeightsError> {
        self.names.get(name).map(String::as_str).ok_or_else(|| self.no_tensor(name))
    }
}

impl TensorSource for Canonical<'_> {
    fn place(&self) -> String {
        self.source.place()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        let infos = self.source.infos();
        let stored = self.names.iter().map(|(ours, theirs)| (ours.clone(), infos[theirs].clone()));
        stored.chain(self.made.infos()).collect()
    }

    fn vector_base(&self) -> Option<String> {
        self.source.vector_base()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        if self.made.contains(name) {
            return self.made.read_raw(name);
        }
        self.source.read_raw(self.theirs(name)?)
    }

    fn read(&self, name: &str) -> Result<Tensor, WeightsError> {
        if let Some(tensor) = self.made.get(name) {
            return Ok(tensor.clone());
        }
        self.source.read(self.theirs(name)?)
    }
}
