//! Dropout by counter draws: whether a hidden unit is kept depends on (seed, epoch, example, unit) alone.
//!
//! `a ← a · k/(1 − p)` with k Bernoulli(1 − p). One 64-bit draw serves two units; 32 bits resolve p to 2⁻³².

use draws::Draws;

use simd::vectorised;

/// Which pattern to draw.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Probability p of dropping a unit, below 1.
    pub probability: f32,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: usize,
}

impl Dropout {
    /// What kept units are multiplied by.
    pub(super) fn scale(&self) -> f32 {
        1.0 / (1.0 - self.probability)
    }

    /// Drops units of `example` and scales the others.
    pub(super) fn apply(&self, example: usize, units: &mut [f32]) {
        let draws = Draws::new(self.seed, "evaluate/probe/dropout", &[self.epoch as u64, example as u64]);
        let threshold = (f64::from(self.probability) * (1u64 << 32) as f64) as u64;
        let scale = self.scale();
        // A product and no branch, so that the loop becomes vector instructions.
        let factor = |half: u64| if half < threshold { 0.0 } else { scale };
        vectorised(
            #[inline(always)]
            || {
                let (pairs, last) = units.as_chunks_mut::<2>();
                for (pair, index) in pairs.iter_mut().zip(0..) {
                    let bits = draws.at(index);
                    pair[0] *= factor(bits & 0xFFFF_FFFF);
                    pair[1] *= factor(bits >> 32);
                }
                for unit in last {
                    *unit *= factor(draws.at(pairs.len() as u64) & 0xFFFF_FFFF);
                }
            },
        );
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "a unit is dropped or scaled, nothing between")]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_dropped_units_is_the_probability() {
        let dropout = Dropout { probability: 0.2, seed: 1, epoch: 2 };
        let mut units = vec![1.0; 100_000];
        dropout.apply(7, &mut units);
        let dropped = units.iter().filter(|&&unit| unit == 0.0).count();
        assert!((dropped as f64 / 1e5 - 0.2).abs() < 0.005, "{dropped}");
        assert!(units.iter().all(|&unit| unit == 0.0 || unit == 1.25));
        let mut others = vec![1.0; 100_000];
        dropout.apply(8, &mut others);
        assert_ne!(units, others);
    }

    #[test]
    fn probability_zero_changes_nothing() {
        let mut units = [1.0, 2.0, 3.0];
        Dropout { probability: 0.0, seed: 1, epoch: 0 }.apply(0, &mut units);
        assert_eq!(units, [1.0, 2.0, 3.0]);
    }
}
