//! Eigenvectors of a small symmetric matrix by Jacobi's rotations (Golub and Van Loan, section 8.5). Pure; f64.

/// Off-diagonal entries below this share of the norm count as zero.
const PRECISION: f64 = 1e-14;
/// Jacobi converges quadratically; ten sweeps do for any size used here.
const MOST_SWEEPS: usize = 40;

/// Eigenvalues, largest first, and the eigenvector of each as a row.
///
/// # Shapes
/// - `matrix` `[n, n]`, symmetric
/// - returns `[n]` and `[n, n]`
pub(super) fn eigen(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix.to_vec();
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let norm = a.iter().map(|x| x * x).sum::<f64>().sqrt();
    for _ in 0..MOST_SWEEPS {
        let mut largest = 0.0f64;
        for p in 0..n {
            for q in p + 1..n {
                let off = a[p * n + q];
                largest = largest.max(off.abs());
                if off.abs() <= PRECISION * norm {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for i in 0..n {
                    let (x, y) = (a[i * n + p], a[i * n + q]);
                    (a[i * n + p], a[i * n + q]) = (c * x - s * y, s * x + c * y);
                }
                for i in 0..n {
                    let (x, y) = (a[p * n + i], a[q * n + i]);
                    (a[p * n + i], a[q * n + i]) = (c * x - s * y, s * x + c * y);
                    let (x, y) = (v[p * n + i], v[q * n + i]);
                    (v[p * n + i], v[q * n + i]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
        if largest <= PRECISION * norm {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]).then(i.cmp(&j)));
    let values = order.iter().map(|&i| a[i * n + i]).collect();
    let vectors = order.iter().flat_map(|&i| v[i * n..(i + 1) * n].iter().copied()).collect();
    (values, vectors)
}

#[cfg(test)]
mod tests {
    use draws::Draws;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_are_orthonormal_and_stretched_by_their_values(n in 1_usize..9, seed: u64) {
            let mut draws = Draws::new(seed, "eigen test", &[]);
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..=i {
                    matrix[i * n + j] = draws.normal();
                    matrix[j * n + i] = matrix[i * n + j];
                }
            }
            let (values, vectors) = eigen(&matrix, n);
            prop_assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
            for k in 0..n {
                let vector = &vectors[k * n..][..n];
                for i in 0..n {
                    let product: f64 = (0..n).map(|j| matrix[i * n + j] * vector[j]).sum();
                    prop_assert!((product - values[k] * vector[i]).abs() < 1e-10);
                }
                for other in 0..n {
                    let dot: f64 = vector.iter().zip(&vectors[other * n..][..n]).map(|(a, b)| a * b).sum();
                    prop_assert!((dot - f64::from(u8::from(other == k))).abs() < 1e-10);
                }
            }
        }
    }
}
