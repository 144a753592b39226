//! k-means++: the first entry is a row drawn evenly, each next one a row drawn with probability in proportion to its squared distance
//! to the nearest entry so far. Source: Arthur and Vassilvitskii 2007, section 2.2.
//!
//! Works on at most `max(16 384, 32 C)` rows, drawn evenly: the start only needs to be spread.

use draws::Draws;
use rayon::prelude::*;

use crate::quantiser::square_distance;

const LEAST_CANDIDATES: usize = 16_384;
const CANDIDATES_PER_ENTRY: usize = 32;

/// Starting entries, `[C, D]`, from `rows`, `[N, D]`.
pub(super) fn spread_start(rows: &[f32], dims: usize, n_entries: usize, draws: &mut Draws) -> Vec<f32> {
    let n_rows = rows.len() / dims;
    let n_candidates = n_rows.min(LEAST_CANDIDATES.max(CANDIDATES_PER_ENTRY * n_entries));
    let mut chosen = draws.distinct(n_rows, n_candidates);
    chosen.sort_unstable();
    let candidates: Vec<f32> =
        chosen.into_iter().flat_map(|row| &rows[row * dims..(row + 1) * dims]).copied().collect();

    let mut entries = Vec::with_capacity(n_entries * dims);
    let mut nearest = vec![f32::INFINITY; n_candidates];
    let mut next = draws.below(n_candidates as u64) as usize;
    loop {
        let entry = &candidates[next * dims..(next + 1) * dims];
        entries.extend_from_slice(entry);
        if entries.len() == n_entries * dims {
            return entries;
        }
        nearest.par_chunks_mut(1024).zip(candidates.par_chunks(1024 * dims)).for_each(|(nearest, rows)| {
            for (least, row) in nearest.iter_mut().zip(rows.chunks_exact(dims)) {
                *least = least.min(square_distance(row, entry));
            }
        });
        next = weighted(&nearest, draws);
    }
}

/// A position drawn in proportion to its weight; evenly when all weights are 0.
fn weighted(weights: &[f32], draws: &mut Draws) -> usize {
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    if total <= 0.0 {
        return draws.below(weights.len() as u64) as usize;
    }
    let target = draws.uniform() * total;
    let mut sum = 0.0;
    let reached = weights.iter().position(|&weight| {
        sum += f64::from(weight);
        sum > target
    });
    // Rounding cannot pass the total, yet the last row of some weight is the answer if it ever did.
    reached.or_else(|| weights.iter().rposition(|&weight| weight > 0.0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_row_is_not_chosen_again_while_others_differ() {
        let rows: Vec<f32> = (0..50).map(|i| (i % 10) as f32).collect();
        for seed in 0..20 {
            let mut entries = spread_start(&rows, 1, 10, &mut Draws::new(seed, "test", &[]));
            entries.sort_by(f32::total_cmp);
            assert_eq!(entries, (0..10).map(|i| i as f32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn weights_are_followed() {
        let mut draws = Draws::new(2, "test", &[]);
        let mut hits = [0; 4];
        (0..4000).for_each(|_| hits[weighted(&[1.0, 0.0, 2.0, 1.0], &mut draws)] += 1);
        assert_eq!(hits[1], 0);
        assert!((1850..2150).contains(&hits[2]), "{hits:?}");
    }
}
