//! Checkpoints written by `torch.save`, in both of its formats.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use files::FilesError;
use pickle::Pickle;
use serde_json::Value;

use super::legacy;
use super::tree::{View, find_tensors, json_at};
use super::zip::{Input, Span, members};
use crate::{RawTensor, TensorInfo, TensorSource, Unused, WeightsError};

const FORMAT: &str = "a torch checkpoint";
/// The pickle of a checkpoint is far shorter; its tensors lie outside it.
const LONGEST_PICKLE: u64 = 16 << 20;
/// Tensors may share storages, but no checkpoint shows each of its bytes more often than this.
const MOST_SHOWN: u64 = 8;

/// An open checkpoint: its structure in memory, its tensors on disk. Objects of unknown classes are skipped and listed.
///
/// As a [`TensorSource`] its names are the ways to the tensors, for instance `/model/mask_emb`.
pub struct TorchCheckpoint {
    path: PathBuf,
    file: Mutex<Box<dyn Input>>,
    pickle: Pickle,
    tensors: BTreeMap<String, (TensorInfo, View)>,
    storages: BTreeMap<String, Span>,
    skipped: Vec<String>,
    legacy: bool,
}

impl TorchCheckpoint {
    /// Opens a file and checks its structure and the bounds of every tensor.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let file = File::open(path).map_err(FilesError::io("open", path))?;
        let length = file.metadata().map_err(FilesError::io("open", path))?.len();
        Self::read(Box::new(file), length, path)
    }

    /// The same of a checkpoint in memory; `name` is what messages call it.
    pub fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Self, WeightsError> {
        let length = bytes.len() as u64;
        Self::read(Box::new(Cursor::new(bytes)), length, Path::new(name))
    }

    fn read(mut file: Box<dyn Input>, length: u64, path: &Path) -> Result<Self, WeightsError> {
        let bad = |reason: String| WeightsError::malformed(path, FORMAT, reason);
        let mut magic = [0; 2];
        if length < 2 || file.read_exact(&mut magic).is_err() {
            return Err(bad(format!("it has only {length} bytes")));
        }
        let is_zip = &magic == b"PK";
        let (pickle, found, storages) = if is_zip {
            read_zip(file.as_mut(), length)
        } else if magic[0] == 0x80 {
            read_legacy(file.as_mut(), length)
        } else {
            Err("it starts like neither of torch's two formats".into())
        }
        .map_err(bad)?;
        let mut tensors = BTreeMap::new();
        let mut shown = 0u64;
        for (name, view) in found.tensors {
            let storage = storages.get(&view.storage);
            let info = check(&view, storage).map_err(|reason| bad(format!("tensor `{name}`: {reason}")))?;
            shown = shown.saturating_add(info.n_bytes().unwrap_or(0) as u64);
            if tensors.insert(name.clone(), (info, view)).is_some() {
                return Err(bad(format!("two tensors are called `{name}`")));
            }
        }
        if shown > MOST_SHOWN * length {
            return Err(bad(format!("its tensors show {shown} bytes, of a file that has {length}")));
        }
        let skipped = found.skipped.into_iter().collect();
        Ok(Self {
            path: path.into(),
            file: Mutex::new(file),
            pickle,
            tensors,
            storages,
            skipped,
            legacy: !is_zip,
        })
    }

    /// Whether it has the format that torch wrote before 1.6.
    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// Classes of objects that were not looked into.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// What lies at a way such as `/cfg/model`, as JSON; tensors are described, objects shown by class and state.
    pub fn json(&self, at: &str) -> Option<Value> {
        json_at(&self.pickle, at)
    }

    /// The weights: what lies at `/model` or `/state_dict`, or everything at the top.
    pub fn into_state_dict(self) -> StateDict {
        let has = |prefix: &str| self.tensors.keys().any(|name| name.starts_with(prefix));
        let prefix = ["/model/", "/state_dict/"].into_iter().find(|prefix| has(prefix)).unwrap_or("/");
        let name = |path: &String| {
            path.strip_prefix(prefix).filter(|name| !name.contains('/')).map(ToOwned::to_owned)
        };
        let names: BTreeMap<String, String> =
            self.tensors.keys().filter_map(|path| name(path).map(|name| (name, path.clone()))).collect();
        let outside = self.tensors.keys().filter(|path| name(path).is_none()).cloned().collect();
        StateDict { checkpoint: self, names, outside }
    }
}

fn read_zip(
    file: &mut dyn Input,
    length: u64,
) -> Result<(Pickle, super::tree::Found, BTreeMap<String, Span>), String> {
    let members = members(file, length)?;
    let (name, span) = members
        .iter()
        .find(|(name, _)| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .ok_or("it is a zip file without `data.pkl`")?;
    let root = name.strip_suffix("data.pkl").unwrap_or_default();
    if span.length > LONGEST_PICKLE {
        return Err(format!("its pickle has {} bytes", span.length));
    }
    if let Some(order) = members.get(&format!("{root}byteorder")) {
        let mut text = [0; 6];
        let read = order.length == 6 && read_at(file, order.begin, &mut text).is_ok();
        if !read || &text != b"little" {
            return Err("it was written on a big-endian machine".into());
        }
    }
    let mut bytes = vec![0; span.length as usize];
    read_at(file, span.begin, &mut bytes).map_err(|error| error.to_string())?;
    let pickle = pickle::read(&bytes)?;
    let found = find_tensors(&pickle)?;
    let data = format!("{root}data/");
    let storage =
        |(name, span): (&String, &Span)| name.strip_prefix(&data).map(|key| (key.to_owned(), *span));
    let storages = members.iter().filter_map(storage).collect();
    Ok((pickle, found, storages))
}

fn read_legacy(
    file: &mut dyn Input,
    length: u64,
) -> Result<(Pickle, super::tree::Found, BTreeMap<String, Span>), String> {
    let legacy = legacy::read(file, length)?;
    let found = find_tensors(&legacy.pickle)?;
    let storages = legacy.storages(file, length, &found.tensors)?;
    Ok((legacy.pickle, found, storages))
}

/// Type and shape of a view that lies within its storage. A view must not show more elements than its storage has, so that no
/// small file unfolds into a large tensor.
fn check(view: &View, storage: Option<&Span>) -> Result<TensorInfo, String> {
    let key = &view.storage;
    let storage = storage.ok_or_else(|| format!("its storage `{key}` is not in the file"))?;
    let elements = storage.length / view.dtype.size() as u64;
    let as_size = |n: &u64| usize::try_from(*n).map_err(|_| "its shape is absurd".to_owned());
    let shape = view.shape.iter().map(as_size).collect::<Result<Vec<_>, _>>()?;
    let info = TensorInfo { dtype: view.dtype, shape };
    let shown = info.n_elements().ok_or("its shape is absurd")? as u64;
    let axes = view.shape.iter().zip(&view.strides);
    let last = axes
        .filter(|(n, _)| **n > 0)
        .try_fold(view.offset, |last, (n, stride)| last.checked_add((n - 1).checked_mul(*stride)?));
    let fits = shown == 0 || last.is_some_and(|last| last < elements);
    if !fits || shown > elements {
        return Err(format!(
            "shape {:?} with strides {:?} from {} does not fit its storage of {elements} elements (said to have {})",
            view.shape, view.strides, view.offset, view.storage_elements
        ));
    }
    Ok(info)
}

/// Whether the elements lie in C order without gaps.
fn is_contiguous(view: &View) -> bool {
    let mut due = 1;
    view.shape.iter().zip(&view.strides).rev().all(|(&n, &stride)| {
        let fits = n == 1 || stride == due;
        due *= n;
        fits
    })
}

fn read_at(file: &mut dyn Input, position: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(position))?;
    file.read_exact(bytes)
}

impl TensorSource for TorchCheckpoint {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        self.tensors.iter().map(|(name, (info, _))| (name.clone(), info.clone())).collect()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        let (info, view) = self.tensors.get(name).ok_or_else(|| self.no_tensor(name))?;
        let (size, n) = (view.dtype.size(), info.n_elements().unwrap_or(0));
        let mut raw = RawTensor { info: info.clone(), bytes: Vec::new() };
        if n == 0 {
            return Ok(raw);
        }
        let last: u64 = view.shape.iter().zip(&view.strides).map(|(n, stride)| (n - 1) * stride).sum();
        let mut bytes = vec![0; (last as usize + 1) * size];
        let begin = self.storages[&view.storage].begin + view.offset * size as u64;
        // The position is set before every read, so a panic elsewhere left nothing wrong behind.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        read_at(file.as_mut(), begin, &mut bytes).map_err(FilesError::io("read", &self.path))?;
        drop(file);
        raw.bytes = if is_contiguous(view) { bytes } else { gather(&bytes, view, n) };
        Ok(raw)
    }
}

/// Brings the elements of a view with any strides into C order.
fn gather(bytes: &[u8], view: &View, n: usize) -> Vec<u8> {
    let size = view.dtype.size();
    let mut out = Vec::with_capacity(n * size);
    let mut index = vec![0u64; view.shape.len()];
    for _ in 0..n {
        let at = index.iter().zip(&view.strides).map(|(i, stride)| i * stride).sum::<u64>() as usize * size;
        out.extend_from_slice(&bytes[at..at + size]);
        for (axis, i) in index.iter_mut().enumerate().rev() {
            *i += 1;
            if *i < view.shape[axis] {
                break;
            }
            *i = 0;
        }
    }
    out
}

/// The weights of a checkpoint under their own names.
pub struct StateDict {
    checkpoint: TorchCheckpoint,
    /// Name to the way to it.
    names: BTreeMap<String, String>,
    /// Ways to the tensors that are not among the weights.
    outside: Vec<String>,
}

impl StateDict {
    /// The checkpoint they lie in.
    pub fn checkpoint(&self) -> &TorchCheckpoint {
        &self.checkpoint
    }
}

impl TensorSource for StateDict {
    fn set_aside(&self) -> Vec<Unused> {
        let reason = |path: &str| {
            if path.starts_with("/last_optimizer_state/") {
                "state of the optimiser, which another run has no use for"
            } else {
                "it lies outside the weights of the checkpoint"
            }
        };
        self.outside.iter().map(|path| Unused { name: path.clone(), reason: reason(path) }).collect()
    }

    fn place(&self) -> String {
        self.checkpoint.place()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        self.names
            .iter()
            .map(|(name, path)| (name.clone(), self.checkpoint.tensors[path].0.clone()))
            .collect()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        let path = self.names.get(name).ok_or_else(|| self.no_tensor(name))?;
        self.checkpoint.read_raw(path)
    }
}
