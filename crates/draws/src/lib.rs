//! Counter-based randomness: every draw is a pure function of its key.
//!
//! A stream is keyed by `(seed, purpose, position)`, where the position is for instance `[stage, update, item]`.
//! Draw `i` of a stream is `mix(key + (i + 1)·γ) mod 2^64` with `γ = 0x9E3779B97F4A7C15` (splitmix64; Steele, Lea, Flood 2014),
//! so any draw can be made without the ones before it: thread count, worker count and resuming cannot change a run.
//!
//! Nothing here is for cryptography.

mod hash;
mod permutation;

pub use hash::{fnv1a64, mix};
pub use permutation::Permutation;

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of draws that only its key determines.
#[derive(Clone, Debug)]
pub struct Draws {
    key: u64,
    next: u64,
}

impl Draws {
    /// Opens the stream of `purpose` at `position` (for instance `[stage, update, item]`) of the run with `seed`.
    pub fn new(seed: u64, purpose: &str, position: &[u64]) -> Self {
        let mut key = mix(seed ^ fnv1a64(purpose.as_bytes()));
        for (axis, &coordinate) in position.iter().enumerate() {
            key = mix(key ^ mix(coordinate.wrapping_add(axis as u64 + 1).wrapping_mul(GOLDEN_GAMMA)));
        }
        Self { key, next: 0 }
    }

    /// Opens the stream whose key is exactly `key`.
    pub fn from_key(key: u64) -> Self {
        Self { key, next: 0 }
    }

    /// Draw number `index` of the stream, wherever the stream stands.
    #[inline]
    pub fn at(&self, index: u64) -> u64 {
        mix(self.key.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA)))
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let bits = self.at(self.next);
        self.next += 1;
        bits
    }

    /// Uniform in `[0, 1)` with 53 random bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform among `0..n`, without bias (Lemire 2019). One draw but for a vanishing share of rejections.
    ///
    /// # Panics
    /// When `n` is 0: there is nothing to choose.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "cannot choose among no values");
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Uniform among `low..=high`.
    pub fn inclusive(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Standard normal (Box and Muller; two draws a value).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// `k` distinct values of `0..n` in the order drawn, every ordered choice equally likely.
    ///
    /// # Panics
    /// When `k > n`.
    pub fn distinct(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(k <= n, "cannot draw {k} distinct values from {n}");
        let mut pool: Vec<usize> = (0..n).collect();
        for taken in 0..k {
            let other = taken + self.below((n - taken) as u64) as usize;
            pool.swap(taken, other);
        }
        pool.truncate(k);
        pool
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn streams_differ_in_every_part_of_the_key() {
        let first = |seed, purpose: &str, position: &[u64]| Draws::new(seed, purpose, position).at(0);
        let base = first(1, "crop", &[1, 2, 3]);
        for other in [
            first(2, "crop", &[1, 2, 3]),
            first(1, "mask", &[1, 2, 3]),
            first(1, "crop", &[2, 1, 3]),
            first(1, "crop", &[1, 2, 4]),
            first(1, "crop", &[1, 2]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn random_access_equals_the_sequence() {
        let mut stream = Draws::new(7, "test", &[]);
        let fixed = stream.clone();
        for index in 0..100 {
            assert_eq!(stream.next_u64(), fixed.at(index));
        }
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let mut stream = Draws::new(3, "moments", &[]);
        let n = 200_000;
        let mean = (0..n).map(|_| stream.uniform()).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 3e-3, "{mean}");
        let normals: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    proptest! {
        #[test]
        fn distinct_values_are_distinct_and_in_range(seed: u64, n in 1usize..200, share in 0.0f64..=1.0) {
            let k = (n as f64 * share) as usize;
            let chosen = Draws::new(seed, "distinct", &[]).distinct(n, k);
            let unique: std::collections::BTreeSet<_> = chosen.iter().copied().collect();
            prop_assert_eq!(unique.len(), k);
            prop_assert!(chosen.iter().all(|&value| value < n));
        }

        #[test]
        fn below_stays_below(seed: u64, n in 1u64..) {
            prop_assert!(Draws::new(seed, "below", &[]).below(n) < n);
        }
    }
}
