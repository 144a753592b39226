//! Plain loops and matrix products at the full width of the processor that runs them.
//!
//! A loop is compiled once for each instruction set and chosen when it runs (`pulp`). No result depends on the choice as long as the
//! loop fixes the order of its additions and says `mul_add` where it means a fused product.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "sums of small whole numbers are exact"))]

pub mod matrix;
mod precision;

pub use precision::{Precision, UnknownPrecision};

use pulp::{Arch, NullaryFnOnce};

/// Calls through a reference: a closure that is called by value goes through a shim of its own, which is not compiled for the vectors.
struct ByReference<'a, F>(&'a mut F);

impl<R, F: FnMut() -> R> NullaryFnOnce for ByReference<'_, F> {
    type Output = R;

    #[expect(clippy::inline_always, reason = "only inlined code is compiled for the wider vectors")]
    #[inline(always)]
    fn call(self) -> R {
        (self.0)()
    }
}

/// Runs `work`, compiled for this processor's vectors.
///
/// `work` and what it calls in its loops have to be `#[inline(always)]`: what is not inlined is compiled for the smallest vectors, and
/// there a `mul_add` is a call.
#[expect(clippy::inline_always, reason = "only inlined code is compiled for the wider vectors")]
#[inline(always)]
pub fn vectorised<R>(mut work: impl FnMut() -> R) -> R {
    Arch::new().dispatch(ByReference(&mut work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_that_of_the_loop() {
        let values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        let sum = vectorised(
            #[inline(always)]
            || values.iter().map(|&x| x.mul_add(2.0, 1.0)).sum::<f32>(),
        );
        assert!((sum - 1_000_000.0).abs() < 1.0);
    }
}
