//! Float32 tensors of a safetensors file, read with suspicion.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use files::FilesError;
use safetensors::{Dtype, SafeTensors};

use crate::CodecError;

/// A file read into memory.
pub(crate) struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl TensorFile {
    /// Reads the file unless it is longer than `max_bytes`.
    pub(crate) fn open(path: &Path, max_bytes: u64) -> Result<Self, CodecError> {
        let bytes = read_bounded(path, max_bytes)?;
        let this = Self { path: path.into(), bytes };
        this.parsed()?;
        Ok(this)
    }

    /// Names of all tensors, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, CodecError> {
        let mut names: Vec<String> = self.parsed()?.names().into_iter().map(ToOwned::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// The elements of a tensor in C order. It must have `shape` and hold finite float32.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CodecError> {
        let parsed = self.parsed()?;
        let view = parsed
            .tensor(name)
            .map_err(|_| CodecError::MissingTensor { file: self.path.clone(), tensor: name.to_owned() })?;
        if view.shape() != shape {
            let (file, tensor) = (self.path.clone(), name.to_owned());
            return Err(CodecError::Shape { file, tensor, found: view.shape().into(), needed: shape.into() });
        }
        if view.dtype() != Dtype::F32 {
            return Err(self.unusable(format!("tensor `{name}` holds {:?}, not F32", view.dtype())));
        }
        let elements: Vec<f32> =
            view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        match elements.iter().position(|x| !x.is_finite()) {
            Some(at) => Err(self.unusable(format!("element {at} of tensor `{name}` is not finite"))),
            None => Ok(elements),
        }
    }

    pub(crate) fn unusable(&self, reason: String) -> CodecError {
        CodecError::Unusable { file: self.path.clone(), reason }
    }

    fn parsed(&self) -> Result<SafeTensors<'_>, CodecError> {
        SafeTensors::deserialize(&self.bytes)
            .map_err(|error| self.unusable(format!("it is no safetensors file ({error})")))
    }
}

/// Reads a whole file unless it is longer than `max_bytes`.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>, CodecError> {
    let file = File::open(path).map_err(FilesError::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(FilesError::io("read", path))?;
    if bytes.len() as u64 > max_bytes {
        let reason = format!("it is longer than the {max_bytes} bytes it can need");
        return Err(CodecError::Unusable { file: path.into(), reason });
    }
    Ok(bytes)
}
