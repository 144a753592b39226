//! k-means of one codebook: `min Σ_i ‖x_i − e_{c(i)}‖²` over entries `e` and assignments `c`.
//!
//! Sources: Lloyd 1982 (alternate: nearest entry, then mean of the assigned rows); Arthur and Vassilvitskii 2007 (k-means++ start).
//! Shape letters: N rows, C entries, D dimensions. Distances float32, sums float64, cut into parts whose number is fixed, so that
//! the thread count changes nothing. Pure: all chance is a counter stream.

mod lloyd;
mod seeding;

use draws::Draws;

use crate::quantiser::Codebook;

/// How long to search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Most passes over the rows.
    pub(crate) iterations: usize,
    /// Stop when a pass lowers the error by less than this share.
    pub(crate) tolerance: f64,
}

/// A codebook and what the rows it was fitted on make of it.
pub(crate) struct Fitted {
    pub(crate) codebook: Codebook,
    /// Entry of each row, `[N]`.
    pub(crate) assigned: Vec<u32>,
    /// Rows of each entry, `[C]`.
    pub(crate) counts: Vec<u64>,
    /// `Σ_i ‖x_i − e_{c(i)}‖²`.
    pub(crate) error: f64,
    /// Passes made.
    pub(crate) iterations: usize,
    /// Empty entries that were given a row of their own on the way.
    pub(crate) repaired: usize,
}

/// Fits one codebook of `n_entries` on `rows`, `[N, D]`, N at least `n_entries`.
pub(crate) fn fit(rows: &[f32], dims: usize, n_entries: usize, effort: Effort, draws: &mut Draws) -> Fitted {
    let start = seeding::spread_start(rows, dims, n_entries, draws);
    lloyd::refine(rows, dims, start, effort)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantiser::square_distance;

    fn blobs(n_blobs: usize, per_blob: usize) -> (Vec<f32>, Vec<[f32; 2]>) {
        let mut draws = Draws::new(11, "blobs", &[]);
        let centres: Vec<[f32; 2]> =
            (0..n_blobs).map(|blob| [(blob % 4) as f32 * 20.0, (blob / 4) as f32 * 20.0]).collect();
        let mut rows = Vec::new();
        for _ in 0..per_blob {
            for centre in &centres {
                rows.extend(centre.map(|x| x + draws.normal() as f32 * 0.5));
            }
        }
        (rows, centres)
    }

    #[test]
    fn well_separated_groups_are_found() {
        let (rows, centres) = blobs(12, 200);
        let effort = Effort { iterations: 50, tolerance: 0.0 };
        // One start may merge two groups; the best of three does not.
        let best = (0..3)
            .map(|seed| fit(&rows, 2, 12, effort, &mut Draws::new(seed, "test", &[])))
            .min_by(|a, b| a.error.total_cmp(&b.error))
            .unwrap();
        for centre in &centres {
            let nearest = best.codebook.entries().chunks_exact(2).map(|entry| square_distance(entry, centre));
            assert!(nearest.fold(f32::INFINITY, f32::min) < 0.1, "no entry near {centre:?}");
        }
        assert_eq!(best.counts.iter().sum::<u64>(), 2400);
    }

    #[test]
    fn more_entries_than_distinct_rows_do_no_harm() {
        let rows = [1.0f32, 2.0].repeat(30);
        let fitted =
            fit(&rows, 1, 5, Effort { iterations: 10, tolerance: 1e-4 }, &mut Draws::new(1, "test", &[]));
        assert!(fitted.error < 1e-9, "{}", fitted.error);
        assert!(fitted.codebook.entries().iter().all(|x| x.is_finite()));
    }
}
