//! Float32 tensors in a safetensors file, written in a stream and read back by name.
//!
//! Layout: length of the header (u64, little-endian), a JSON header of `name: {dtype, shape, data_offsets}`, then the elements in C order.
//! Source: the safetensors format. Names are sorted, so equal tensors give equal bytes.

use std::io::Write;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use crate::PretrainError;

/// A tensor that is lent for writing.
#[derive(Clone, Copy, Debug)]
pub struct TensorRef<'a> {
    /// Name.
    pub name: &'a str,
    /// Sizes of the axes.
    pub shape: &'a [usize],
    /// Elements in C order.
    pub data: &'a [f32],
}

/// A tensor that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Name.
    pub name: String,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Elements in C order.
    pub data: Vec<f32>,
}

impl NamedTensor {
    /// Lends it for writing.
    pub fn lend(&self) -> TensorRef<'_> {
        TensorRef { name: &self.name, shape: &self.shape, data: &self.data }
    }
}

/// Writes `tensors` with a note for people, wholly or not at all.
///
/// # Panics
/// When a tensor's elements are not as many as its shape says, or two have one name.
pub fn write_tensors(path: &Path, tensors: &[TensorRef<'_>], note: &str) -> Result<(), PretrainError> {
    let mut sorted: Vec<&TensorRef<'_>> = tensors.iter().collect();
    sorted.sort_by_key(|tensor| tensor.name);
    let mut header = Map::new();
    header.insert("__metadata__".into(), json!({ "format": "pt", "note": note }));
    let mut end = 0;
    for tensor in &sorted {
        let n = tensor.data.len();
        assert_eq!(tensor.shape.iter().product::<usize>(), n, "`{}` has {n} elements", tensor.name);
        let begin = end;
        end += size_of_val(tensor.data);
        let entry = json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [begin, end] });
        assert!(
            header.insert(tensor.name.into(), entry).is_none(),
            "two tensors are called `{}`",
            tensor.name
        );
    }
    let mut header = Value::Object(header).to_string();
    // The elements begin on a multiple of 8, so that a reader can map them.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let mut file = files::AtomicFile::create(path)?;
    let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(PretrainError::io("write", path));
    write(&(header.len() as u64).to_le_bytes())?;
    write(header.as_bytes())?;
    for tensor in sorted {
        if cfg!(target_endian = "little") {
            write(bytemuck::cast_slice(tensor.data))?;
        } else {
            tensor.data.iter().try_for_each(|value| write(&value.to_le_bytes()))?;
        }
    }
    Ok(file.commit()?)
}

/// Reads every tensor, in the order of their names.
pub fn read_tensors(path: &Path) -> Result<Vec<NamedTensor>, PretrainError> {
    let bytes = std::fs::read(path).map_err(PretrainError::io("read", path))?;
    let parsed = SafeTensors::deserialize(&bytes).map_err(|error| PretrainError::damaged(path, error))?;
    let mut tensors = Vec::with_capacity(parsed.len());
    for (name, view) in parsed.iter() {
        if view.dtype() != Dtype::F32 {
            let message = format!("`{name}` has elements of {:?}, not F32", view.dtype());
            return Err(PretrainError::damaged(path, message));
        }
        let (elements, _) = view.data().as_chunks();
        let data = elements.iter().map(|&element| f32::from_le_bytes(element)).collect();
        tensors.push(NamedTensor { name: name.into(), shape: view.shape().to_vec(), data });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_of_every_cut_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        write_tensors(&path, &[TensorRef { name: "a", shape: &[2, 1], data: &[1.0, -2.0] }], "n").unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(read_tensors(&path).is_err(), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(shapes in prop::collection::vec((0usize..5, 1usize..4), 0..6)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.safetensors");
            let tensors: Vec<NamedTensor> = shapes.iter().enumerate().map(|(index, &(rows, columns))| {
                let name = format!("t{index}.weight");
                NamedTensor { data: golden::cf_uniforms(&name, rows * columns), shape: vec![rows, columns], name }
            }).collect();
            let lent: Vec<TensorRef<'_>> = tensors.iter().rev().map(NamedTensor::lend).collect();
            write_tensors(&path, &lent, "note").unwrap();
            prop_assert_eq!(read_tensors(&path).unwrap(), tensors);
        }
    }
}
