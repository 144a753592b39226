//! Weights cut into several files, with `model.safetensors.index.json` (or torch's `pytorch_model.bin.index.json`) saying which
//! tensor lies in which.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use files::FilesError;
use serde::Deserialize;

use super::{RawTensor, SafetensorsFile, Tensor, TensorInfo, TensorSource};
use crate::{TorchCheckpoint, Unused, WeightsError};

const FORMAT: &str = "an index of weight files";
pub(super) const SINGLE: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// What the weights of a model directory may be called, in the order in which transformers looks for them; last a task vector, which it
/// does not know.
const WEIGHT_FILES: [&str; 5] =
    [SINGLE, INDEX, "pytorch_model.bin", "pytorch_model.bin.index.json", crate::merge::VECTOR];
/// Endings of what torch saves.
const TORCH_ENDINGS: [&str; 6] = ["pt", "pth", "th", "bin", "ckpt", "pkl"];
/// An index names tensors and files; a longer one is not an index.
const LONGEST_INDEX: u64 = 4 << 20;
/// No model is cut into more files.
pub(super) const MOST_SHARDS: usize = 1000;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Several files of safetensors or torch that together hold one model.
pub struct ShardedFile {
    path: PathBuf,
    shards: Vec<Box<dyn TensorSource>>,
    /// Which shard holds a tensor.
    home: BTreeMap<String, usize>,
}

impl ShardedFile {
    /// Opens an index and all files it names, and checks that each tensor is where the index says and nowhere else.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let bad = |reason: String| WeightsError::malformed(path, FORMAT, reason);
        let length = fs::metadata(path).map_err(FilesError::io("open", path))?.len();
        if length > LONGEST_INDEX {
            return Err(bad(format!("it has {length} bytes")));
        }
        let text = fs::read(path).map_err(FilesError::io("read", path))?;
        let index: Index = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut shards: Vec<Box<dyn TensorSource>> = Vec::new();
        let mut number = BTreeMap::new();
        let mut home = BTreeMap::new();
        for (tensor, file) in &index.weight_map {
            // Nothing outside the model's own directory is ever opened.
            if Path::new(file).file_name().is_none_or(|name| name != file.as_str()) {
                return Err(bad(format!("it places `{tensor}` in `{file}`, which is not a plain file name")));
            }
            if !number.contains_key(file) {
                if shards.len() >= MOST_SHARDS {
                    return Err(bad(format!("it names more than {MOST_SHARDS} files")));
                }
                shards.push(open_file(&directory.join(file))?);
                number.insert(file.clone(), shards.len() - 1);
            }
            let shard = number[file];
            home.insert(tensor.clone(), shard);
        }
        for (shard, file) in shards.iter().enumerate() {
            if let Some(name) = file.infos().keys().find(|&name| home.get(name) != Some(&shard)) {
                return Err(bad(format!("`{}` holds `{name}`, which it does not place there", file.place())));
            }
        }
        let sharded = Self { path: path.into(), shards, home };
        let present = sharded.infos();
        match sharded.home.keys().find(|&name| !present.contains_key(name)) {
            Some(name) => Err(bad(format!("it names `{name}`, which is in none of its files"))),
            None => Ok(sharded),
        }
    }

    fn shard(&self, name: &str) -> Result<&dyn TensorSource, WeightsError> {
        self.home.get(name).map(|&shard| self.shards[shard].as_ref()).ok_or_else(|| self.no_tensor(name))
    }
}

impl TensorSource for ShardedFile {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        self.shards.iter().flat_map(|shard| shard.infos()).collect()
    }

    fn set_aside(&self) -> Vec<Unused> {
        self.shards.iter().flat_map(|shard| shard.set_aside()).collect()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        self.shard(name)?.read_raw(name)
    }

    fn read(&self, name: &str) -> Result<Tensor, WeightsError> {
        self.shard(name)?.read(name)
    }
}

/// Opens the weights at `path`: a safetensors file, a torch checkpoint, an index of several of either, or a model directory holding
/// one of them.
pub fn open_source(path: &Path) -> Result<Box<dyn TensorSource>, WeightsError> {
    if path.is_dir() {
        let held = WEIGHT_FILES.into_iter().map(|name| path.join(name)).find(|file| file.exists());
        return open_source(&held.unwrap_or_else(|| path.join(SINGLE)));
    }
    if path.extension().is_some_and(|extension| extension == "json") {
        return Ok(Box::new(ShardedFile::open(path)?));
    }
    open_file(path)
}

fn open_file(path: &Path) -> Result<Box<dyn TensorSource>, WeightsError> {
    if is_torch(path)? {
        return Ok(Box::new(TorchCheckpoint::open(path)?.into_state_dict()));
    }
    Ok(Box::new(SafetensorsFile::open(path)?))
}

/// Whether a file starts as `torch.save` starts one, a zip file or a pickle, or is called like one. (A safetensors file would need a
/// header of a very particular, enormous length.)
pub(crate) fn is_torch(path: &Path) -> Result<bool, WeightsError> {
    let extension = path.extension().unwrap_or_default();
    if extension == "safetensors" {
        return Ok(false);
    }
    let mut file = File::open(path).map_err(FilesError::io("open", path))?;
    let mut start = [0; 4];
    let read = file.read(&mut start).map_err(FilesError::io("read", path))?;
    let starts_so = read == 4 && (&start == b"PK\x03\x04" || matches!(start, [0x80, 2..=5, 0x8a, 0x0a]));
    Ok(starts_so || TORCH_ENDINGS.iter().any(|&ending| extension == ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tensors, write_safetensors};

    fn write_shards(directory: &Path, index: &str) {
        for (file, name, value) in [("a.safetensors", "x", 1.0), ("b.safetensors", "y", 2.0)] {
            let tensor = Tensor { shape: vec![1], data: vec![value] };
            let tensors: Tensors = [(name.to_owned(), tensor)].into_iter().collect();
            write_safetensors(&directory.join(file), &tensors, &BTreeMap::new()).unwrap();
        }
        fs::write(directory.join(INDEX), index).unwrap();
    }

    #[test]
    fn shards_read_as_one_model() {
        let dir = tempfile::tempdir().unwrap();
        write_shards(dir.path(), r#"{"metadata":{},"weight_map":{"x":"a.safetensors","y":"b.safetensors"}}"#);
        let all = open_source(dir.path()).unwrap().read_all().unwrap();
        assert_eq!(all.get("x").unwrap().data, [1.0]);
        assert_eq!(all.get("y").unwrap().data, [2.0]);
    }

    #[test]
    fn an_index_that_lies_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        for map in [
            r#"{"x":"b.safetensors","y":"a.safetensors"}"#,
            r#"{"x":"a.safetensors"}"#.replace('x', "z").as_str(),
            r#"{"x":"../a.safetensors"}"#,
            r#"{"x":"/etc/passwd"}"#,
            r#"{"x":".."}"#,
            r#"{"x":"a.safetensors","y":"b.safetensors","z":"b.safetensors"}"#,
        ] {
            write_shards(dir.path(), &format!(r#"{{"weight_map":{map}}}"#));
            assert!(open_source(dir.path()).is_err(), "{map}");
        }
    }
}
