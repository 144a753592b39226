//! Which instructions products are made of on this processor.

use std::fmt;

use crate::Precision;

/// The widest instructions that an inner loop uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// Products of tiles of bfloat16 (AMX-BF16).
    Amx,
    /// Products of pairs of bfloat16 in vectors of 512 bits.
    Avx512Bf16,
    /// Fused products of float32 in vectors of 512 bits.
    Avx512,
    /// Fused products of float32 in vectors of 256 bits.
    Avx2,
    /// Whatever the crate `gemm` finds: processors that have no loop here.
    General,
}

/// The instructions that large products in `precision` use. What the processor lacks is replaced, so half precision may be float32 here.
pub fn instructions(precision: Precision) -> Instructions {
    #[cfg(target_arch = "x86_64")]
    if let Some(kernel) = super::packed::best_for(precision) {
        return kernel.instructions;
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = precision;
    Instructions::General
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Amx => "AMX",
            Self::Avx512Bf16 => "AVX512-BF16",
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::General => "general code",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn what_is_used_is_there() {
        for precision in [Precision::Float32, Precision::Bfloat16, Precision::Float16, Precision::Split] {
            let is_there = match instructions(precision) {
                Instructions::Amx => precision != Precision::Float32 && precision != Precision::Float16,
                Instructions::Avx512Bf16 => {
                    precision == Precision::Bfloat16 && is_x86_feature_detected!("avx512bf16")
                }
                Instructions::Avx512 => is_x86_feature_detected!("avx512f"),
                Instructions::Avx2 => {
                    is_x86_feature_detected!("avx2") && !is_x86_feature_detected!("avx512bw")
                }
                Instructions::General => !is_x86_feature_detected!("avx2"),
            };
            assert!(is_there, "{precision} by {}", instructions(precision));
        }
    }
}
