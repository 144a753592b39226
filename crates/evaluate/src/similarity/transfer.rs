//! Whether similarity goes with transfer: Spearman's ρ between the nearness of two cultures' tokens and what adapting to one gained on the other.
//!
//! A point is a pair (source, target) of different cultures: x is the negative distance of their tokens, y the gain on the target of the model adapted
//! to the source. Points share cultures and are not independent, so the p-value is that of a Mantel test (1967): the cultures' names are permuted
//! in the distances, rows and columns together, and ρ is computed anew over the same points. Up to [`MOST_EXACT`] cultures every permutation
//! is used, `p = #{ρ_π ≥ ρ} / C!` with the identity among them; above, `p = (1 + #{…}) / (1 + n)` of random ones.
//! The interval draws cultures with replacement (Snijders and Borgatti 1999): a pair counts once for each drawing of both, pairs of a culture with itself
//! not at all; percentiles, so it is rough for few cultures. Resamples without a ρ are counted.
//! Pure; draws depend on `(seed, resample)` alone.

use draws::Draws;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Similarity;
use crate::EvaluateError;
use crate::bootstrap::{Bootstrap, quantile};
use crate::error::all_finite;
use crate::rank_correlation::spearman;

/// Most cultures whose permutations are all used: 8! is 40 320.
const MOST_EXACT: usize = 8;
/// Random permutations where there are more.
const RANDOM_PERMUTATIONS: u64 = 9_999;
/// Fewest cultures and fewest points.
const FEWEST: usize = 3;
/// ρ of permutations that are the same but for rounding count as equal; ranks of n points change ρ by 1e-7 or more up to n of some hundreds.
const SAME: f64 = 1e-10;

/// What adapting to one culture gained on another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferCell {
    /// Culture the model was adapted to.
    pub source: String,
    /// Culture it was measured on.
    pub target: String,
    /// Its score minus that of the base.
    pub gain: f64,
}

/// ρ and what so few cultures leave open about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankRelation {
    /// Spearman's ρ; positive where nearer cultures gain more.
    pub rho: f64,
    /// Interval over cultures; none where fewer than half of the resamples had a ρ.
    pub ends: Option<[f64; 2]>,
    /// p-value of "no relation" against "nearer gains more".
    pub p_greater: f64,
    /// p-value against a relation of either sign.
    pub p_two_sided: f64,
    /// The smallest p-value that so many cultures can give.
    pub smallest_p: f64,
    /// Pairs of source and target.
    pub n_points: usize,
    /// Cultures they are of.
    pub n_cultures: usize,
    /// Permutations of the cultures.
    pub n_permutations: u64,
    /// Whether these are all there are.
    pub is_exact: bool,
    /// How cultures were resampled.
    pub bootstrap: Bootstrap,
    /// Resamples in which ρ is not defined, left out of the interval.
    pub n_undefined: usize,
}

/// A measured transfer beside the distances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelatedCell {
    /// Culture the model was adapted to.
    pub source: String,
    /// Culture it was measured on.
    pub target: String,
    /// Jensen–Shannon divergence of the two, nats.
    pub divergence_nats: f64,
    /// Cosine distance.
    pub cosine_distance: f64,
    /// Score minus that of the base.
    pub gain: f64,
}

/// Similarity and transfer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferRelation {
    /// What the gain is a gain of.
    pub measure: String,
    /// The points.
    pub cells: Vec<RelatedCell>,
    /// Pairs whose culture has no tokens here, by name.
    pub left_out: Vec<String>,
    /// Of the negative divergence with the gain.
    pub divergence: RankRelation,
    /// Of the cosine similarity with the gain.
    pub cosine: RankRelation,
}

/// Relates similarity to the gains of `cells`. Cells on the diagonal (a model on its own culture) are no transfer and are passed over.
pub fn transfer_relation(
    similarity: &Similarity,
    cells: &[TransferCell],
    measure: &str,
    bootstrap: Bootstrap,
) -> Result<TransferRelation, EvaluateError> {
    let index = |name: &str| similarity.cultures.iter().position(|culture| culture == name);
    let (mut points, mut related, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for TransferCell { source, target, gain } in cells.iter().filter(|cell| cell.source != cell.target) {
        let (Some(i), Some(j)) = (index(source), index(target)) else {
            left_out.push(format!("{source} → {target}"));
            continue;
        };
        if points.iter().any(|&(a, b, _)| (a, b) == (i, j)) {
            let (what, name) = ("transfer".to_owned(), format!("{source} → {target}"));
            return Err(EvaluateError::Twice { what, name });
        }
        points.push((i, j, *gain));
        related.push(RelatedCell {
            source: source.clone(),
            target: target.clone(),
            divergence_nats: similarity.mean.jsd_nats[i][j],
            cosine_distance: similarity.mean.cosine_distance[i][j],
            gain: *gain,
        });
    }
    Ok(TransferRelation {
        measure: measure.to_owned(),
        cells: related,
        left_out,
        divergence: rank_relation(&similarity.mean.jsd_nats, &points, bootstrap)?,
        cosine: rank_relation(&similarity.mean.cosine_distance, &points, bootstrap)?,
    })
}

/// ρ between negative distance and gain over `points` (source, target, gain).
///
/// # Shapes
/// - `distances` `[C, C]`
pub fn rank_relation(
    distances: &[Vec<f64>],
    points: &[(usize, usize, f64)],
    bootstrap: Bootstrap,
) -> Result<RankRelation, EvaluateError> {
    bootstrap.check()?;
    all_finite("gains", &points.iter().map(|point| point.2).collect::<Vec<_>>())?;
    let few = |what: &str, found| Err(EvaluateError::TooFew { what: what.to_owned(), needed: FEWEST, found });
    // Only cultures of a point are permuted and drawn, renumbered from 0.
    let mut cultures: Vec<usize> = points.iter().flat_map(|point| [point.0, point.1]).collect();
    cultures.sort_unstable();
    cultures.dedup();
    if let Some(&outside) = cultures.iter().find(|&&culture| culture >= distances.len()) {
        let (what, expected) = ("cultures of a distance matrix".to_owned(), outside + 1);
        return Err(EvaluateError::Size { what, expected, found: distances.len() });
    }
    if cultures.len() < FEWEST {
        return few("a relation of similarity and transfer, in cultures,", cultures.len());
    }
    if points.len() < FEWEST {
        return few("a relation of similarity and transfer, in pairs of cultures,", points.len());
    }
    let at = |culture: usize| cultures.binary_search(&culture).unwrap_or_default();
    let own: Vec<(usize, usize, f64)> = points.iter().map(|&(i, j, gain)| (at(i), at(j), gain)).collect();
    let near = |i: usize, j: usize| -distances[cultures[i]][cultures[j]];
    let permuted = |order: &[usize]| {
        let pairs: Vec<_> = own.iter().map(|&(i, j, gain)| (near(order[i], order[j]), gain)).collect();
        spearman(&pairs)
    };
    let identity: Vec<usize> = (0..cultures.len()).collect();
    let Some(rho) = permuted(&identity) else {
        return Err(EvaluateError::Setting {
            name: "transfer",
            value: "the same for every pair".to_owned(),
            requirement: "both distances and gains must vary".to_owned(),
        });
    };
    // A permutation without a ρ (all distances alike) has no order, so no relation.
    let reference: Vec<f64> = if cultures.len() <= MOST_EXACT {
        permutations(cultures.len()).iter().map(|order| permuted(order).unwrap_or(0.0)).collect()
    } else {
        let draw = |n: u64| {
            let mut order = identity.clone();
            Draws::new(bootstrap.seed, "evaluate/mantel", &[n]).shuffle(&mut order);
            permuted(&order).unwrap_or(0.0)
        };
        // The observed order takes part, so that no p-value is 0.
        (0..RANDOM_PERMUTATIONS).into_par_iter().map(draw).chain([rho]).collect()
    };
    let n_permutations = reference.len() as f64;
    let share = |is_as_far: &dyn Fn(f64) -> bool| {
        reference.iter().filter(|&&other| is_as_far(other)).count() as f64 / n_permutations
    };
    let (ends, n_undefined) = over_cultures(&own, &near, cultures.len(), bootstrap);
    Ok(RankRelation {
        rho,
        ends,
        p_greater: share(&|other| other >= rho - SAME),
        p_two_sided: share(&|other| other.abs() >= rho.abs() - SAME),
        smallest_p: 1.0 / n_permutations,
        n_points: points.len(),
        n_cultures: cultures.len(),
        n_permutations: reference.len() as u64,
        is_exact: cultures.len() <= MOST_EXACT,
        bootstrap,
        n_undefined,
    })
}

/// Percentiles of ρ over resampled cultures, and how many resamples had none.
fn over_cultures(
    points: &[(usize, usize, f64)],
    near: &(impl Fn(usize, usize) -> f64 + Sync),
    n_cultures: usize,
    bootstrap: Bootstrap,
) -> (Option<[f64; 2]>, usize) {
    let resampled: Vec<Option<f64>> = (0..bootstrap.n_resamples as u64)
        .into_par_iter()
        .map(|resample| {
            let mut draws = Draws::new(bootstrap.seed, "evaluate/transfer-bootstrap", &[resample]);
            let mut times = vec![0_usize; n_cultures];
            for _ in 0..n_cultures {
                times[draws.below(n_cultures as u64) as usize] += 1;
            }
            let repeated = points
                .iter()
                .flat_map(|&(i, j, gain)| std::iter::repeat_n((near(i, j), gain), times[i] * times[j]));
            spearman(&repeated.collect::<Vec<_>>())
        })
        .collect();
    let mut values: Vec<f64> = resampled.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    let ends = (2 * values.len() >= resampled.len())
        .then(|| bootstrap.tails().map(|share| quantile(&values, share)));
    (ends, resampled.len() - values.len())
}

/// All orders of `0..n`, the identity first.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut all = vec![order.clone()];
    // The next in lexicographic order: raise the last entry that can be raised by the least, put what follows in order.
    while let Some(raised) = (1..n).rev().find(|&i| order[i - 1] < order[i]).map(|i| i - 1) {
        let by = (raised + 1..n).rev().find(|&i| order[i] > order[raised]).unwrap_or(raised);
        order.swap(raised, by);
        order[raised + 1..].reverse();
        all.push(order.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::Matrix;
    use super::*;
    use proptest::prelude::*;

    const FEW: Bootstrap = Bootstrap { n_resamples: 400, level: 0.9, seed: 1 };

    /// Source, target, gain.
    type Point = (usize, usize, f64);

    /// All pairs of `n` cultures on a line at `i²`, gains by `gain` of the distance.
    fn line(n: usize, gain: impl Fn(usize, usize, f64) -> f64) -> (Matrix, Vec<Point>) {
        let distance = |i: usize, j: usize| ((i * i) as f64 - (j * j) as f64).abs();
        let matrix = (0..n).map(|i| (0..n).map(|j| distance(i, j)).collect()).collect();
        let pairs = (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j)));
        (matrix, pairs.map(|(i, j)| (i, j, gain(i, j, distance(i, j)))).collect())
    }

    #[test]
    fn a_perfect_relation_has_the_smallest_p_that_the_cultures_allow() {
        let (distances, points) = line(5, |_, _, d| -d);
        let relation = rank_relation(&distances, &points, FEW).unwrap();
        assert!((relation.rho - 1.0).abs() < 1e-12);
        assert_eq!((relation.n_points, relation.n_cultures, relation.n_permutations), (20, 5, 120));
        // No other order of points at 0, 1, 4, 9, 16 keeps all their distances.
        assert!((relation.p_greater - 1.0 / 120.0).abs() < 1e-12 && relation.is_exact);
        let [low, high] = relation.ends.unwrap();
        assert!(low > 0.99 && high <= 1.0);
        let (distances, points) = line(5, |_, _, d| d);
        let turned = rank_relation(&distances, &points, FEW).unwrap();
        assert!((turned.rho + 1.0).abs() < 1e-12 && (turned.p_greater - 1.0).abs() < 1e-12);
    }

    #[test]
    fn three_cultures_by_hand() {
        // Distances d01 < d02 < d12 and gains that follow them with 0-1 and 0-2 exchanged, the same both ways:
        // nearness 0, −1, −2 and gains 2, 3, 1 a pair, ranks 3 2 1 and 2 3 1: ρ = 1/2.
        let distances = vec![vec![0.0, 0.0, 1.0], vec![0.0, 0.0, 2.0], vec![1.0, 2.0, 0.0]];
        let gains = [(0, 1, 2.0), (0, 2, 3.0), (1, 2, 1.0)];
        let points: Vec<_> = gains.iter().flat_map(|&(i, j, gain)| [(i, j, gain), (j, i, gain)]).collect();
        let relation = rank_relation(&distances, &points, FEW).unwrap();
        // Pairs of equal points: ranks 4.5 2.5 0.5 twice; the correlation is that of 3 2 1 and 2 3 1.
        assert!((relation.rho - 0.5).abs() < 1e-12);
        // The six orders give ρ of 3 2 1 in any order with 2 3 1: 1, ½, ½, −½, −½, −1; three are ½ or more, all six ½ or more in size.
        assert!((relation.p_greater - 0.5).abs() < 1e-12 && (relation.p_two_sided - 1.0).abs() < 1e-12);
        assert!((relation.smallest_p - 1.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn p_values_of_unrelated_gains_are_uniform() {
        // Under the null, the share of p ≤ 0.25 is a quarter: gains are noise of source and target, which naive tests take for evidence.
        let n = 400;
        let below = (0..n)
            .filter(|&seed| {
                let effect = |axis: u64, i: usize| Draws::new(seed, "effect", &[axis, i as u64]).normal();
                let (mut distances, points) = line(5, |i, j, _| effect(0, i) + effect(1, j));
                let place = |k: usize| Draws::new(seed, "place", &[k as u64]).uniform();
                for (i, row) in distances.iter_mut().enumerate() {
                    for (j, distance) in row.iter_mut().enumerate() {
                        *distance = (place(i) - place(j)).abs();
                    }
                }
                rank_relation(&distances, &points, Bootstrap { n_resamples: 1, ..FEW }).unwrap().p_greater
                    <= 0.25
            })
            .count();
        // Standard deviation over 400 draws: 0.022.
        let share = below as f64 / n as f64;
        assert!((0.18..=0.32).contains(&share), "{share}");
    }

    #[test]
    fn many_cultures_are_permuted_at_random_and_the_same_in_any_number_of_threads() {
        let (distances, points) = line(10, |_, _, d| -d);
        let in_threads = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| rank_relation(&distances, &points, FEW).unwrap())
        };
        let one = in_threads(1);
        assert_eq!(one, in_threads(3));
        assert!(!one.is_exact && one.n_permutations == 10_000 && one.p_greater < 0.001);
    }

    #[test]
    fn too_few_cultures_or_nothing_that_varies_is_refused() {
        let (distances, points) = line(2, |_, _, d| -d);
        let message = rank_relation(&distances, &points, FEW).unwrap_err().to_string();
        assert!(message.contains("at least 3") && message.contains("found 2"), "{message}");
        let (distances, points) = line(4, |_, _, _| 1.0);
        assert!(rank_relation(&distances, &points, FEW).is_err());
        let (distances, points) = line(4, |_, _, _| f64::NAN);
        assert!(rank_relation(&distances, &points, FEW).is_err());
    }

    proptest! {
        #[test]
        fn permutations_are_all_there_are_and_once(n in 1usize..7) {
            let all = permutations(n);
            prop_assert_eq!(all.len(), (1..=n).product::<usize>());
            let distinct: std::collections::BTreeSet<_> = all.iter().collect();
            prop_assert_eq!(distinct.len(), all.len());
            prop_assert!(all[0].iter().copied().eq(0..n));
        }
    }
}
