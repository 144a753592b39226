//! Runs plain loops with the widest vector instructions of the processor.
//!
//! The loop is compiled once for each instruction set and chosen when it runs (`pulp`). No result depends on the choice as
//! long as the loop fixes the order of its additions, which ours do: sums use explicit lanes.

/// Runs `work`, compiled for this processor's vectors. `work` and what it calls must be inlined to profit.
#[expect(clippy::inline_always, reason = "only inlined code is compiled for the wider vectors")]
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
