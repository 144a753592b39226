//! A random permutation of `0..n` that answers one position at a time, in constant memory.
//!
//! Four Feistel rounds over the smallest square power of two that holds `n`, with cycle walking for values outside
//! (Black and Rogaway 2002). Used to pass over a corpus once without holding its order.

use crate::{Draws, mix};

/// A bijection of `0..n`, drawn from a stream's key.
#[derive(Clone, Debug)]
pub struct Permutation {
    n: u64,
    half_bits: u32,
    round_keys: [u64; 4],
}

impl Permutation {
    /// The permutation of `0..n` that `draws` chooses.
    ///
    /// # Panics
    /// When `n` is 0 or above 2^62.
    pub fn new(draws: &mut Draws, n: u64) -> Self {
        assert!(n > 0 && n <= 1 << 62, "a permutation needs between 1 and 2^62 values, not {n}");
        let bits = 64 - (n - 1).leading_zeros();
        Self { n, half_bits: bits.div_ceil(2).max(1), round_keys: std::array::from_fn(|_| draws.next_u64()) }
    }

    /// Where `position` goes.
    ///
    /// # Panics
    /// When `position` is not below `n`.
    pub fn at(&self, position: u64) -> u64 {
        assert!(position < self.n, "position {position} is outside 0..{}", self.n);
        let mut value = self.rounds(position);
        while value >= self.n {
            value = self.rounds(value);
        }
        value
    }

    fn rounds(&self, value: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.round_keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        (left << self.half_bits) | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_appears_once() {
        for n in [1u64, 2, 3, 7, 64, 65, 1000] {
            let permutation = Permutation::new(&mut Draws::new(5, "permutation", &[n]), n);
            let mut seen: Vec<u64> = (0..n).map(|position| permutation.at(position)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..n).collect::<Vec<_>>());
        }
    }
}
