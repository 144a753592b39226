//! Element types that occur in model files.

use half::{bf16, f16};
use serde::Serialize;

/// Type of a tensor's elements; all are little-endian in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Dtype {
    Float64,
    Float32,
    Float16,
    Bfloat16,
    Int64,
    Int32,
    Int16,
    Int8,
    Uint64,
    Uint32,
    Uint16,
    Uint8,
    Bool,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::Float64 | Self::Int64 | Self::Uint64 => 8,
            Self::Float32 | Self::Int32 | Self::Uint32 => 4,
            Self::Float16 | Self::Bfloat16 | Self::Int16 | Self::Uint16 => 2,
            Self::Int8 | Self::Uint8 | Self::Bool => 1,
        }
    }

    /// torch's name, for instance `float32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float64 => "float64",
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Bfloat16 => "bfloat16",
            Self::Int64 => "int64",
            Self::Int32 => "int32",
            Self::Int16 => "int16",
            Self::Int8 => "int8",
            Self::Uint64 => "uint64",
            Self::Uint32 => "uint32",
            Self::Uint16 => "uint16",
            Self::Uint8 => "uint8",
            Self::Bool => "bool",
        }
    }

    /// The name in a safetensors header, for instance `F32`.
    pub fn safetensors_name(self) -> &'static str {
        match self {
            Self::Float64 => "F64",
            Self::Float32 => "F32",
            Self::Float16 => "F16",
            Self::Bfloat16 => "BF16",
            Self::Int64 => "I64",
            Self::Int32 => "I32",
            Self::Int16 => "I16",
            Self::Int8 => "I8",
            Self::Uint64 => "U64",
            Self::Uint32 => "U32",
            Self::Uint16 => "U16",
            Self::Uint8 => "U8",
            Self::Bool => "BOOL",
        }
    }

    /// Whether elements are floating point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float64 | Self::Float32 | Self::Float16 | Self::Bfloat16)
    }

    /// The type of a safetensors header, or `None` for one no model of ours uses (8-bit floats and the like).
    pub(crate) fn from_safetensors(dtype: safetensors::Dtype) -> Option<Self> {
        use safetensors::Dtype as S;
        Some(match dtype {
            S::F64 => Self::Float64,
            S::F32 => Self::Float32,
            S::F16 => Self::Float16,
            S::BF16 => Self::Bfloat16,
            S::I64 => Self::Int64,
            S::I32 => Self::Int32,
            S::I16 => Self::Int16,
            S::I8 => Self::Int8,
            S::U64 => Self::Uint64,
            S::U32 => Self::Uint32,
            S::U16 => Self::Uint16,
            S::U8 => Self::Uint8,
            S::BOOL => Self::Bool,
            _ => return None,
        })
    }

    /// Widens (float64: rounds) floats to float32; `None` for whole numbers, which are never taken for weights.
    pub(crate) fn widen(self, bytes: &[u8]) -> Option<Vec<f32>> {
        Some(match self {
            Self::Float32 => elements(bytes, f32::from_le_bytes),
            Self::Float64 => elements(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::Float16 => elements(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bfloat16 => elements(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            _ => return None,
        })
    }

    /// Whole numbers as float64 (rounded beyond 2⁵³); no elements for floats.
    pub(crate) fn whole_numbers(self, bytes: &[u8]) -> Vec<f64> {
        match self {
            Self::Int64 => numbers(bytes, |b| i64::from_le_bytes(b) as f64),
            Self::Int32 => numbers(bytes, |b| i32::from_le_bytes(b).into()),
            Self::Int16 => numbers(bytes, |b| i16::from_le_bytes(b).into()),
            Self::Int8 => numbers(bytes, |b| i8::from_le_bytes(b).into()),
            Self::Uint64 => numbers(bytes, |b| u64::from_le_bytes(b) as f64),
            Self::Uint32 => numbers(bytes, |b| u32::from_le_bytes(b).into()),
            Self::Uint16 => numbers(bytes, |b| u16::from_le_bytes(b).into()),
            Self::Uint8 | Self::Bool => numbers(bytes, |b| u8::from_le_bytes(b).into()),
            Self::Float64 | Self::Float32 | Self::Float16 | Self::Bfloat16 => Vec::new(),
        }
    }

    /// float32 numbers as little-endian bytes of this type, rounded to nearest; `None` for whole numbers.
    pub(crate) fn narrow(self, values: &[f32]) -> Option<Vec<u8>> {
        Some(match self {
            Self::Float32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Float64 => values.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect(),
            Self::Float16 => values.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
            Self::Bfloat16 => values.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
            _ => return None,
        })
    }
}

fn numbers<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}

fn elements<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_widen_exactly() {
        assert_eq!(Dtype::Float16.widen(&[0x00, 0x3c, 0x01, 0x00]), Some(vec![1.0, 2.0f32.powi(-24)]));
        assert_eq!(Dtype::Bfloat16.widen(&[0xc0, 0xbf]), Some(vec![-1.5]));
        assert_eq!(Dtype::Float64.widen(&0.1f64.to_le_bytes()), Some(vec![0.1f32]));
        assert_eq!(Dtype::Int32.widen(&[0; 4]), None);
    }
}
