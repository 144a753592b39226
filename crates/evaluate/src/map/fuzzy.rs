//! How strongly neighbours belong together: the fuzzy graph of UMAP (McInnes, Healy, Melville 2018, section 3.1).
//!
//! `w(j|i) = exp(−max(0, d_ij − ρ_i) / σ_i)`, `ρ_i` the distance to the nearest other point, `σ_i` such that `Σ_j w(j|i) = log2 k`;
//! `w_ij = w(j|i) + w(i|j) − w(j|i) w(i|j)`. Distance `d = 1 − cos`. Pure; f64.

use std::collections::BTreeMap;

use super::Neighbours;

/// Halvings of the interval for σ, as in UMAP.
const HALVINGS: usize = 64;
/// σ is at least this share of the mean distance, as in UMAP.
const LEAST_SCALE: f64 = 1e-3;

/// A pair that belongs together; each pair stands there in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Above 0, at most 1.
    pub(super) weight: f64,
}

/// The graph of these neighbours, by first and second end.
pub(super) fn graph(neighbours: &Neighbours) -> Vec<Edge> {
    let distance = |cosine: f32| (1.0 - f64::from(cosine)).max(0.0);
    let n_all: usize = neighbours.iter().map(Vec::len).sum();
    let mean = neighbours.iter().flatten().map(|one| distance(one.cosine)).sum::<f64>() / n_all.max(1) as f64;
    let mut weights: BTreeMap<(u32, u32), (f64, f64)> = BTreeMap::new();
    for (own, row) in neighbours.iter().enumerate() {
        let distances: Vec<f64> = row.iter().map(|one| distance(one.cosine)).collect();
        for (one, weight) in row.iter().zip(memberships(&distances, mean)) {
            let (own, other) = (own as u32, one.index);
            let pair = weights.entry((own.min(other), own.max(other))).or_default();
            *(if own < other { &mut pair.0 } else { &mut pair.1 }) = weight;
        }
    }
    let mut edges: Vec<Edge> = weights
        .into_iter()
        .flat_map(|((from, to), (a, b))| {
            let weight = a + b - a * b;
            [Edge { from, to, weight }, Edge { from: to, to: from, weight }]
        })
        .filter(|edge| edge.weight > 0.0)
        .collect();
    edges.sort_by_key(|edge| (edge.from, edge.to));
    edges
}

/// `w(j|i)` of one point's neighbours, nearest first.
fn memberships(distances: &[f64], mean: f64) -> Vec<f64> {
    let Some(&nearest) = distances.iter().find(|&&d| d > 0.0) else { return vec![1.0; distances.len()] };
    let target = (distances.len() as f64).log2();
    let weights = |sigma: f64| -> Vec<f64> {
        distances.iter().map(|d| (-(d - nearest).max(0.0) / sigma).exp()).collect()
    };
    let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..HALVINGS {
        if weights(sigma).iter().sum::<f64>() > target {
            high = sigma;
            sigma = f64::midpoint(low, high);
        } else {
            low = sigma;
            sigma = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * sigma };
        }
    }
    weights(sigma.max(LEAST_SCALE * mean).min(f64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::Neighbour;
    use super::*;

    #[test]
    fn memberships_add_to_the_logarithm_and_fall_with_distance() {
        let distances: Vec<f64> = (1..=16).map(|i| f64::from(i) * 0.03).collect();
        let weights = memberships(&distances, 0.2);
        assert!((weights.iter().sum::<f64>() - 4.0).abs() < 1e-9);
        assert!((weights[0] - 1.0).abs() < 1e-12 && weights.windows(2).all(|pair| pair[0] > pair[1]));
        // Where all are equally far, all belong fully, whatever the sum.
        assert!(memberships(&[0.5; 8], 0.5).iter().all(|&w| w > 1.0 - 1e-12));
        assert_eq!(memberships(&[0.0; 3], 0.0), [1.0; 3]);
        assert!(memberships(&[0.3], 0.3).iter().all(|w| w.is_finite()));
    }

    #[test]
    fn the_graph_is_symmetric_and_joins_both_views() {
        let one = |index, cosine| Neighbour { index, cosine };
        let neighbours = vec![
            vec![one(1, 0.9), one(2, 0.5)],
            vec![one(0, 0.9), one(2, 0.6)],
            vec![one(1, 0.6), one(0, 0.5)],
        ];
        let edges = graph(&neighbours);
        assert_eq!(edges.len(), 6);
        for edge in &edges {
            let back = edges.iter().find(|other| (other.from, other.to) == (edge.to, edge.from)).unwrap();
            assert!(edge.weight.total_cmp(&back.weight).is_eq() && edge.weight > 0.0 && edge.weight <= 1.0);
        }
        assert!((edges[0].weight - 1.0).abs() < 1e-12, "nearest to each other");
    }
}
