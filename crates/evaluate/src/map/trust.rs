//! How far neighbours on a plane are neighbours indeed: trustworthiness (Venna and Kaski 2001).
//!
//! `T(k) = 1 − 2 / (n k (2n − 3k − 1)) · Σ_i Σ_{j ∈ U_i} (r(i, j) − k)`, where `U_i` are those of the `k` nearest on the plane that are not among the `k`
//! nearest by cosine, and `r` is their rank by cosine, from 1. 1 is perfect; a plane without any order has about one half.

use super::Embeddings;
use super::neighbours::{largest, of_each_row};
use crate::EvaluateError;
use crate::error::{all_finite, same_size};

/// Trustworthiness of a plane for `k` neighbours; none where it is not defined: below `2k + 2` rows, or for `k` of 0.
///
/// # Shapes
/// - `plane` `[n, 2]`
pub fn trustworthiness(all: &Embeddings, plane: &[f32], k: usize) -> Option<f64> {
    checked(all, plane).ok()?;
    let n = all.n();
    if k == 0 || n < 2 * k + 2 {
        return None;
    }
    let excess = of_each_row(all, |own, cosines| excess_of(own, cosines, plane, k));
    let (n, k) = (n as f64, k as f64);
    let sum: u64 = excess.into_iter().sum();
    Some(1.0 - 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)) * sum as f64)
}

/// `Σ_{j ∈ U_i} (r(i, j) − k)` of one row.
fn excess_of(own: usize, cosines: &[f32], plane: &[f32], k: usize) -> u64 {
    let (x, y) = (plane[2 * own], plane[2 * own + 1]);
    let nearness: Vec<f32> =
        plane.chunks_exact(2).map(|point| -((point[0] - x).powi(2) + (point[1] - y).powi(2))).collect();
    // `largest` keeps cosines within -1 to 1; nearness on a plane has its own range, so only the order is asked of it.
    let near = nearest_on(&nearness, k, own);
    let by_cosine = largest(cosines, k, |index| index != own);
    near.into_iter()
        .filter(|&j| by_cosine.iter().all(|one| one.index as usize != j))
        .map(|j| {
            let before = |(index, &cosine): (usize, &f32)| {
                index != own && (cosine > cosines[j] || (cosine.total_cmp(&cosines[j]).is_eq() && index < j))
            };
            let rank = cosines.iter().enumerate().filter(|one| before(*one)).count() + 1;
            rank.saturating_sub(k) as u64
        })
        .sum()
}

/// The `k` places with the largest values, `own` left out.
fn nearest_on(values: &[f32], k: usize, own: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&index| index != own).collect();
    let by_value = |a: &usize, b: &usize| values[*b].total_cmp(&values[*a]).then(a.cmp(b));
    if order.len() > k {
        order.select_nth_unstable_by(k, by_value);
        order.truncate(k);
    }
    order
}

fn checked(all: &Embeddings, plane: &[f32]) -> Result<(), EvaluateError> {
    same_size("coordinates of the plane", 2 * all.n(), plane.len())?;
    all_finite("coordinates of the plane", plane)
}

#[cfg(test)]
mod tests {
    use draws::Draws;

    use super::*;

    /// Points on half a circle, in order: their cosines fall with the difference of their places.
    fn arc(n: usize) -> Embeddings {
        let rows: Vec<f32> = (0..n)
            .flat_map(|i| {
                let angle = std::f64::consts::PI * i as f64 / n as f64;
                [angle.cos() as f32, angle.sin() as f32]
            })
            .collect();
        Embeddings::new(&rows, 2).unwrap()
    }

    #[test]
    fn a_true_plane_has_one_and_a_random_one_about_a_half() {
        let all = arc(200);
        // The rows themselves lie on a plane.
        assert!((trustworthiness(&all, all.rows(), 5).unwrap() - 1.0).abs() < 1e-12);
        let mut draws = Draws::new(2, "trust test", &[]);
        let random: Vec<f32> = (0..400).map(|_| draws.normal() as f32).collect();
        let found = trustworthiness(&all, &random, 5).unwrap();
        assert!((0.4..0.6).contains(&found), "{found}");
    }

    #[test]
    fn it_counts_the_ranks_of_the_formula() {
        // Four directions; on the plane each has the one beside it in the order 0 2 1 3 as its nearest.
        let rows = [1.0, 0.0, 0.8, 0.6, -0.8, 0.6, -1.0, -1.2];
        let all = Embeddings::new(&rows, 2).unwrap();
        let plane = [0.0, 0.0, 2.1, 0.0, 1.0, 0.0, 3.0, 0.0];
        let rank = |i: usize, j: usize| {
            let cosine =
                |a: usize, b: usize| all.row(a).iter().zip(all.row(b)).map(|(x, y)| x * y).sum::<f32>();
            1 + (0..4).filter(|&other| other != i && cosine(i, other) > cosine(i, j)).count()
        };
        let sum: usize = [(0, 2), (1, 3), (2, 0), (3, 1)].into_iter().map(|(i, j)| rank(i, j) - 1).sum();
        let wanted = 1.0 - 2.0 / (4.0 * (8.0 - 3.0 - 1.0)) * sum as f64;
        assert!((trustworthiness(&all, &plane, 1).unwrap() - wanted).abs() < 1e-12, "{wanted}");
        assert_eq!(trustworthiness(&all, &plane, 2), None);
        assert_eq!(trustworthiness(&all, &plane[..6], 1), None);
    }
}
