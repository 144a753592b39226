//! Principal components: the orthogonal axes of largest variance.
//!
//! Covariance `C = XᵀX / n − x̄x̄ᵀ`; its leading eigenvectors by subspace iteration `Q ← orth(C Q)` with a Rayleigh–Ritz step (Saad, "Numerical
//! Methods for Large Eigenvalue Problems", chapter 5). Products in float32, everything of the iteration in f64.

use draws::Draws;
use rayon::prelude::*;
use simd::matrix::{Product, Target, Threads, View};

use super::Embeddings;
use super::symmetric::eigen;

/// Axes iterated beyond those asked for: they make the ones asked for converge.
const SPARE: usize = 8;
/// Iterations at most; each costs width² · axes products.
const MOST_ITERATIONS: usize = 300;
/// Variances that change by less than this share have converged; the axes are then good to its root.
const CONVERGED: f64 = 1e-10;

/// Rows on their leading axes.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalComponents {
    /// `[n, k]`, mean zero on every axis.
    pub scores: Vec<f32>,
    /// Share of the variance along each axis, largest first; zeros where nothing varies.
    pub shares: Vec<f64>,
}

/// The `k` leading components (no more than the width). The sign of an axis is such that its largest entry is positive.
pub fn principal_components(all: &Embeddings, k: usize) -> PrincipalComponents {
    let (n, width) = (all.n(), all.width());
    let k = k.min(width);
    let mut mean = vec![0.0f64; width];
    for row in all.rows().chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    for sum in &mut mean {
        *sum /= n.max(1) as f64;
    }
    let centred: Vec<f32> = all
        .rows()
        .chunks_exact(width)
        .flat_map(|row| row.iter().zip(&mean).map(|(&x, &m)| (f64::from(x) - m) as f32))
        .collect();
    let mut covariance = vec![0.0f32; width * width];
    if n > 0 {
        let x = View::dense(&centred, n, width);
        let product = Product::new(x.transposed(), x).scaled(1.0 / n as f32).on(Threads::All);
        product.write(Target::new(&mut covariance, width));
    }
    let total: f64 = (0..width).map(|i| f64::from(covariance[i * width + i])).sum();
    let (values, axes) = leading(&covariance, width, k);
    let share = |value: &f64| if total > 0.0 { (value / total).clamp(0.0, 1.0) } else { 0.0 };
    let mut scores = vec![0.0f32; n * k];
    if k > 0 {
        scores.par_chunks_mut(k).zip(centred.par_chunks(width)).for_each(|(out, row)| {
            for (score, axis) in out.iter_mut().zip(axes.chunks_exact(width)) {
                *score = row.iter().zip(axis).map(|(&x, a)| f64::from(x) * a).sum::<f64>() as f32;
            }
        });
    }
    PrincipalComponents { scores, shares: values.iter().map(share).collect() }
}

/// The `k` largest eigenvalues of `[width, width]` and their vectors as rows.
fn leading(matrix: &[f32], width: usize, k: usize) -> (Vec<f64>, Vec<f64>) {
    let size = (k + SPARE).min(width);
    let mut draws = Draws::new(0, "principal axes", &[]);
    let mut axes: Vec<f64> = (0..size * width).map(|_| draws.normal()).collect();
    orthonormalise(&mut axes, width);
    let mut values = vec![0.0; size];
    for _ in 0..MOST_ITERATIONS {
        let image = times(matrix, &axes, width);
        let mut projected = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..size {
                projected[i * size + j] = dot(&axes[i * width..][..width], &image[j * width..][..width]);
            }
        }
        // Rounding leaves it a little askew.
        let symmetric: Vec<f64> = (0..size * size)
            .map(|at| f64::midpoint(projected[at], projected[at % size * size + at / size]))
            .collect();
        let (found, turn) = eigen(&symmetric, size);
        let change = found.iter().zip(&values).take(k).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let scale = found.first().map_or(0.0, |first| first.abs());
        values = found;
        // The Ritz vectors of this step are what is given back; their image is where the next begins.
        let turned = |of: &[f64]| -> Vec<f64> {
            let mut out = vec![0.0; size * width];
            for (row, weights) in out.chunks_exact_mut(width).zip(turn.chunks_exact(size)) {
                for (&weight, axis) in weights.iter().zip(of.chunks_exact(width)) {
                    row.iter_mut().zip(axis).for_each(|(x, a)| *x += weight * a);
                }
            }
            out
        };
        if change <= CONVERGED * scale {
            axes = turned(&axes);
            break;
        }
        axes = turned(&image);
        orthonormalise(&mut axes, width);
    }
    values.truncate(k);
    axes.truncate(k * width);
    for axis in axes.chunks_exact_mut(width) {
        let largest =
            axis.iter().copied().fold(0.0, |most: f64, x| if x.abs() > most.abs() { x } else { most });
        if largest < 0.0 {
            for x in axis {
                *x = -*x;
            }
        }
    }
    (values, axes)
}

/// `C q` for every row `q`.
fn times(matrix: &[f32], axes: &[f64], width: usize) -> Vec<f64> {
    let mut out = vec![0.0; axes.len()];
    out.par_chunks_mut(width).zip(axes.par_chunks(width)).for_each(|(image, axis)| {
        for (x, row) in image.iter_mut().zip(matrix.chunks_exact(width)) {
            *x = row.iter().zip(axis).map(|(&m, a)| f64::from(m) * a).sum();
        }
    });
    out
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Gram and Schmidt, each row twice; a row that depends on those before it becomes a unit vector that does not.
fn orthonormalise(axes: &mut [f64], width: usize) {
    let n = axes.len() / width;
    for i in 0..n {
        let (before, rest) = axes.split_at_mut(i * width);
        let row = &mut rest[..width];
        for attempt in 0..=width {
            let length = dot(row, row).sqrt();
            if length > 0.0 {
                for x in &mut *row {
                    *x /= length;
                }
            }
            for _ in 0..2 {
                for other in before.chunks_exact(width) {
                    let along = dot(row, other);
                    row.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
                }
            }
            let length = dot(row, row).sqrt();
            if length > 1e-8 {
                for x in &mut *row {
                    *x /= length;
                }
                break;
            }
            // There are fewer rows than dimensions, so one of the coordinate axes is free.
            row.fill(0.0);
            row[(i + attempt) % width] = 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_are_those_the_rows_were_drawn_along() {
        // Standard deviations 5, 2, 1 on axes turned by a rotation, and nothing on the fourth.
        let (c, s) = (0.8f64, 0.6f64);
        let mut draws = Draws::new(5, "principal test", &[]);
        let mut rows = Vec::new();
        for _ in 0..4000 {
            let [a, b, d] = [5.0 * draws.normal(), 2.0 * draws.normal(), draws.normal()];
            rows.extend([(c * a - s * b) as f32, (s * a + c * b) as f32, d as f32, 0.0]);
        }
        // As they are: lengths count here.
        let (values, axes) = {
            let x = View::dense(&rows, 4000, 4);
            let mut covariance = vec![0.0f32; 16];
            Product::new(x.transposed(), x).scaled(1.0 / 4000.0).write(Target::new(&mut covariance, 4));
            leading(&covariance, 4, 3)
        };
        for (value, wanted) in values.iter().zip([25.0, 4.0, 1.0]) {
            assert!((value / wanted - 1.0).abs() < 0.06, "{values:?}");
        }
        let cosine = dot(&axes[..4], &[c, s, 0.0, 0.0]);
        assert!(cosine > 0.999, "{axes:?}");
        assert!((dot(&axes[..4], &axes[4..8])).abs() < 1e-9);
    }

    #[test]
    fn shares_add_to_one_over_all_axes_and_scores_have_their_variance() {
        let mut draws = Draws::new(6, "principal test", &[]);
        let rows: Vec<f32> = (0..300 * 5).map(|_| draws.normal() as f32).collect();
        let all = Embeddings::new(&rows, 5).unwrap();
        let found = principal_components(&all, 5);
        assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        let variance =
            |k: usize| found.scores.chunks_exact(5).map(|row| f64::from(row[k]).powi(2)).sum::<f64>() / 300.0;
        let total: f64 = (0..5).map(variance).sum();
        for (k, share) in found.shares.iter().enumerate() {
            assert!((variance(k) / total - share).abs() < 1e-4);
        }
    }

    #[test]
    fn few_rows_equal_rows_and_no_rows_have_finite_scores() {
        for rows in [vec![], vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0, 3.0, 2.0, 1.0], vec![0.5; 30]] {
            let all = Embeddings::new(&rows, 3).unwrap();
            let found = principal_components(&all, 2);
            assert_eq!(found.scores.len(), all.n() * 2);
            assert!(found.scores.iter().all(|x| x.is_finite()));
            assert!(found.shares.iter().all(|share| (0.0..=1.0).contains(share)));
        }
        assert_eq!(principal_components(&Embeddings::new(&[1.0, 2.0], 1).unwrap(), 2).shares.len(), 1);
    }
}
