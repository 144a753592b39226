//! Writing safetensors files: the same tensors give the same bytes.
//!
//! Header keys and tensors are sorted, wide elements first so that each tensor is aligned; the header is padded to eight bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use files::{AtomicFile, FilesError};

use super::{Tensor, TensorInfo, TensorSource, Tensors};
use crate::WeightsError;

const FORMAT: &str = "safetensors";

/// Writes a file tensor by tensor; it appears under its name when [`SafetensorsWriter::finish`] has succeeded.
pub struct SafetensorsWriter {
    file: AtomicFile,
    path: PathBuf,
    /// What is still to come, last first.
    pending: Vec<(String, TensorInfo)>,
}

impl SafetensorsWriter {
    /// Starts a file that will hold exactly these tensors. `format: pt`, which transformers asks for, is added to `metadata`.
    pub fn create(
        path: &Path,
        infos: &BTreeMap<String, TensorInfo>,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Self, WeightsError> {
        let mut pending: Vec<(String, TensorInfo)> =
            infos.iter().map(|(name, info)| (name.clone(), info.clone())).collect();
        pending.sort_by(|(a, x), (b, y)| y.dtype.size().cmp(&x.dtype.size()).then_with(|| a.cmp(b)));
        let header = header(path, &pending, metadata)?;
        let mut file = AtomicFile::create(path)?;
        let length = (header.len() as u64).to_le_bytes();
        file.write_all(&length).map_err(FilesError::io("write", path))?;
        file.write_all(header.as_bytes()).map_err(FilesError::io("write", path))?;
        pending.reverse();
        Ok(Self { file, path: path.into(), pending })
    }

    /// Names in the order in which [`SafetensorsWriter::push`] wants them.
    pub fn order(&self) -> impl Iterator<Item = &str> {
        self.pending.iter().rev().map(|(name, _)| name.as_str())
    }

    /// Writes the next tensor as float32.
    pub fn push(&mut self, name: &str, tensor: &Tensor) -> Result<(), WeightsError> {
        self.push_bytes(name, &tensor.bytes())
    }

    /// Writes the bytes of the next tensor.
    pub fn push_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), WeightsError> {
        let bad = |reason: String| WeightsError::malformed(&self.path, FORMAT, reason);
        let Some((expected, info)) = self.pending.pop() else {
            return Err(bad(format!("tensor `{name}` comes after the last")));
        };
        if expected != name || info.n_bytes() != Some(bytes.len()) {
            return Err(bad(format!(
                "tensor `{name}` of {} bytes comes where `{expected}` of shape {:?} and type {} is due",
                bytes.len(),
                info.shape,
                info.dtype.name()
            )));
        }
        self.file.write_all(bytes).map_err(FilesError::io("write", &self.path))?;
        Ok(())
    }

    /// Syncs and names the file; all tensors must have been written.
    pub fn finish(self) -> Result<(), WeightsError> {
        if let Some((name, _)) = self.pending.last() {
            let reason = format!("it ends before tensor `{name}`");
            return Err(WeightsError::malformed(&self.path, FORMAT, reason));
        }
        Ok(self.file.commit()?)
    }
}

fn header(
    path: &Path,
    tensors: &[(String, TensorInfo)],
    metadata: &BTreeMap<String, String>,
) -> Result<String, WeightsError> {
    let mut metadata = metadata.clone();
    metadata.entry("format".into()).or_insert_with(|| "pt".into());
    let json = |value: &str| serde_json::Value::from(value).to_string();
    let pairs: Vec<String> =
        metadata.iter().map(|(key, value)| format!("{}:{}", json(key), json(value))).collect();
    let mut text = format!("{{\"__metadata__\":{{{}}}", pairs.join(","));
    let mut offset = 0usize;
    for (name, info) in tensors {
        let end = info.n_bytes().and_then(|bytes| offset.checked_add(bytes)).ok_or_else(|| {
            WeightsError::malformed(
                path,
                FORMAT,
                format!("tensor `{name}` of shape {:?} is too large", info.shape),
            )
        })?;
        let shape: Vec<String> = info.shape.iter().map(ToString::to_string).collect();
        let _ = write!(
            text,
            ",{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{offset},{end}]}}",
            json(name),
            info.dtype.safetensors_name(),
            shape.join(",")
        );
        offset = end;
    }
    text.push('}');
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    Ok(text)
}

/// Writes all tensors to `path`, wholly or not at all.
pub fn write_safetensors(
    path: &Path,
    tensors: &Tensors,
    metadata: &BTreeMap<String, String>,
) -> Result<(), WeightsError> {
    write_source(path, tensors, metadata)
}

/// Writes all tensors of `source` to `path` in the types they have there, one at a time, wholly or not at all.
pub fn write_source(
    path: &Path,
    source: &dyn TensorSource,
    metadata: &BTreeMap<String, String>,
) -> Result<(), WeightsError> {
    let mut writer = SafetensorsWriter::create(path, &source.infos(), metadata)?;
    let order: Vec<String> = writer.order().map(ToOwned::to_owned).collect();
    for name in &order {
        writer.push_bytes(name, &source.read_raw(name)?.bytes)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dtype, RawTensor, read_safetensors};
    use proptest::prelude::*;

    fn sample() -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert(
            "b \"quoted\" \u{fc}",
            Tensor { shape: vec![2, 2], data: vec![1.0, -0.0, f32::MIN_POSITIVE, 4.5] },
        );
        tensors.insert("a", Tensor { shape: vec![], data: vec![7.0] });
        tensors.insert("empty", Tensor { shape: vec![0, 5], data: vec![] });
        let info = TensorInfo { dtype: Dtype::Bool, shape: vec![3] };
        tensors.insert_raw("flags", RawTensor { info, bytes: vec![1, 0, 1] });
        tensors
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        let metadata: BTreeMap<String, String> =
            (0..9).map(|n| (format!("key{n}"), format!("value \"{n}\""))).collect();
        write_safetensors(&one, &sample(), &metadata).unwrap();
        write_safetensors(&two, &sample(), &metadata).unwrap();
        assert_eq!(read_safetensors(&one).unwrap(), sample());
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
        let file = crate::SafetensorsFile::open(&one).unwrap();
        assert_eq!(file.metadata()["key3"], "value \"3\"");
        assert_eq!(file.metadata()["format"], "pt");
        assert_eq!(file.content_hash().unwrap(), sample().content_hash());
        let bytes = std::fs::read(&one).unwrap();
        assert!(safetensors::SafeTensors::deserialize(&bytes).is_ok(), "the format's own library reads it");
    }

    #[test]
    fn a_tensor_whose_shape_lies_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let tensor = Tensor { shape: vec![3], data: vec![0.0; 2] };
        let tensors: Tensors = [("x".to_owned(), tensor)].into_iter().collect();
        assert!(write_safetensors(&dir.path().join("x"), &tensors, &BTreeMap::new()).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    proptest! {
        #[test]
        fn any_values_survive(bits in proptest::collection::vec(any::<u32>(), 0..40)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("x");
            let data: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
            let tensors: Tensors = [("x".to_owned(), Tensor { shape: vec![data.len()], data })].into_iter().collect();
            write_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
            let back: Vec<u32> = read_safetensors(&path).unwrap().get("x").unwrap().data.iter().map(|x| x.to_bits()).collect();
            prop_assert_eq!(back, bits);
        }
    }
}
