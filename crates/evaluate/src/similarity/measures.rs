//! Distances of two token distributions p and q over the same entries.
//!
//! * Jensen–Shannon divergence (Lin 1991): `m = (p + q)/2`, `JSD = ½ Σ p ln(p/m) + ½ Σ q ln(q/m)`, `0·ln 0 = 0`, nats; at most `ln 2`, which is one bit.
//!   Zero counts need no smoothing: m > 0 wherever p > 0.
//! * Jensen–Shannon distance: its square root, a metric; `scipy.spatial.distance.jensenshannon` returns this one, by default in base e.
//! * Cosine similarity `p·q / (‖p‖ ‖q‖)`, the same for counts and probabilities; the distance is 1 − similarity.
//!
//! Pure; f64.

use std::f64::consts::LN_2;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a divergence is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DivergenceUnit {
    /// Natural logarithm: at most `ln 2`, 0.693.
    #[default]
    Nats,
    /// Logarithm to base 2: at most 1.
    Bits,
}

impl DivergenceUnit {
    /// The largest divergence there is: of distributions that share no entry.
    pub fn largest(self) -> f64 {
        match self {
            Self::Nats => LN_2,
            Self::Bits => 1.0,
        }
    }

    /// A divergence in nats, in this unit.
    pub(super) fn of_nats(self, nats: f64) -> f64 {
        match self {
            Self::Nats => nats,
            Self::Bits => nats / LN_2,
        }
    }
}

impl fmt::Display for DivergenceUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nats => "nats",
            Self::Bits => "bits",
        })
    }
}

/// Divergence in nats, from counts.
pub(super) fn divergence(a: &[u64], b: &[u64]) -> f64 {
    let (n_a, n_b) = (a.iter().sum::<u64>() as f64, b.iter().sum::<u64>() as f64);
    let half = |p: f64, m: f64| if p > 0.0 { p * (p / m).ln() } else { 0.0 };
    let terms = a.iter().zip(b).map(|(&a, &b)| {
        let (p, q) = (a as f64 / n_a, b as f64 / n_b);
        let m = 0.5 * (p + q);
        half(p, m) + half(q, m)
    });
    // Rounding may leave the range by some 1e-17, which a root would blow up.
    (0.5 * terms.sum::<f64>()).clamp(0.0, LN_2)
}

/// `p·q / (‖p‖ ‖q‖)`, from counts.
pub(super) fn cosine_similarity(a: &[u64], b: &[u64]) -> f64 {
    let dot = |x: &[u64], y: &[u64]| x.iter().zip(y).map(|(&x, &y)| x as f64 * y as f64).sum::<f64>();
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn measures_are_symmetric_bounded_and_zero_on_themselves(
            pairs in prop::collection::vec((0u64..50, 0u64..50), 2..40), scale in 1u64..9
        ) {
            let a: Vec<u64> = pairs.iter().map(|pair| pair.0 + 1).collect();
            let b: Vec<u64> = pairs.iter().map(|pair| pair.1).chain([1]).take(pairs.len()).collect();
            prop_assume!(b.iter().sum::<u64>() > 0);
            let forth = divergence(&a, &b);
            prop_assert!((forth - divergence(&b, &a)).abs() < 1e-15);
            prop_assert!((0.0..=LN_2).contains(&forth));
            prop_assert!(divergence(&a, &a) < 1e-15);
            prop_assert!((cosine_similarity(&a, &a) - 1.0).abs() < 1e-15);
            // More frames of the same music change nothing.
            let more: Vec<u64> = a.iter().map(|n| n * scale).collect();
            prop_assert!((divergence(&more, &b) - forth).abs() < 1e-14);
            prop_assert!((cosine_similarity(&more, &b) - cosine_similarity(&a, &b)).abs() < 1e-14);
        }
    }
}
