//! Spearman's rank correlation: Pearson's r of ranks, ties given their average rank (`scipy.stats.spearmanr`). Pure; f64.

/// Correlation of the order of both sides; none for fewer than two pairs or a constant side.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let x = ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let y = ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    // Ranks of n values add to n(n − 1)/2, ties or not.
    let mean = (pairs.len() as f64 - 1.0) / 2.0;
    let covariance: f64 = x.iter().zip(&y).map(|(a, b)| (a - mean) * (b - mean)).sum();
    let vx: f64 = x.iter().map(|a| (a - mean).powi(2)).sum();
    let vy: f64 = y.iter().map(|b| (b - mean).powi(2)).sum();
    // Rounding must not leave the range.
    (vx > 0.0 && vy > 0.0).then(|| (covariance / (vx * vy).sqrt()).clamp(-1.0, 1.0))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..]
            .iter()
            .take_while(|&&i| values[i].total_cmp(&values[order[start]]).is_eq())
            .count();
        for &i in &order[start..start + tied] {
            ranks[i] = start as f64 + (tied - 1) as f64 / 2.0;
        }
        start += tied;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_alone_counts() {
        let rising: Vec<_> = (1..8).map(|i| (f64::from(i), f64::from(i).exp())).collect();
        assert!((spearman(&rising).unwrap() - 1.0).abs() < 1e-12);
        let falling: Vec<_> = rising.iter().map(|&(x, y)| (x, -y)).collect();
        assert!((spearman(&falling).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(spearman(&[(1.0, 2.0), (2.0, 2.0)]), None);
        assert_eq!(spearman(&[]), None);
    }

    #[test]
    fn with_ties_it_is_pearson_of_average_ranks() {
        // Ranks 0, 1.5, 1.5, 3 against 0, 2, 1, 3: r = 4.5 / sqrt(4.5 · 5).
        let rho = spearman(&[(1.0, 1.0), (2.0, 3.0), (2.0, 2.0), (3.0, 4.0)]).unwrap();
        assert!((rho - 4.5 / (4.5_f64 * 5.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn without_ties_it_is_the_sum_of_squared_differences_of_ranks() {
        // ρ = 1 − 6 Σd² / (n (n² − 1)): ranks 1 2 3 4 5 against 2 1 4 5 3, Σd² = 1 + 1 + 1 + 1 + 4 = 8, ρ = 0.6.
        let rho = spearman(&[(0.1, 20.0), (0.2, 10.0), (0.3, 40.0), (0.4, 50.0), (0.5, 30.0)]).unwrap();
        assert!((rho - 0.6).abs() < 1e-12);
    }
}
