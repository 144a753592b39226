//! Writing weights in several files of bounded size, with the index that `transformers` reads.
//!
//! Source: the layout of Hugging Face's sharded checkpoints: `model-00001-of-00003.safetensors` … and `model.safetensors.index.json` with
//! `metadata.total_size` (bytes of all tensors) and `weight_map` (tensor to file). What fits into one file is one file, without an index.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::sharded::{INDEX, MOST_SHARDS, SINGLE};
use super::{SafetensorsWriter, Tensor, TensorInfo};
use crate::WeightsError;

const FORMAT: &str = "sharded weights";

/// Writes the weights of a model directory tensor by tensor. The directory must be one that appears wholly or not at all: a file that
/// is finished has its name before the others are.
pub struct ShardedWriter {
    dir: PathBuf,
    /// What is still to be written, and into which file.
    pending: VecDeque<(PathBuf, BTreeMap<String, TensorInfo>)>,
    current: Option<SafetensorsWriter>,
    /// Tensors that the current file still lacks.
    n_left: usize,
    order: Vec<String>,
    index: Option<serde_json::Value>,
}

impl ShardedWriter {
    /// Starts files that will together hold exactly these tensors, none with more than `most_bytes` of them unless one tensor alone has
    /// more; one file where that is `None`.
    pub fn create(
        dir: &Path,
        infos: &BTreeMap<String, TensorInfo>,
        most_bytes: Option<u64>,
    ) -> Result<Self, WeightsError> {
        let shards = cut(dir, infos, most_bytes)?;
        if shards.len() > MOST_SHARDS {
            let reason =
                format!("{} files would be needed, more than {MOST_SHARDS}; allow larger ones", shards.len());
            return Err(WeightsError::malformed(dir, FORMAT, reason));
        }
        let n = shards.len();
        let name = |nth: usize| match n {
            0 | 1 => SINGLE.to_owned(),
            _ => format!("model-{:05}-of-{n:05}.safetensors", nth + 1),
        };
        let order: Vec<String> = shards.iter().flatten().map(|(tensor, _)| tensor.clone()).collect();
        let index = (n > 1).then(|| {
            let of = |(nth, shard): (usize, &Shard)| {
                shard.iter().map(|(tensor, _)| (tensor.clone(), name(nth))).collect::<Vec<_>>()
            };
            let weight_map: BTreeMap<String, String> = shards.iter().enumerate().flat_map(of).collect();
            let total: usize = infos.values().filter_map(TensorInfo::n_bytes).sum();
            json!({ "metadata": { "total_size": total }, "weight_map": weight_map })
        });
        let shards = shards.into_iter().enumerate();
        let pending = shards.map(|(nth, shard)| (dir.join(name(nth)), shard.into_iter().collect())).collect();
        let mut writer = Self { dir: dir.into(), pending, current: None, n_left: 0, order, index };
        writer.next_file()?;
        Ok(writer)
    }

    /// Names in the order in which [`ShardedWriter::push`] wants them.
    pub fn order(&self) -> &[String] {
        &self.order
    }

    /// Writes the next tensor as float32.
    pub fn push(&mut self, name: &str, tensor: &Tensor) -> Result<(), WeightsError> {
        self.current(name)?.push(name, tensor)?;
        self.pushed()
    }

    /// Writes the bytes of the next tensor.
    pub fn push_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), WeightsError> {
        self.current(name)?.push_bytes(name, bytes)?;
        self.pushed()
    }

    /// Syncs and names what is not named yet, the index last; all tensors must have been written.
    pub fn finish(mut self) -> Result<(), WeightsError> {
        if let Some(writer) = self.current.take() {
            writer.finish()?;
        }
        if let Some(index) = &self.index {
            files::write_json(&self.dir.join(INDEX), &format!("{index:#}"))?;
        }
        Ok(())
    }

    fn current(&mut self, name: &str) -> Result<&mut SafetensorsWriter, WeightsError> {
        let late =
            || WeightsError::malformed(&self.dir, FORMAT, format!("tensor `{name}` comes after the last"));
        self.current.as_mut().ok_or_else(late)
    }

    fn pushed(&mut self) -> Result<(), WeightsError> {
        self.n_left -= 1;
        // The last file stays open until all is said to be finished.
        if self.n_left == 0 && !self.pending.is_empty() {
            if let Some(writer) = self.current.take() {
                writer.finish()?;
            }
            self.next_file()?;
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<(), WeightsError> {
        if let Some((path, infos)) = self.pending.pop_front() {
            self.n_left = infos.len();
            self.current = Some(SafetensorsWriter::create(&path, &infos, &BTreeMap::new())?);
        }
        Ok(())
    }
}

type Shard = Vec<(String, TensorInfo)>;

/// Cuts the tensors, in the order in which files hold them, into runs of at most `most_bytes`; no tensors make one run of none.
fn cut(
    dir: &Path,
    infos: &BTreeMap<String, TensorInfo>,
    most_bytes: Option<u64>,
) -> Result<Vec<Shard>, WeightsError> {
    let mut all: Shard = infos.iter().map(|(name, info)| (name.clone(), info.clone())).collect();
    all.sort_by(|(a, x), (b, y)| y.dtype.size().cmp(&x.dtype.size()).then_with(|| a.cmp(b)));
    let (mut shards, mut held) = (vec![Shard::new()], 0u64);
    for (name, info) in all {
        let n_bytes = info.n_bytes().ok_or_else(|| {
            let reason = format!("tensor `{name}` of shape {:?} is too large", info.shape);
            WeightsError::malformed(dir, FORMAT, reason)
        })? as u64;
        let begins = most_bytes.is_some_and(|most| held.saturating_add(n_bytes) > most);
        if begins && shards.last().is_some_and(|shard| !shard.is_empty()) {
            shards.push(Shard::new());
            held = 0;
        }
        held = held.saturating_add(n_bytes);
        if let Some(shard) = shards.last_mut() {
            shard.push((name, info));
        }
    }
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TensorSource, Tensors, open_source};

    fn sample() -> Tensors {
        let tensor = |n: usize| Tensor { shape: vec![n], data: (0..n).map(|i| i as f32).collect() };
        [("a", 3), ("b", 10), ("c", 1), ("d", 2)]
            .map(|(name, n)| (name.to_owned(), tensor(n)))
            .into_iter()
            .collect()
    }

    fn write(dir: &Path, most_bytes: Option<u64>) -> Vec<String> {
        let tensors = sample();
        let mut writer = ShardedWriter::create(dir, &tensors.infos(), most_bytes).unwrap();
        for name in writer.order().to_vec() {
            writer.push(&name, tensors.get(&name).unwrap()).unwrap();
        }
        writer.finish().unwrap();
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_as_small_as_asked_and_read_as_one_model() {
        let dir = tempfile::tempdir().unwrap();
        let names = write(dir.path(), Some(16));
        // a (12 bytes); b (40, more than is allowed, alone); c and d (4 + 8).
        let files = (1..=3).map(|nth| format!("model-0000{nth}-of-00003.safetensors"));
        assert_eq!(names, files.chain([INDEX.to_owned()]).collect::<Vec<_>>());
        assert_eq!(open_source(dir.path()).unwrap().read_all().unwrap(), sample());
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(dir.path().join(INDEX)).unwrap()).unwrap();
        assert_eq!(index["metadata"]["total_size"], 64);
        assert_eq!(index["weight_map"]["d"], "model-00003-of-00003.safetensors");
    }

    #[test]
    fn what_fits_is_one_file() {
        for most in [None, Some(64)] {
            let dir = tempfile::tempdir().unwrap();
            assert_eq!(write(dir.path(), most), [SINGLE]);
        }
    }

    #[test]
    fn a_missing_or_late_tensor_is_an_error() {
        let (dir, tensors) = (tempfile::tempdir().unwrap(), sample());
        let mut writer = ShardedWriter::create(dir.path(), &tensors.infos(), Some(16)).unwrap();
        assert!(writer.push("b", tensors.get("b").unwrap()).is_err());
        let mut writer = ShardedWriter::create(dir.path(), &tensors.infos(), Some(16)).unwrap();
        writer.push("a", tensors.get("a").unwrap()).unwrap();
        assert!(writer.finish().unwrap_err().to_string().contains("before tensor `b`"));
        assert!(!dir.path().join(INDEX).exists());
    }
}
