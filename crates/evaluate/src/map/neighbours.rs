//! Exact nearest neighbours by cosine.
//!
//! `cos(i, j) = e_i · e_j`, all pairs by blocks of a matrix product in float32: 10 000 rows of 768 are 154 GFLOP. The order is by cosine, then by
//! index, so that equal ones have one order too.

use rayon::prelude::*;
use simd::Precision;
use simd::matrix::{Panels, Product, Target, View};

use super::Embeddings;

/// Rows whose products are made at once: 256 × 10 000 floats are 10 MB a thread.
const BLOCK: usize = 256;

/// One neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Which row.
    pub index: u32,
    /// Cosine to it, -1 to 1.
    pub cosine: f32,
}

/// The neighbours of every row, nearest first.
pub type Neighbours = Vec<Vec<Neighbour>>;

/// The `k` nearest of each row; fewer where there are no more. `groups`, one a row, leaves out rows of the same group: parts of one recording
/// are near each other for no reason worth showing.
///
/// # Panics
/// When `groups` are not one a row.
pub fn nearest_neighbours(all: &Embeddings, k: usize, groups: Option<&[u32]>) -> Neighbours {
    assert!(groups.is_none_or(|groups| groups.len() == all.n()), "a group for every row");
    of_each_row(all, |own, cosines| {
        let is_other =
            |index: usize| index != own && groups.is_none_or(|groups| groups[index] != groups[own]);
        largest(cosines, k, is_other)
    })
}

/// `of(row, its cosines to all rows)` of every row, in order.
pub(super) fn of_each_row<R: Send>(all: &Embeddings, of: impl Fn(usize, &[f32]) -> R + Sync) -> Vec<R> {
    let n = all.n();
    if n == 0 {
        return Vec::new();
    }
    let rows = View::dense(all.rows(), n, all.width());
    let panels = Panels::new(rows.transposed(), Precision::Float32);
    let starts: Vec<usize> = (0..n).step_by(BLOCK).collect();
    let blocks: Vec<Vec<R>> = starts
        .into_par_iter()
        .with_max_len(1)
        .map(|start| {
            let size = BLOCK.min(n - start);
            let mut cosines = vec![0.0f32; size * n];
            Product::with_panels(rows.some_rows(start, size), &panels).write(Target::new(&mut cosines, n));
            cosines.chunks_exact(n).enumerate().map(|(offset, row)| of(start + offset, row)).collect()
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

/// The `k` largest of `values` that are wanted, largest first.
pub(super) fn largest(values: &[f32], k: usize, is_wanted: impl Fn(usize) -> bool) -> Vec<Neighbour> {
    let mut kept: Vec<Neighbour> = Vec::with_capacity(k.min(values.len()) + 1);
    for (index, &value) in values.iter().enumerate() {
        let enters = kept.len() < k || kept.last().is_some_and(|last| value > last.cosine);
        if k > 0 && enters && is_wanted(index) {
            // Rounding must not leave the range.
            let cosine = value.clamp(-1.0, 1.0);
            let place = kept.partition_point(|other| other.cosine >= cosine);
            kept.insert(place, Neighbour { index: index as u32, cosine });
            kept.truncate(k);
        }
    }
    kept
}

/// How many neighbours two lists share.
pub fn overlap(a: &[Neighbour], b: &[Neighbour]) -> usize {
    a.iter().filter(|one| b.iter().any(|other| other.index == one.index)).count()
}

#[cfg(test)]
mod tests {
    use draws::Draws;
    use proptest::prelude::*;

    use super::*;

    fn normal(n: usize, width: usize, seed: u64) -> Vec<f32> {
        let mut draws = Draws::new(seed, "neighbours test", &[]);
        (0..n * width).map(|_| draws.normal() as f32).collect()
    }

    /// The same rows in another orthonormal basis: reflections at random planes.
    fn turned(rows: &[f32], width: usize, seed: u64) -> Vec<f32> {
        let mut out = rows.to_vec();
        for round in 0..3 {
            let plane = normal(1, width, seed + round);
            let square: f32 = plane.iter().map(|x| x * x).sum();
            for row in out.chunks_exact_mut(width) {
                let along: f32 = row.iter().zip(&plane).map(|(x, p)| x * p).sum();
                row.iter_mut().zip(&plane).for_each(|(x, p)| *x -= 2.0 * along / square * p);
            }
        }
        out
    }

    /// Cosines of one row's neighbours in two bases differ by rounding of about 20 products.
    const TURNED: f32 = 2e-5;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn neighbours_do_not_depend_on_the_basis(n in 2_usize..300, width in 2_usize..20, seed: u64) {
            let seed = seed >> 2;
            let rows = normal(n, width, seed);
            let one = nearest_neighbours(&Embeddings::new(&rows, width).unwrap(), 7, None);
            let two = nearest_neighbours(&Embeddings::new(&turned(&rows, width, seed), width).unwrap(), 7, None);
            for (a, b) in one.iter().flatten().zip(two.iter().flatten()) {
                prop_assert!((a.cosine - b.cosine).abs() < TURNED, "{a:?} {b:?}");
            }
        }

        #[test]
        fn neighbours_are_those_of_sorting_all(n in 1_usize..40, k in 0_usize..45, seed: u64) {
            let all = Embeddings::new(&normal(n, 5, seed), 5).unwrap();
            let groups: Vec<u32> = (0..n as u32).map(|index| index / 3).collect();
            for (own, found) in nearest_neighbours(&all, k, Some(&groups)).iter().enumerate() {
                let cosine = |j: usize| all.row(own).iter().zip(all.row(j)).map(|(a, b)| a * b).sum::<f32>();
                let mut every: Vec<f32> =
                    (0..n).filter(|&j| groups[j] != groups[own]).map(cosine).collect();
                every.sort_by(|a, b| b.total_cmp(a));
                every.truncate(k);
                prop_assert_eq!(found.len(), every.len());
                for (neighbour, wanted) in found.iter().zip(every) {
                    prop_assert!((neighbour.cosine - wanted).abs() < TURNED);
                    prop_assert!((neighbour.cosine - cosine(neighbour.index as usize)).abs() < TURNED);
                    prop_assert!(groups[neighbour.index as usize] != groups[own]);
                }
            }
        }
    }

    #[test]
    fn equal_rows_come_in_their_order_and_no_row_is_its_own_neighbour() {
        let all = Embeddings::new(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, -3.0, 0.0], 2).unwrap();
        let found = nearest_neighbours(&all, 2, None);
        let indices: Vec<Vec<u32>> =
            found.iter().map(|row| row.iter().map(|one| one.index).collect()).collect();
        assert_eq!(indices, [vec![1, 2], vec![0, 2], vec![0, 1], vec![0, 1]]);
        assert_eq!(overlap(&found[0], &found[1]), 1);
    }

    #[test]
    fn no_rows_and_one_row_have_no_neighbours() {
        let of = |rows: &[f32]| nearest_neighbours(&Embeddings::new(rows, 2).unwrap(), 5, None);
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[1.0, 2.0]), vec![Vec::new()]);
        assert_eq!(of(&[1.0, 2.0, 3.0, 2.0])[0].len(), 1);
    }
}
