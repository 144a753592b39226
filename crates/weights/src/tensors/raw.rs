//! A tensor as its file has it.

use files::ContentHash;
use serde::Serialize;

use super::Dtype;

/// Type and shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Type of its elements.
    pub dtype: Dtype,
    /// Sizes of its axes, outermost first.
    pub shape: Vec<usize>,
}

impl TensorInfo {
    /// Number of elements, or `None` when it does not fit a machine word.
    pub fn n_elements(&self) -> Option<usize> {
        // A zero axis makes an empty tensor however large the others are.
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))
    }

    /// Bytes of all elements, or `None` when that does not fit a machine word.
    pub fn n_bytes(&self) -> Option<usize> {
        self.n_elements()?.checked_mul(self.dtype.size())
    }
}

/// A tensor with the bytes its file has: contiguous, C order, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTensor {
    /// Type and shape.
    pub info: TensorInfo,
    /// All elements.
    pub bytes: Vec<u8>,
}

impl RawTensor {
    /// SHA-256 of the bytes.
    pub fn sha256(&self) -> ContentHash {
        files::hash_bytes(&self.bytes)
    }

    /// The elements as float32, or `None` when they are whole numbers.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        self.info.dtype.widen(&self.bytes)
    }
}
