//! How far apart two halves of the same culture lie: what a distance between cultures is to be read against.
//!
//! Recordings of a culture are halved at random, the halves pooled, and their distance measured; many times. Halves have half the recordings, and fewer
//! recordings look more different, so a distance between whole cultures is no fair match for it. Therefore the same halves are
//! also measured across cultures: `excess = mean over splits of [D(A₁, B₁) − ½ (D(A₁, A₂) + D(B₁, B₂))]`, with as many recordings on every
//! side (one more in first halves of odd numbers).
//! Pure; a split depends on `(seed, culture, split)` alone.

use draws::{Draws, fnv1a64};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::measures::DivergenceUnit;
use super::recordings::RecordingCounts;
use super::units::{CultureUnits, Distances, distances, is_pair, pairs_of, pooled, units_of};
use crate::EvaluateError;
use crate::bootstrap::{Bootstrap, quantile};

/// A distance over splits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverSplits {
    /// Mean.
    pub mean: f64,
    /// Lower end of the central share of the splits.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Two halves of one culture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CultureFloor {
    /// The culture.
    pub culture: String,
    /// Recordings with a frame.
    pub n_recordings: usize,
    /// Jensen–Shannon divergence of the halves; none of a single recording, which has no halves.
    pub divergence: Option<OverSplits>,
    /// Cosine distance of the halves.
    pub cosine_distance: Option<OverSplits>,
}

/// Halves of two cultures against halves of each; only of cultures with two recordings or more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairExcess {
    /// One culture.
    pub first: String,
    /// The other.
    pub second: String,
    /// How much further apart halves of both are than halves of one: divergence.
    pub divergence: OverSplits,
    /// The same in cosine distance.
    pub cosine_distance: OverSplits,
    /// Share of splits in which the divergence across is above those within both cultures.
    pub share_above: f64,
}

/// Distances of halves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitHalves {
    /// Unit of the divergences.
    pub unit: DivergenceUnit,
    /// Number of splits and share of them inside the ends (as many splits as the field calls resamples).
    pub splits: Bootstrap,
    /// Within every culture.
    pub cultures: Vec<CultureFloor>,
    /// Between cultures.
    pub pairs: Vec<PairExcess>,
}

impl SplitHalves {
    /// The floor of this culture.
    pub fn culture(&self, name: &str) -> Option<&CultureFloor> {
        self.cultures.iter().find(|floor| floor.culture == name)
    }

    /// The pair of these names, in either order.
    pub fn pair(&self, a: &str, b: &str) -> Option<&PairExcess> {
        self.pairs.iter().find(|pair| is_pair([&pair.first, &pair.second], a, b))
    }
}

/// Halves every culture's recordings at random, as often as `splits` says, and measures within and between cultures.
pub fn split_halves(
    counts: &RecordingCounts,
    unit: DivergenceUnit,
    splits: Bootstrap,
) -> Result<SplitHalves, EvaluateError> {
    splits.check()?;
    let cultures = units_of(counts)?;
    let n_entries = counts.origin().n_entries;
    let cells = counts.origin().n_codebooks * n_entries;
    let divisible: Vec<&CultureUnits<'_>> = cultures.iter().filter(|one| one.rows.len() > 1).collect();
    let pairs = pairs_of(divisible.len());
    let measured: Vec<Split> = (0..splits.n_resamples as u64)
        .into_par_iter()
        .map(|split| {
            let halves: Vec<[Vec<u64>; 2]> =
                divisible.iter().map(|culture| halved(culture, splits.seed, split, cells)).collect();
            Split {
                within: halves.iter().map(|[a, b]| distances(a, b, n_entries)).collect(),
                between: pairs
                    .iter()
                    .map(|&(i, j)| distances(&halves[i][0], &halves[j][0], n_entries))
                    .collect(),
            }
        })
        .collect();

    let over = |of: &dyn Fn(&Split) -> f64| over_splits(measured.iter().map(of).collect(), splits);
    let floor = |culture: &CultureUnits<'_>| {
        let at = divisible.iter().position(|other| other.culture == culture.culture);
        CultureFloor {
            culture: culture.culture.to_owned(),
            n_recordings: culture.rows.len(),
            divergence: at.map(|at| over(&|split| unit.of_nats(split.within[at].divergence))),
            cosine_distance: at.map(|at| over(&|split| split.within[at].cosine)),
        }
    };
    let excess = |(at, &(i, j)): (usize, &(usize, usize))| {
        let beyond = |split: &Split, of: fn(&Distances) -> f64| {
            of(&split.between[at]) - 0.5 * (of(&split.within[i]) + of(&split.within[j]))
        };
        let is_above = |split: &&Split| {
            split.between[at].divergence > split.within[i].divergence.max(split.within[j].divergence)
        };
        PairExcess {
            first: divisible[i].culture.to_owned(),
            second: divisible[j].culture.to_owned(),
            divergence: over(&|split| unit.of_nats(beyond(split, |pair| pair.divergence))),
            cosine_distance: over(&|split| beyond(split, |pair| pair.cosine)),
            share_above: measured.iter().filter(is_above).count() as f64 / measured.len() as f64,
        }
    };
    Ok(SplitHalves {
        unit,
        splits,
        cultures: cultures.iter().map(floor).collect(),
        pairs: pairs.iter().enumerate().map(excess).collect(),
    })
}

/// One split of every culture.
struct Split {
    within: Vec<Distances>,
    between: Vec<Distances>,
}

/// Pooled counts of two halves.
fn halved(culture: &CultureUnits<'_>, seed: u64, split: u64, cells: usize) -> [Vec<u64>; 2] {
    let mut rows = culture.rows.clone();
    let position = [fnv1a64(culture.culture.as_bytes()), split];
    Draws::new(seed, "evaluate/split-halves", &position).shuffle(&mut rows);
    let (first, second) = rows.split_at(rows.len().div_ceil(2));
    [first, second].map(|half| pooled(half.iter().map(|&row| (row, 1)), cells))
}

fn over_splits(mut values: Vec<f64>, splits: Bootstrap) -> OverSplits {
    values.sort_by(f64::total_cmp);
    let [low, high] = splits.tails().map(|share| quantile(&values, share));
    OverSplits { mean: values.iter().sum::<f64>() / values.len() as f64, low, high }
}

#[cfg(test)]
mod tests {
    use super::super::recordings::tests::{drawn, origin, recording};
    use super::*;

    const FEW: Bootstrap = Bootstrap { n_resamples: 100, level: 0.9, seed: 2 };

    #[test]
    fn halves_of_a_finite_sample_differ_and_less_so_of_a_larger_one() {
        let floor = |n| {
            let counts = drawn(4, &[("a", 1), ("b", 4)], n, 50);
            split_halves(&counts, DivergenceUnit::Nats, FEW).unwrap().cultures[0].divergence.unwrap()
        };
        let (few, many) = (floor(6), floor(60));
        assert!(few.low > 0.0 && few.low <= few.mean && few.mean <= few.high, "{few:?}");
        assert!(many.mean > 0.0 && many.high < few.mean, "{many:?} {few:?}");
    }

    #[test]
    fn one_culture_under_two_names_is_at_its_floor_and_another_is_above_it() {
        let mut counts = drawn(4, &[("a", 1), ("b", 6)], 30, 50);
        // Other recordings of the same making.
        let more = drawn(77, &[("a", 1)], 30, 50);
        for row in 0..more.recordings().len() {
            let mut codes = Vec::new();
            let (left, right) = more.row(row).split_at(16);
            let list = |counts: &[u32]| -> Vec<u16> {
                let each = counts.iter().enumerate();
                each.flat_map(|(token, &n)| std::iter::repeat_n(token as u16, n as usize)).collect()
            };
            for (a, b) in list(left).into_iter().zip(list(right)) {
                codes.extend([a, b]);
            }
            counts.add(&recording("again", &row.to_string()), &codes).unwrap();
        }
        let halves = split_halves(&counts, DivergenceUnit::Bits, FEW).unwrap();
        let same = halves.pair("a", "again").unwrap();
        assert!(same.divergence.low < 0.0 && same.divergence.high > 0.0, "{same:?}");
        let other = halves.pair("b", "a").unwrap();
        assert!(other.divergence.low > 0.0 && other.share_above > 0.999, "{other:?}");
    }

    #[test]
    fn two_recordings_have_one_split_whose_distance_is_known() {
        // Disjoint recordings: every split is ln 2 apart in one of two codebooks and 0 in the other.
        let mut counts = super::super::RecordingCounts::new(origin(2, 4)).unwrap();
        counts.add(&recording("a", "x"), &[0, 3, 1, 3]).unwrap();
        counts.add(&recording("a", "y"), &[2, 3, 2, 3]).unwrap();
        counts.add(&recording("b", "z"), &[2, 3]).unwrap();
        let halves = split_halves(&counts, DivergenceUnit::Bits, FEW).unwrap();
        let floor = halves.culture("a").unwrap();
        let OverSplits { mean, low, high } = floor.divergence.unwrap();
        assert!([mean, low, high].iter().all(|x| (x - 0.5).abs() < 1e-15), "{floor:?}");
        assert!((floor.cosine_distance.unwrap().mean - 0.5).abs() < 1e-15);
        assert!(halves.culture("b").unwrap().divergence.is_none() && halves.pairs.is_empty());
    }

    #[test]
    fn threads_change_nothing() {
        let counts = drawn(4, &[("a", 1), ("b", 6)], 9, 30);
        let in_threads = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| split_halves(&counts, DivergenceUnit::Nats, FEW).unwrap())
        };
        assert_eq!(in_threads(1), in_threads(3));
    }
}
