//! A safetensors file whose tensors are asked for by name.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

/// The tensors of one file.
pub struct Tensors {
    bytes: Vec<u8>,
    file: String,
}

impl Tensors {
    /// Reads the file.
    #[track_caller]
    pub fn open(path: &Path) -> Self {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{file}: {error}"));
        Self { bytes, file }
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.parsed().names().into_iter().map(ToOwned::to_owned).collect();
        names.sort();
        names
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.parsed().tensor(name).is_ok()
    }

    /// Sizes of the axes.
    #[track_caller]
    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.view(name).1
    }

    /// All elements in C order as float32; whole numbers and booleans are converted.
    #[track_caller]
    pub fn f32(&self, name: &str) -> Vec<f32> {
        self.f64(name).into_iter().map(|x| x as f32).collect()
    }

    /// All elements in C order as whole numbers.
    #[track_caller]
    pub fn i64(&self, name: &str) -> Vec<i64> {
        self.f64(name).into_iter().map(|x| x as i64).collect()
    }

    /// All elements in C order as float64.
    #[track_caller]
    pub fn f64(&self, name: &str) -> Vec<f64> {
        let (dtype, _, data) = self.view(name);
        match dtype {
            Dtype::F32 => elements(&data, |b: [u8; 4]| f64::from(f32::from_le_bytes(b))),
            Dtype::F64 => elements(&data, f64::from_le_bytes),
            Dtype::I64 => elements(&data, |b: [u8; 8]| i64::from_le_bytes(b) as f64),
            Dtype::I32 => elements(&data, |b: [u8; 4]| f64::from(i32::from_le_bytes(b))),
            Dtype::I16 => elements(&data, |b: [u8; 2]| f64::from(i16::from_le_bytes(b))),
            Dtype::U16 => elements(&data, |b: [u8; 2]| f64::from(u16::from_le_bytes(b))),
            Dtype::U8 | Dtype::BOOL => data.iter().map(|&b| f64::from(b)).collect(),
            other => panic!("{}: `{name}` has elements of {other:?}", self.file),
        }
    }

    fn parsed(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap_or_else(|error| panic!("{}: {error}", self.file))
    }

    #[track_caller]
    fn view(&self, name: &str) -> (Dtype, Vec<usize>, Vec<u8>) {
        let parsed = self.parsed();
        let view = parsed.tensor(name).unwrap_or_else(|error| panic!("{}: `{name}`: {error}", self.file));
        (view.dtype(), view.shape().to_vec(), view.data().to_vec())
    }
}

fn elements<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    data.chunks_exact(N).map(|chunk| read(chunk.try_into().unwrap())).collect()
}
