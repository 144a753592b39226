//! Which numbers the operands of a product are; every sum is float32.

use std::str::FromStr;

use crate::vectorised;

/// What the operands of a product are rounded to before they are multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Not at all.
    #[default]
    Float32,
    /// To bfloat16: 8 bits of significand, the range of float32.
    Bfloat16,
    /// To float16: 11 bits of significand; what is 65520 or more becomes infinite, what is 2⁻²⁵ or less becomes zero.
    Float16,
    /// To sums of three bfloat16 numbers, which hold all 24 bits of a float32: products as exact as those of float32, made of six products of
    /// bfloat16. Faster where a processor multiplies bfloat16 more than six times as fast as float32, and slower everywhere else.
    Split,
}

impl Precision {
    /// Whether values between products are rounded as well: true of the two half types.
    pub fn is_half(self) -> bool {
        matches!(self, Self::Bfloat16 | Self::Float16)
    }

    /// The nearest number of the half type, ties to even; `x` itself under [`Precision::Float32`] and [`Precision::Split`].
    #[inline(always)]
    #[must_use]
    pub fn round(self, x: f32) -> f32 {
        match self {
            Self::Float32 | Self::Split => x,
            Self::Bfloat16 => to_bfloat16(x),
            Self::Float16 => to_float16(x),
        }
    }

    /// Rounds every value in place.
    pub fn round_all(self, values: &mut [f32]) {
        match self {
            Self::Float32 | Self::Split => {}
            Self::Bfloat16 => each(values, to_bfloat16),
            Self::Float16 => each(values, to_float16),
        }
    }
}

#[inline(always)]
fn each(values: &mut [f32], round: impl Fn(f32) -> f32) {
    vectorised(
        #[inline(always)]
        || {
            for value in values.iter_mut() {
                *value = round(*value);
            }
        },
    );
}

/// Adds half a unit of the last place that stays, less one bit where that place is even, and cuts. A NaN stays one.
#[inline(always)]
fn to_bfloat16(x: f32) -> f32 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1)) & 0xFFFF_0000;
    if x.is_nan() { x } else { f32::from_bits(rounded) }
}

/// The same with 13 bits cut; numbers below 2⁻¹⁴ are rounded to whole multiples of 2⁻²⁴ by an addition that leaves no lower bits.
#[inline(always)]
fn to_float16(x: f32) -> f32 {
    const SMALLEST_NORMAL: f32 = 6.103_515_625e-5;
    const FIRST_TOO_LARGE: f32 = 65520.0;
    let bits = x.to_bits();
    let rounded = f32::from_bits(bits.wrapping_add(0xFFF + ((bits >> 13) & 1)) & 0xFFFF_E000);
    let magnitude = x.abs();
    let small = ((magnitude + 0.75) - 0.75).copysign(x);
    let value = if magnitude < SMALLEST_NORMAL { small } else { rounded };
    let value = if magnitude >= FIRST_TOO_LARGE { f32::INFINITY.copysign(x) } else { value };
    if x.is_nan() { x } else { value }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        match text {
            "float32" | "f32" => Ok(Self::Float32),
            "bfloat16" | "bf16" => Ok(Self::Bfloat16),
            "float16" | "f16" => Ok(Self::Float16),
            "split" => Ok(Self::Split),
            _ => Err(UnknownPrecision(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
            Self::Float16 => "float16",
            Self::Split => "split",
        })
    }
}

/// A word that names no precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPrecision(String);

impl std::fmt::Display for UnknownPrecision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` is no precision, use `float32`, `bfloat16`, `float16` or `split`", self.0)
    }
}

impl std::error::Error for UnknownPrecision {}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;

    /// Bit patterns from everywhere: both zeros, subnormals, the borders of float16, infinities, and a stride through all of them.
    fn everywhere() -> impl Iterator<Item = f32> {
        let borders = [0.0, 65504.0, 65519.99, 65520.0, 6.1035e-5, 5.96e-8, 2.98e-8, 2.981e-8, 1e-30];
        let signed = borders.into_iter().flat_map(|x: f32| [x, -x]);
        signed.chain((0..=u32::MAX).step_by(6553).map(f32::from_bits)).chain([f32::INFINITY])
    }

    #[test]
    fn rounding_is_that_of_the_half_types() {
        for x in everywhere().filter(|x| !x.is_nan()) {
            let expected = bf16::from_f32(x).to_f32();
            assert_eq!(Precision::Bfloat16.round(x).to_bits(), expected.to_bits(), "{x:e}");
            let expected = f16::from_f32(x).to_f32();
            assert_eq!(Precision::Float16.round(x).to_bits(), expected.to_bits(), "{x:e}");
            assert_eq!(Precision::Split.round(x).to_bits(), x.to_bits());
        }
        for precision in [Precision::Bfloat16, Precision::Float16] {
            assert!(precision.round(f32::NAN).is_nan() && precision.round(-f32::NAN).is_nan());
        }
    }

    #[test]
    fn a_slice_is_rounded_like_its_elements() {
        let values: Vec<f32> = everywhere().filter(|x| !x.is_nan()).collect();
        for precision in [Precision::Float32, Precision::Bfloat16, Precision::Float16] {
            let mut rounded = values.clone();
            precision.round_all(&mut rounded);
            let expected = values.iter().map(|&x| precision.round(x).to_bits());
            assert!(rounded.iter().map(|x| x.to_bits()).eq(expected));
        }
    }

    #[test]
    fn names_are_read_back() {
        for precision in [Precision::Float32, Precision::Bfloat16, Precision::Float16, Precision::Split] {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert!("float8".parse::<Precision>().unwrap_err().to_string().contains("`float8`"));
    }
}
