//! Sends item `g` of a stage to one of several pools by fixed shares, without chance.
//!
//! Pool 0 gets item `g` when `floor((g + 1) a) > floor(g a)`, where `a` is its share: the Bresenham line of slope `a`. Any `n` items in
//! a row then hold `floor(n a)` or `ceil(n a)` of it, and exactly `n a` when that is whole. The items left over are numbered through and
//! sent on in the same way with pool 1's share of the rest, and so on. All numbers are whole, so no rounding gathers.

/// Shares of pools in whole numbers.
pub(super) struct Shares {
    /// Per pool its weight, and the weight of itself and all that follow.
    levels: Vec<(u64, u64)>,
}

/// Shares and weights are kept in millionths.
const UNIT: f64 = 1e6;

impl Shares {
    /// Pool 0 has the share `first` of all items, if there is one; the other pools share the rest in proportion to `weights`.
    pub(super) fn new(first: Option<f64>, weights: &[f64]) -> Self {
        let whole = |weight: f64| (weight * UNIT).round().max(1.0) as u64;
        let first = first.map(|share| (whole(share).min(UNIT as u64 - 1), UNIT as u64));
        let weights: Vec<u64> = weights.iter().map(|&weight| whole(weight)).collect();
        let rests = (0..weights.len()).map(|pool| (weights[pool], weights[pool..].iter().sum()));
        Self { levels: first.into_iter().chain(rests).collect() }
    }

    /// The pool that item `g` reads, and how many items have read of it before.
    pub(super) fn place(&self, item: u64) -> (usize, u64) {
        let mut item = item;
        for (pool, &(weight, of)) in self.levels.iter().enumerate() {
            let before = line(item, weight, of);
            if line(item + 1, weight, of) > before {
                return (pool, before);
            }
            item -= before;
        }
        unreachable!("the last pool takes all that is left")
    }
}

fn line(item: u64, weight: u64, of: u64) -> u64 {
    (u128::from(item) * u128::from(weight) / u128::from(of)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A share in millionths and weights of pools, as a plan states them.
    fn shares() -> impl Strategy<Value = (Option<u64>, Vec<u64>)> {
        (prop::option::of(1u64..1_000_000), prop::collection::vec(1u64..50, 1..5))
    }

    fn of(first: Option<u64>, weights: &[u64]) -> Shares {
        let weights: Vec<f64> = weights.iter().map(|&weight| weight as f64).collect();
        Shares::new(first.map(|share| share as f64 / UNIT), &weights)
    }

    proptest! {
        #[test]
        fn any_window_holds_the_share_of_the_first_pool(share in 1u64..1_000_000, start in 0u64..10_000_000, n in 1u64..500) {
            let shares = of(Some(share), &[1, 1]);
            let of_first = (start..start + n).filter(|&item| shares.place(item).0 == 0).count() as u64;
            prop_assert!(of_first >= n * share / 1_000_000);
            prop_assert!(of_first <= (n * share).div_ceil(1_000_000));
        }

        #[test]
        fn every_pool_is_read_in_order((share, weights) in shares(), start in 0u64..10_000, n in 1u64..500) {
            let shares = of(share, &weights);
            let places: Vec<(usize, u64)> = (start..start + n).map(|item| shares.place(item)).collect();
            for pool in 0..=weights.len() {
                let positions: Vec<u64> =
                    places.iter().filter(|place| place.0 == pool).map(|place| place.1).collect();
                prop_assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1));
            }
        }

        #[test]
        fn no_pool_strays_from_its_weight(weights in prop::collection::vec(1u64..50, 1..6), n in 1u64..3000) {
            let shares = of(None, &weights);
            let total: u64 = weights.iter().sum();
            let mut counts = vec![0u64; weights.len()];
            (0..n).for_each(|item| counts[shares.place(item).0] += 1);
            for (count, weight) in counts.iter().zip(&weights) {
                // Every pool before it may hold up one item.
                let ideal = (n * weight) as f64 / total as f64;
                prop_assert!((*count as f64 - ideal).abs() <= weights.len() as f64);
            }
        }
    }
}
