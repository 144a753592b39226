//! A plane in which neighbours lie together.
//!
//! Points begin at their first two principal components. Then, edge by edge of the fuzzy graph, the ends are pulled together and the first is
//! pushed off a few points drawn at random: stochastic descent of UMAP's cross entropy (McInnes, Healy, Melville 2018, section 3.2) with the
//! similarity `1 / (1 + d²)`, that of t-SNE (as in Böhm, Berens, Kobak 2022): attraction `−2δ / (1 + d²)`, repulsion `2δ / ((ε + d²)(1 + d²))`.
//!
//! One thread, so that the order of updates is one order. f64.

use draws::Draws;

use super::fuzzy::{Edge, graph};
use super::{Embeddings, Neighbours, principal_components};
use crate::EvaluateError;

/// Settings of a plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneSettings {
    /// Passes over the strongest edges; weaker ones are seen as much less often.
    pub epochs: usize,
    /// Points an end is pushed off each time.
    pub repulsions: usize,
    /// Seed of those points.
    pub seed: u64,
}

impl Default for PlaneSettings {
    fn default() -> Self {
        Self { epochs: 400, repulsions: 5, seed: 0 }
    }
}

/// Half the width of the plane at the beginning, as in UMAP.
const BEGINNING: f64 = 10.0;
/// Equal points begin this far apart, so that they can be told apart.
const JITTER: f64 = 1e-3;
/// Keeps the push of a point that lies on another finite, as in UMAP.
const EPSILON: f64 = 1e-3;
/// A step moves a coordinate at most this far, as in UMAP.
const LONGEST_STEP: f64 = 4.0;

/// Where every row lies on the plane, around the origin.
///
/// # Shapes
/// - `neighbours` `[n]`, of the same rows
/// - returns `[n, 2]`
///
/// # Errors
/// [`EvaluateError::Size`] when the neighbours are of other rows.
pub fn plane(
    all: &Embeddings,
    neighbours: &Neighbours,
    settings: PlaneSettings,
) -> Result<Vec<f32>, EvaluateError> {
    crate::error::same_size("neighbours of the rows", all.n(), neighbours.len())?;
    let stray = neighbours.iter().flatten().find(|one| one.index as usize >= all.n());
    if let Some(one) = stray {
        let what = "index of a neighbour".into();
        return Err(EvaluateError::Size { what, expected: all.n(), found: one.index as usize });
    }
    let mut at = beginning(all, settings.seed);
    descend(&mut at, &graph(neighbours), settings);
    let n = at.len().max(1) as f64;
    let mean = [0, 1].map(|axis| at.iter().map(|point| point[axis]).sum::<f64>() / n);
    Ok(at.iter().flat_map(|point| [0, 1].map(|axis| (point[axis] - mean[axis]) as f32)).collect())
}

/// The first two components, scaled as one, and a little apart.
fn beginning(all: &Embeddings, seed: u64) -> Vec<[f64; 2]> {
    let found = principal_components(all, 2);
    let k = found.shares.len();
    let largest = found.scores.iter().fold(0.0f64, |most, &x| most.max(f64::from(x.abs())));
    let scale = if largest > 0.0 { BEGINNING / largest } else { 0.0 };
    let mut draws = Draws::new(seed, "plane beginning", &[]);
    (0..all.n())
        .map(|row| {
            let score = |axis: usize| if axis < k { f64::from(found.scores[row * k + axis]) } else { 0.0 };
            [0, 1].map(|axis| score(axis) * scale + draws.between(-JITTER, JITTER))
        })
        .collect()
}

fn descend(at: &mut [[f64; 2]], edges: &[Edge], settings: PlaneSettings) {
    let n = at.len() as u64;
    let strongest = edges.iter().map(|edge| edge.weight).fold(0.0, f64::max);
    // Epochs between two visits of an edge, and the epoch of its next visit.
    let between: Vec<f64> = edges.iter().map(|edge| strongest / edge.weight).collect();
    let mut next = between.clone();
    for epoch in 0..settings.epochs {
        let rate = 1.0 - epoch as f64 / settings.epochs as f64;
        let mut draws = Draws::new(settings.seed, "plane repulsion", &[epoch as u64]);
        for ((edge, next), between) in edges.iter().zip(&mut next).zip(&between) {
            if *next > (epoch + 1) as f64 {
                continue;
            }
            *next += between;
            let (i, j) = (edge.from as usize, edge.to as usize);
            let (delta, square) = difference(at[i], at[j]);
            for axis in [0, 1] {
                let step = rate * clip(-2.0 * delta[axis] / (1.0 + square));
                at[i][axis] += step;
                at[j][axis] -= step;
            }
            for _ in 0..settings.repulsions {
                let other = draws.below(n) as usize;
                if other == i {
                    continue;
                }
                let (delta, square) = difference(at[i], at[other]);
                for axis in [0, 1] {
                    let push = 2.0 * delta[axis] / ((EPSILON + square) * (1.0 + square));
                    at[i][axis] += rate * clip(push);
                }
            }
        }
    }
}

fn difference(a: [f64; 2], b: [f64; 2]) -> ([f64; 2], f64) {
    let delta = [a[0] - b[0], a[1] - b[1]];
    (delta, delta[0] * delta[0] + delta[1] * delta[1])
}

fn clip(step: f64) -> f64 {
    step.clamp(-LONGEST_STEP, LONGEST_STEP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{nearest_neighbours, trustworthiness};
    use super::*;

    fn planned(rows: &[f32], width: usize, settings: PlaneSettings) -> (Embeddings, Vec<f32>) {
        let all = Embeddings::new(rows, width).unwrap();
        let neighbours = nearest_neighbours(&all, 15, None);
        let at = plane(&all, &neighbours, settings).unwrap();
        (all, at)
    }

    /// Gaussian clouds of 60 points around random directions in 24 dimensions.
    fn clouds(n_clouds: usize, spread: f64) -> Vec<f32> {
        let mut draws = Draws::new(11, "clouds", &[]);
        let centres: Vec<f64> = (0..n_clouds * 24).map(|_| draws.normal()).collect();
        (0..60 * n_clouds)
            .flat_map(|i| centres[i % n_clouds * 24..][..24].to_vec())
            .map(|x| (x + spread * draws.normal()) as f32)
            .collect()
    }

    #[test]
    fn clouds_that_lie_apart_stay_apart() {
        let (_, at) = planned(&clouds(5, 0.15), 24, PlaneSettings::default());
        let distance = |i: usize, j: usize| (at[2 * i] - at[2 * j]).hypot(at[2 * i + 1] - at[2 * j + 1]);
        for i in 0..300 {
            let nearest =
                (0..300).filter(|&j| j != i).min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b)));
            assert_eq!(nearest.unwrap() % 5, i % 5, "point {i}");
        }
    }

    /// A sheet rolled up in three dimensions, then put into twelve: a plane can show it, two linear axes cannot.
    fn roll() -> Vec<f32> {
        let mut draws = Draws::new(4, "roll", &[]);
        let basis: Vec<f64> = (0..36).map(|_| draws.normal()).collect();
        let mut rows = Vec::new();
        for _ in 0..800 {
            let (turn, height) = (draws.between(4.0, 13.0), draws.between(-6.0, 6.0));
            let point = [turn * turn.cos(), height, turn * turn.sin()];
            rows.extend((0..12).map(|k| (0..3).map(|d| point[d] * basis[d * 12 + k]).sum::<f64>() as f32));
        }
        rows
    }

    #[test]
    fn a_rolled_sheet_is_shown_more_truly_than_by_two_principal_components() {
        let (all, at) = planned(&roll(), 12, PlaneSettings::default());
        let ours = trustworthiness(&all, &at, 10).unwrap();
        let linear = trustworthiness(&all, &principal_components(&all, 2).scores, 10).unwrap();
        assert!(ours > 0.97 && ours > linear + 0.02, "{ours} against {linear}");
    }

    #[test]
    fn the_plane_is_the_same_on_any_number_of_threads_and_another_for_another_seed() {
        let rows = clouds(3, 0.5);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| planned(&rows, 24, PlaneSettings::default()).1)
        };
        let one = on(1);
        assert_eq!(one, on(3));
        assert_ne!(one, planned(&rows, 24, PlaneSettings { seed: 1, ..PlaneSettings::default() }).1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_few_rows_get_finite_places_around_the_origin(
            n in 0_usize..9,
            values in prop::collection::vec(-2_i8..3, 32),
        ) {
            // Small whole numbers: equal rows, opposite rows and rows at the mean occur often.
            let rows: Vec<f32> = values[..n * 3].iter().map(|&x| f32::from(x)).collect();
            let (_, at) = planned(&rows, 3, PlaneSettings { epochs: 50, ..PlaneSettings::default() });
            prop_assert_eq!(at.len(), 2 * n);
            prop_assert!(at.iter().all(|x| x.is_finite() && x.abs() < 1e3));
            for axis in 0..2 {
                let sum: f32 = at.iter().skip(axis).step_by(2).sum();
                prop_assert!(sum.abs() < 1e-3 * (1.0 + n as f32 * 10.0));
            }
        }
    }

    #[test]
    fn equal_rows_lie_near_each_other_and_one_row_lies_at_the_origin() {
        let (_, at) = planned(&[2.0; 40], 2, PlaneSettings::default());
        assert!(at.iter().all(|x| x.is_finite() && x.abs() < 50.0), "{at:?}");
        assert_eq!(planned(&[1.0, 5.0], 2, PlaneSettings::default()).1, [0.0, 0.0]);
    }

    #[test]
    fn neighbours_of_other_rows_are_refused() {
        let all = Embeddings::new(&[1.0, 2.0, 3.0, 4.0], 2).unwrap();
        let other = Embeddings::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 9.0], 2).unwrap();
        let mut neighbours = nearest_neighbours(&other, 2, None);
        assert!(plane(&all, &neighbours, PlaneSettings::default()).is_err());
        neighbours.truncate(2);
        assert!(plane(&all, &neighbours, PlaneSettings::default()).is_err());
    }
}
