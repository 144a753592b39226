//! Thinning task vectors.
//!
//! Trim (TIES, Yadav 2023): keep the k = max(1, ⌊d·n⌋) entries of largest |δ|; equal ones are kept from the front.
//! DARE (Yu 2024): keep each entry with probability d, then scale back, by 1/d (paper) or by Σ|δ| / Σ|δ·mask| (mergekit).
//! All pure; sums in float64.

use draws::{Draws, fnv1a64};
use serde::{Deserialize, Serialize};

/// Sums below this are not divided by; mergekit's constant.
const SMALLEST_SUM: f64 = 1e-7;

/// How DARE scales what it kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DareRescale {
    /// By Σ|δ| / Σ|δ·mask| of the tensor, as mergekit does.
    #[default]
    Magnitude,
    /// By 1/d, as the paper does.
    Density,
}

/// Sets all but the `density` share of largest entries to 0.
pub fn trim(delta: &mut [f32], density: f64, rescale: bool) {
    if density >= 1.0 || delta.is_empty() {
        return;
    }
    let before = magnitude(delta);
    let n_kept = ((density * delta.len() as f64) as usize).max(1);
    let mut order: Vec<u32> = (0..delta.len() as u32).collect();
    if n_kept < order.len() {
        let size = |index: u32| delta[index as usize].abs();
        order.select_nth_unstable_by(n_kept, |&a, &b| size(b).total_cmp(&size(a)).then(a.cmp(&b)));
        for &index in &order[n_kept..] {
            delta[index as usize] = 0.0;
        }
    }
    if rescale {
        scale_back(delta, before);
    }
}

/// Which entries DARE keeps: a function of seed, model, tensor and position, so that no order of work changes it.
pub fn dare_mask(seed: u64, model: &str, tensor: &str, n: usize, density: f64) -> Vec<bool> {
    let position = [fnv1a64(model.as_bytes()), fnv1a64(tensor.as_bytes())];
    let mut draws = Draws::new(seed, "dare", &position);
    (0..n).map(|_| draws.uniform() < density).collect()
}

/// Keeps the entries of the mask and, unless `rescale` is none, scales them back.
pub fn dare_with_mask(delta: &mut [f32], mask: &[bool], density: f64, rescale: Option<DareRescale>) {
    let before = magnitude(delta);
    for (x, _) in delta.iter_mut().zip(mask).filter(|(_, kept)| !**kept) {
        *x = 0.0;
    }
    match rescale {
        Some(DareRescale::Magnitude) => scale_back(delta, before),
        Some(DareRescale::Density) if density > 0.0 => scale(delta, 1.0 / density),
        None | Some(DareRescale::Density) => {}
    }
}

fn magnitude(delta: &[f32]) -> f64 {
    delta.iter().map(|&x| f64::from(x).abs()).sum()
}

fn scale_back(delta: &mut [f32], before: f64) {
    let after = magnitude(delta);
    if before >= SMALLEST_SUM && after >= SMALLEST_SUM {
        scale(delta, before / after);
    }
}

fn scale(delta: &mut [f32], factor: f64) {
    for x in delta {
        *x = (f64::from(*x) * factor) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_from_the_front() {
        let mut delta = vec![1.0, -3.0, 2.0, -2.0, 0.5];
        trim(&mut delta, 0.4, false);
        assert_eq!(delta, [0.0, -3.0, 2.0, 0.0, 0.0]);
        let mut one = vec![1.0, -3.0];
        trim(&mut one, 0.0, true);
        assert_eq!(one, [0.0, -4.0]);
    }

    #[test]
    fn masks_have_their_density_and_repeat() {
        let mask = dare_mask(1, "lyra", "x", 100_000, 0.3);
        let share = mask.iter().filter(|&&kept| kept).count() as f64 / 1e5;
        // Five standard errors of a share of 0.3 among 100,000.
        assert!((share - 0.3).abs() < 5.0 * (0.21f64 / 1e5).sqrt(), "{share}");
        assert_eq!(mask, dare_mask(1, "lyra", "x", 100_000, 0.3));
        assert_ne!(mask, dare_mask(1, "makam", "x", 100_000, 0.3));
        assert_ne!(mask, dare_mask(2, "lyra", "x", 100_000, 0.3));
    }
}
