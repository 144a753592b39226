//! A mean over seeds with what the choice of seeds leaves open about it.
//!
//! `mean ± t(0.975; n − 1) · s/√n`, s the sample standard deviation: Student's two-sided 95 % interval. Only what a seed decides (start, order,
//! dropout) varies; the recordings are the same, so it says nothing of other recordings. Pure; f64.

use serde::{Deserialize, Serialize};

use super::result::MeanStd;

/// `t(0.975; ν)` for ν = 1 … 30, as printed in every table of it.
const QUANTILES: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604,
    2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555,
    2.0518, 2.0484, 2.0452, 2.0423,
];

/// The same quantile of the normal distribution.
const NORMAL: f64 = 1.959964;

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverSeeds {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation; none for a single seed.
    pub std: Option<f64>,
    /// Seeds.
    pub n: usize,
    /// Ends of the 95 % interval of the mean; none for a single seed.
    pub interval: Option<[f64; 2]>,
}

impl OverSeeds {
    /// Of one value a seed; none of no value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let MeanStd { mean, std, n } = MeanStd::of(values)?;
        let half = |std: f64| quantile(n - 1) * std / (n as f64).sqrt();
        let interval = std.map(half).map(|half| [mean - half, mean + half]);
        Some(Self { mean, std, n, interval })
    }
}

/// `t(0.975; ν)`; beyond the table by the first terms of its expansion around the normal quantile z (Abramowitz and Stegun 26.7.5):
/// `z + (z³ + z)/(4ν) + (5z⁵ + 16z³ + 3z)/(96ν²) + (3z⁷ + 19z⁵ + 17z³ − 15z)/(384ν³)`.
fn quantile(degrees: usize) -> f64 {
    if let Some(&quantile) = degrees.checked_sub(1).and_then(|at| QUANTILES.get(at)) {
        return quantile;
    }
    let (z, nu) = (NORMAL, degrees as f64);
    let [z3, z5, z7] = [3, 5, 7].map(|power| z.powi(power));
    z + (z3 + z) / (4.0 * nu)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * nu.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * nu.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_known_values() {
        let known = OverSeeds::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        // s = √2.5, half = 2.7764·√2.5/√5.
        let half = 2.7764 * 0.5_f64.sqrt();
        let [low, high] = known.interval.unwrap();
        assert!((known.mean - 3.0).abs() < 1e-12 && (low - (3.0 - half)).abs() < 1e-12);
        assert!((high - (3.0 + half)).abs() < 1e-12);
        let single = OverSeeds::of(&[0.7]).unwrap();
        assert_eq!((single.mean, single.std, single.interval), (0.7, None, None));
        assert!(OverSeeds::of(&[]).is_none());
        assert_eq!(OverSeeds::of(&[0.5, 0.5]).unwrap().interval, Some([0.5, 0.5]));
    }

    #[test]
    fn the_expansion_goes_on_where_the_table_ends() {
        for (degrees, printed) in [(31, 2.0395), (40, 2.0211), (60, 2.0003), (120, 1.9799)] {
            assert!((quantile(degrees) - printed).abs() < 6e-5, "{degrees}: {}", quantile(degrees));
        }
        assert!((1..200).all(|degrees| quantile(degrees) > quantile(degrees + 1)));
    }
}
