//! Lloyd's passes: `c(i) = argmin_j ‖x_i − e_j‖²`, then `e_j = mean of {x_i : c(i) = j}`. Neither step can raise the error.
//!
//! An entry that no row chose is moved to the row farthest from its own entry (the row leaves its group), farthest first, the first
//! row at ties, as long as that row is off its entry at all and its group has another.

use rayon::prelude::*;

use super::{Effort, Fitted};
use crate::quantiser::{BLOCK_ROWS, Codebook, square_distance};

/// Parts the rows are cut into; each has sums of its own, which are added in order.
const PARTS: usize = 16;

/// Refines the entries `start`, `[C, D]`.
pub(super) fn refine(rows: &[f32], dims: usize, start: Vec<f32>, effort: Effort) -> Fitted {
    let mut codebook = Codebook::new(start, dims);
    let mut pass = Pass::over(rows, &codebook, dims);
    let (mut iterations, mut repaired) = (0, 0);
    while iterations < effort.iterations {
        let moved = pass.repair(rows, dims);
        repaired += moved;
        let before = pass.error;
        codebook = Codebook::new(pass.means(&codebook, dims), dims);
        pass = Pass::over(rows, &codebook, dims);
        iterations += 1;
        if moved == 0 && before - pass.error <= effort.tolerance * before {
            break;
        }
    }
    let Pass { assigned, counts, error, .. } = pass;
    Fitted { codebook, assigned, counts, error, iterations, repaired }
}

/// One assignment of all rows.
struct Pass {
    assigned: Vec<u32>,
    /// Squared distance of each row to its entry, `[N]`.
    distances: Vec<f32>,
    /// Sums of the rows of each entry, `[C, D]`.
    sums: Vec<f64>,
    counts: Vec<u64>,
    error: f64,
}

impl Pass {
    fn over(rows: &[f32], codebook: &Codebook, dims: usize) -> Self {
        let (n_rows, n_entries) = (rows.len() / dims, codebook.n_entries());
        let (mut assigned, mut distances) = (vec![0u32; n_rows], vec![0.0f32; n_rows]);
        let part_rows = n_rows.div_ceil(PARTS).next_multiple_of(BLOCK_ROWS);
        let parts: Vec<(Vec<f64>, f64)> = assigned
            .par_chunks_mut(part_rows)
            .zip(distances.par_chunks_mut(part_rows))
            .zip(rows.par_chunks(part_rows * dims))
            .map(|((assigned, distances), rows)| part(rows, codebook, dims, assigned, distances))
            .collect();
        let (mut sums, mut error) = (vec![0.0; n_entries * dims], 0.0);
        for (part_sums, part_error) in parts {
            sums.iter_mut().zip(part_sums).for_each(|(sum, part)| *sum += part);
            error += part_error;
        }
        let mut counts = vec![0; n_entries];
        for &entry in &assigned {
            counts[entry as usize] += 1;
        }
        Self { assigned, distances, sums, counts, error }
    }

    /// Gives empty entries a row of their own; how many were given one.
    fn repair(&mut self, rows: &[f32], dims: usize) -> usize {
        let empty: Vec<usize> = (0..self.counts.len()).filter(|&entry| self.counts[entry] == 0).collect();
        if empty.is_empty() {
            return 0;
        }
        let mut farthest: Vec<usize> =
            (0..self.distances.len()).filter(|&row| self.distances[row] > 0.0).collect();
        farthest.sort_by(|&a, &b| self.distances[b].total_cmp(&self.distances[a]));
        let mut candidates = farthest.into_iter();
        let mut moved = 0;
        for entry in empty {
            let Some(row) = candidates.find(|&row| self.counts[self.assigned[row] as usize] > 1) else {
                break;
            };
            let donor = self.assigned[row] as usize;
            for (dim, &x) in rows[row * dims..(row + 1) * dims].iter().enumerate() {
                self.sums[donor * dims + dim] -= f64::from(x);
                self.sums[entry * dims + dim] = f64::from(x);
            }
            self.counts[donor] -= 1;
            self.counts[entry] = 1;
            self.assigned[row] = entry as u32;
            moved += 1;
        }
        moved
    }

    /// The means of the assigned rows; an entry without rows stays where it is.
    fn means(&self, codebook: &Codebook, dims: usize) -> Vec<f32> {
        let mut entries = codebook.entries().to_vec();
        let sums = self.sums.chunks_exact(dims).zip(&self.counts);
        for (entry, (sums, &count)) in entries.chunks_exact_mut(dims).zip(sums) {
            if count > 0 {
                entry.iter_mut().zip(sums).for_each(|(e, sum)| *e = (sum / count as f64) as f32);
            }
        }
        entries
    }
}

/// Assigns the rows of one part; returns the sums of the rows of each entry and the error.
fn part(
    rows: &[f32],
    codebook: &Codebook,
    dims: usize,
    assigned: &mut [u32],
    distances: &mut [f32],
) -> (Vec<f64>, f64) {
    let mut sums = vec![0.0f64; codebook.n_entries() * dims];
    let mut error = 0.0;
    let (mut padded, mut scores) = (vec![0.0; BLOCK_ROWS * dims], Vec::new());
    let blocks = rows.chunks(BLOCK_ROWS * dims);
    for ((rows, assigned), distances) in
        blocks.zip(assigned.chunks_mut(BLOCK_ROWS)).zip(distances.chunks_mut(BLOCK_ROWS))
    {
        let n_rows = rows.len() / dims;
        let block = if n_rows == BLOCK_ROWS {
            rows
        } else {
            padded[..rows.len()].copy_from_slice(rows);
            padded[rows.len()..].fill(0.0);
            &padded
        };
        codebook.nearest(block, &mut scores, |row, entry| {
            if row < n_rows {
                assigned[row] = entry as u32;
            }
        });
        for (row, values) in rows.chunks_exact(dims).enumerate() {
            let entry = assigned[row] as usize;
            let sums = &mut sums[entry * dims..(entry + 1) * dims];
            sums.iter_mut().zip(values).for_each(|(sum, &x)| *sum += f64::from(x));
            distances[row] = square_distance(values, codebook.entry(entry));
            error += f64::from(distances[row]);
        }
    }
    (sums, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_entry_takes_the_farthest_row() {
        let rows = [0.0, 0.1, 0.2, 9.0];
        let start = vec![0.1, 500.0];
        let fitted = refine(&rows, 1, start, Effort { iterations: 5, tolerance: 0.0 });
        assert_eq!(fitted.repaired, 1);
        assert_eq!(fitted.assigned, [0, 0, 0, 1]);
        assert_eq!(fitted.counts, [3, 1]);
        assert!((fitted.codebook.entry(1)[0] - 9.0).abs() < 1e-6);
    }

    #[test]
    fn no_pass_raises_the_error() {
        let mut draws = draws::Draws::new(4, "test", &[]);
        let rows: Vec<f32> = (0..3000).map(|_| draws.normal() as f32).collect();
        let start = rows[..8 * 3].to_vec();
        let error =
            |iterations| refine(&rows, 3, start.clone(), Effort { iterations, tolerance: -1.0 }).error;
        let errors: Vec<f64> = (0..12).map(error).collect();
        assert!(errors.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-6)), "{errors:?}");
        assert!(errors[11] < 0.9 * errors[0], "{errors:?}");
    }
}
