//! Reading safetensors files: length of the header (8 bytes), JSON header, tensors back to back.
//!
//! Source: the safetensors format description. The header is checked before any tensor is allocated: its length against the
//! file, offsets without gaps or overlaps, shapes against offsets, and the end against the file's length.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use files::FilesError;
use safetensors::tensor::Metadata;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Dtype, RawTensor, Tensor, TensorInfo, TensorSource, Tensors};
use crate::WeightsError;

const FORMAT: &str = "safetensors";
/// No model has a longer header: this holds some thirty thousand tensors. (The format's own library allows 100 MB, which take a
/// gigabyte to read.)
const LONGEST_HEADER: u64 = 4 << 20;

/// Key of the metadata of a task vector's file: content hash of its base.
pub(crate) const VECTOR_BASE: &str = "task_vector_base";

/// An open safetensors file: the header in memory, tensors on disk until they are asked for.
pub struct SafetensorsFile {
    path: PathBuf,
    file: Mutex<File>,
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

struct Entry {
    info: TensorInfo,
    /// Position of the first byte in the file.
    begin: u64,
}

impl SafetensorsFile {
    /// Opens a file and checks its header.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let bad = |reason: String| WeightsError::malformed(path, FORMAT, reason);
        let mut file = File::open(path).map_err(FilesError::io("open", path))?;
        let length = file.metadata().map_err(FilesError::io("open", path))?.len();
        let mut prefix = [0; 8];
        if length < 8 {
            return Err(bad(format!("it has {length} bytes and no header")));
        }
        file.read_exact(&mut prefix).map_err(FilesError::io("read", path))?;
        let header_length = u64::from_le_bytes(prefix);
        if header_length > LONGEST_HEADER || header_length > length - 8 {
            return Err(bad(format!("its header claims {header_length} of the file's {length} bytes")));
        }
        let mut header = vec![0; header_length as usize];
        file.read_exact(&mut header).map_err(FilesError::io("read", path))?;
        serde_json::from_slice::<DistinctNames>(&header)
            .and_then(|_| serde_json::from_slice::<Metadata>(&header))
            .map_err(|error| bad(format!("its header is damaged: {error}")))
            .and_then(|metadata| Self::checked(path, file, &metadata, 8 + header_length, length))
    }

    fn checked(
        path: &Path,
        file: File,
        metadata: &Metadata,
        begin: u64,
        length: u64,
    ) -> Result<Self, WeightsError> {
        let bad = |reason: String| WeightsError::malformed(path, FORMAT, reason);
        if begin.checked_add(metadata.data_len() as u64) != Some(length) {
            let announced = metadata.data_len();
            return Err(bad(format!(
                "its header announces {announced} bytes of tensors, the file has {}",
                length - begin
            )));
        }
        let mut entries = BTreeMap::new();
        for (name, tensor) in metadata.tensors() {
            let dtype = Dtype::from_safetensors(tensor.dtype)
                .ok_or_else(|| bad(format!("tensor `{name}` has elements of type {:?}", tensor.dtype)))?;
            let info = TensorInfo { dtype, shape: tensor.shape.clone() };
            let (from, to) = tensor.data_offsets;
            if to.checked_sub(from).is_none() || to.checked_sub(from) != info.n_bytes() {
                return Err(bad(format!(
                    "tensor `{name}` has shape {:?} and offsets {from}..{to}",
                    info.shape
                )));
            }
            entries.insert(name, Entry { info, begin: begin + from as u64 });
        }
        let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { path: path.into(), file: Mutex::new(file), entries, metadata })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The free text the file carries beside its tensors.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    fn entry(&self, name: &str) -> Result<&Entry, WeightsError> {
        self.entries.get(name).ok_or_else(|| self.no_tensor(name))
    }

    fn fill(&self, entry: &Entry, bytes: &mut [u8]) -> Result<(), WeightsError> {
        // A thread that panicked while holding the file left no state behind but the position, which is set here.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(entry.begin)).map_err(FilesError::io("read", &self.path))?;
        file.read_exact(bytes).map_err(FilesError::io("read", &self.path))?;
        Ok(())
    }
}

/// A JSON object no key of which is there twice: of two tensors of one name, readers differ in which they take.
struct DistinctNames;

impl<'de> Deserialize<'de> for DistinctNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = DistinctNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DistinctNames, A::Error> {
                let mut names = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value::<IgnoredAny>()?;
                    if let Some(name) = names.replace(name) {
                        return Err(A::Error::custom(format_args!("`{name:.200}` is there twice")));
                    }
                }
                Ok(DistinctNames)
            }
        }
        deserializer.deserialize_map(Names)
    }
}

impl TensorSource for SafetensorsFile {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        self.entries.iter().map(|(name, entry)| (name.clone(), entry.info.clone())).collect()
    }

    fn vector_base(&self) -> Option<String> {
        self.metadata.get(VECTOR_BASE).cloned()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        let entry = self.entry(name)?;
        let mut bytes = vec![0; entry.info.n_bytes().unwrap_or(0)];
        self.fill(entry, &mut bytes)?;
        Ok(RawTensor { info: entry.info.clone(), bytes })
    }

    fn read(&self, name: &str) -> Result<Tensor, WeightsError> {
        let entry = self.entry(name)?;
        if entry.info.dtype != Dtype::Float32 || cfg!(target_endian = "big") {
            return self.widened(name);
        }
        let mut data = vec![0.0f32; entry.info.n_elements().unwrap_or(0)];
        self.fill(entry, bytemuck::cast_slice_mut(&mut data))?;
        Ok(Tensor { shape: entry.info.shape.clone(), data })
    }
}

/// Reads all tensors of a file.
pub fn read_safetensors(path: &Path) -> Result<Tensors, WeightsError> {
    SafetensorsFile::open(path)?.read_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(bytes: &[u8]) -> Result<Tensors, WeightsError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hostile.safetensors");
        std::fs::write(&path, bytes).unwrap();
        read_safetensors(&path)
    }

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn hostile_headers_are_errors() {
        let entry = |shape: &str, offsets: &str| {
            format!(r#"{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        assert!(open(&file(&entry("[2]", "[0,8]"), &[0; 8])).is_ok());
        for bytes in [
            vec![],
            vec![0; 7],
            u64::MAX.to_le_bytes().to_vec(),
            file("{", &[]),
            file("[]", &[]),
            file(&entry("[2]", "[0,8]"), &[0; 7]),
            file(&entry("[2]", "[0,8]"), &[0; 9]),
            file(&entry("[3]", "[0,8]"), &[0; 8]),
            file(&entry("[2]", "[8,0]"), &[0; 8]),
            file(&entry("[18446744073709551615, 4]", "[0,8]"), &[0; 8]),
            file(&entry("[-1]", "[0,8]"), &[0; 8]),
            file(&entry("[2305843009213693951]", "[0,9223372036854775804]"), &[0; 8]),
            file(
                r#"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
                &[0; 2],
            ),
            file(&entry("[NaN]", "[0,8]"), &[0; 8]),
            file(&entry("[1e3]", "[0,8]"), &[0; 8]),
            file(r#"{"x":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}"#, &[0; 2]),
            file(
                r#"{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
                &[0; 3],
            ),
        ] {
            let error = open(&bytes).expect_err("hostile").to_string();
            assert!(error.contains("hostile.safetensors"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), n in 0u64..200) {
            let _ = open(&bytes);
            let _ = open(&[&n.to_le_bytes()[..], &bytes].concat());
        }
    }
}
