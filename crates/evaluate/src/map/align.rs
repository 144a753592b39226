//! Two maps of the same points, turned so that they can be laid over each other.
//!
//! The rotation or reflection `R` with least `Σ ‖b_i R − a_i‖²`, both around their means (orthogonal Procrustes in the plane): for a rotation by `θ`,
//! `tan θ = Σ (b × a) / Σ (b · a)`; the reflection likewise after `y ← −y`; the one with the larger `√(Σ(b × a)² + Σ(b · a)²)`. Distances within a map
//! stay as they are. Pure; f64.

use crate::EvaluateError;
use crate::error::same_size;

/// `map` turned onto `onto`, around the origin.
///
/// # Shapes
/// - `map`, `onto` and what is returned `[n, 2]`
pub fn turned_onto(map: &[f32], onto: &[f32]) -> Result<Vec<f32>, EvaluateError> {
    same_size("coordinates of two maps", onto.len(), map.len())?;
    same_size("coordinates in pairs", map.len().next_multiple_of(2), map.len())?;
    let (map, onto) = (centred(map), centred(onto));
    let sums = |sign: f64| {
        let pairs = map.iter().zip(&onto);
        pairs.fold((0.0, 0.0), |(cross, dot), (b, a)| {
            let y = sign * b[1];
            (cross + b[0] * a[1] - y * a[0], dot + b[0] * a[0] + y * a[1])
        })
    };
    let (rotated, reflected) = (sums(1.0), sums(-1.0));
    let length = |(cross, dot): (f64, f64)| f64::hypot(cross, dot);
    let (sign, (cross, dot)) =
        if length(reflected) > length(rotated) { (-1.0, reflected) } else { (1.0, rotated) };
    let (sin, cos) = cross.atan2(dot).sin_cos();
    let turn = |b: &[f64; 2]| {
        let y = sign * b[1];
        [(cos * b[0] - sin * y) as f32, (sin * b[0] + cos * y) as f32]
    };
    Ok(map.iter().flat_map(turn).collect())
}

fn centred(map: &[f32]) -> Vec<[f64; 2]> {
    let n = (map.len() / 2).max(1) as f64;
    let mean = [0, 1].map(|axis| map.iter().skip(axis).step_by(2).map(|&x| f64::from(x)).sum::<f64>() / n);
    map.chunks_exact(2).map(|point| [0, 1].map(|axis| f64::from(point[axis]) - mean[axis])).collect()
}

#[cfg(test)]
mod tests {
    use draws::Draws;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_map_that_was_turned_or_mirrored_comes_back(n in 1_usize..30, angle in -4.0_f32..4.0, mirror: bool, seed: u64) {
            let mut draws = Draws::new(seed, "align test", &[]);
            let map: Vec<f32> = (0..2 * n).map(|_| draws.normal() as f32).collect();
            let (sin, cos) = angle.sin_cos();
            let sign = if mirror { -1.0 } else { 1.0 };
            let other: Vec<f32> = map
                .chunks_exact(2)
                .flat_map(|p| [cos * p[0] - sin * p[1] + 3.0, sign * (sin * p[0] + cos * p[1]) - 1.0])
                .collect();
            let back = turned_onto(&other, &map).unwrap();
            for (found, wanted) in back.chunks_exact(2).zip(centred(&map)) {
                prop_assert!((f64::from(found[0]) - wanted[0]).abs() < 1e-4);
                prop_assert!((f64::from(found[1]) - wanted[1]).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn maps_of_different_points_are_refused_and_empty_ones_stay_empty() {
        assert!(turned_onto(&[1.0, 2.0], &[1.0, 2.0, 3.0, 4.0]).is_err());
        assert_eq!(turned_onto(&[], &[]).unwrap(), Vec::<f32>::new());
    }
}
