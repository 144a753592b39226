//! Weights of cultures by their similarity to a target, for merging (one λ a task vector) and for mixing training data.
//!
//! `w_i = total · exp(−d_i / (t·d̄)) / Σ_j exp(−d_j / (t·d̄))`, with d the Jensen–Shannon divergences of the sources from the target, d̄ their mean
//! and t the temperature. Dividing by d̄ makes the weights the same in nats and in bits. They add to the total of the uniform rule: n·λ for
//! λ of n task vectors, 1 for shares of a mixture; t → ∞ gives the uniform weights, t → 0 the nearest source alone.
//! A target that is a source itself is at distance 0 and has the largest weight.
//! Pure; f64.

use serde::{Deserialize, Serialize};

use super::Similarity;
use crate::EvaluateError;
use crate::error::all_finite;

/// What weights are made by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guidance {
    /// λ of every task vector where they are all the same.
    pub uniform_lambda: f64,
    /// t: in units of the mean divergence of the sources.
    pub temperature: f64,
}

impl Default for Guidance {
    /// λ = 0.2, the paper's best; a temperature of 1.
    fn default() -> Self {
        Self { uniform_lambda: 0.2, temperature: 1.0 }
    }
}

/// One source of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuidedSource {
    /// The culture.
    pub culture: String,
    /// Its divergence from the target, nats; from all targets, the mean.
    pub divergence_nats: f64,
    /// Weight of its task vector.
    pub lambda: f64,
    /// Its share of a mixture.
    pub share: f64,
}

/// Weights for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuidedTarget {
    /// The culture; none where all of them are the target together.
    pub target: Option<String>,
    /// Share of every source where they are all the same.
    pub uniform_share: f64,
    /// λ of every source where they are all the same.
    pub uniform_lambda: f64,
    /// The sources.
    pub sources: Vec<GuidedSource>,
}

/// Weights that add to `total`, larger for smaller distances.
pub fn guided_weights(distances: &[f64], total: f64, temperature: f64) -> Result<Vec<f64>, EvaluateError> {
    let setting = |name, value: f64, requirement: &str| {
        let requirement = requirement.to_owned();
        Err(EvaluateError::Setting { name, value: value.to_string(), requirement })
    };
    if distances.is_empty() {
        return Err(EvaluateError::Empty { what: "the list of sources".to_owned() });
    }
    all_finite("distances of sources", distances)?;
    if let Some(&distance) = distances.iter().find(|&&distance| distance < 0.0) {
        return setting("distance", distance, "0 or more");
    }
    if !(temperature.is_finite() && temperature > 0.0) {
        return setting("temperature", temperature, "finite and above 0");
    }
    if !total.is_finite() {
        return setting("total", total, "finite");
    }
    let n = distances.len() as f64;
    let scale = temperature * distances.iter().sum::<f64>() / n;
    // The nearest has exponent 0, so the sum is at least 1. A scale of 0 says that all distances are.
    let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let weight = |distance: f64| if scale > 0.0 { (-(distance - nearest) / scale).exp() } else { 1.0 };
    let sum: f64 = distances.iter().map(|&distance| weight(distance)).sum();
    Ok(distances.iter().map(|&distance| total * weight(distance) / sum).collect())
}

/// Weights of `sources` for every culture as target, and for all of them together.
pub fn guide(
    similarity: &Similarity,
    sources: &[String],
    guidance: Guidance,
) -> Result<Vec<GuidedTarget>, EvaluateError> {
    let targets = similarity.cultures.iter().map(|name| Some(name.as_str())).chain([None]);
    targets.map(|target| guide_for(similarity, sources, target, guidance)).collect()
}

/// Weights of `sources` for one target; without one for all cultures together, whose distance from a source is the mean of theirs.
pub fn guide_for(
    similarity: &Similarity,
    sources: &[String],
    target: Option<&str>,
    guidance: Guidance,
) -> Result<GuidedTarget, EvaluateError> {
    let index = |role: &'static str, name: &str| {
        similarity.cultures.iter().position(|culture| culture == name).ok_or_else(|| EvaluateError::Setting {
            name: role,
            value: format!("`{name}`"),
            requirement: format!("one of {}", similarity.cultures.join(", ")),
        })
    };
    let indices = sources.iter().map(|name| index("source", name)).collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = (1..sources.len()).find(|&i| sources[..i].contains(&sources[i])) {
        return Err(EvaluateError::Twice { what: "source".to_owned(), name: sources[twice].clone() });
    }
    let target_index = target.map(|name| index("target", name)).transpose()?;
    let between = |source: usize, target: usize| similarity.mean.jsd_nats[source][target];
    let n_targets = similarity.cultures.len();
    let distance = |&source: &usize| match target_index {
        Some(target) => between(source, target),
        None => (0..n_targets).map(|target| between(source, target)).sum::<f64>() / n_targets as f64,
    };
    let distances: Vec<f64> = indices.iter().map(distance).collect();
    let n = distances.len() as f64;
    let lambdas = guided_weights(&distances, n * guidance.uniform_lambda, guidance.temperature)?;
    let shares = guided_weights(&distances, 1.0, guidance.temperature)?;
    let each = sources.iter().zip(distances).zip(lambdas.into_iter().zip(shares));
    Ok(GuidedTarget {
        target: target.map(ToOwned::to_owned),
        uniform_share: 1.0 / n,
        uniform_lambda: guidance.uniform_lambda,
        sources: each
            .map(|((culture, divergence_nats), (lambda, share))| GuidedSource {
                culture: culture.clone(),
                divergence_nats,
                lambda,
                share,
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn weights_add_to_the_total_and_follow_the_order(
            distances in prop::collection::vec(0.0f64..0.69, 1..9), total in 0.1f64..4.0, temperature in 0.05f64..50.0
        ) {
            let weights = guided_weights(&distances, total, temperature).unwrap();
            prop_assert!((weights.iter().sum::<f64>() - total).abs() < 1e-12);
            for (d, w) in distances.iter().zip(&weights) {
                for (e, v) in distances.iter().zip(&weights) {
                    prop_assert!(d > e || w >= v);
                }
            }
            // The unit of the distances does not matter.
            let bits: Vec<f64> = distances.iter().map(|nats| nats / std::f64::consts::LN_2).collect();
            for (w, v) in weights.iter().zip(guided_weights(&bits, total, temperature).unwrap()) {
                prop_assert!((w - v).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn weights_of_known_distances() {
        // Mean 0.2: exponents −0.5 and −1.5, so shares 1 / (1 + e⁻¹) and the rest.
        let weights = guided_weights(&[0.1, 0.3], 1.0, 1.0).unwrap();
        let first = 1.0 / (1.0 + (-1.0_f64).exp());
        assert!((weights[0] - first).abs() < 1e-15 && (weights[1] - (1.0 - first)).abs() < 1e-15);
        assert_eq!(guided_weights(&[0.0, 0.0], 0.8, 1.0).unwrap(), [0.4, 0.4]);
        let hot = guided_weights(&[0.1, 0.3], 0.4, 1e9).unwrap();
        assert!((hot[0] - 0.2).abs() < 1e-9);
        let cold = guided_weights(&[0.1, 0.3], 0.4, 1e-3).unwrap();
        assert!((cold[0] - 0.4).abs() < 1e-12);
    }

    #[test]
    fn one_target_has_its_row_of_all_and_strangers_are_named() {
        let tables: Vec<crate::TokenCounts> = [("a", 0), ("b", 1), ("c", 4)]
            .map(|(culture, code)| {
                let mut counts = crate::TokenCounts::new(culture, 1, 8).unwrap();
                counts.add(&[0, 1, 2, code, code + 1]).unwrap();
                counts
            })
            .into();
        let similarity = crate::similarity(&tables).unwrap();
        let sources = ["a".to_owned(), "c".to_owned()];
        let all = guide(&similarity, &sources, Guidance::default()).unwrap();
        for (at, target) in [Some("a"), Some("b"), Some("c"), None].into_iter().enumerate() {
            let one = guide_for(&similarity, &sources, target, Guidance::default()).unwrap();
            assert_eq!(one, all[at]);
            assert!((one.sources.iter().map(|source| source.lambda).sum::<f64>() - 0.4).abs() < 1e-12);
        }
        assert!(all[1].sources[0].lambda > all[1].sources[1].lambda, "a is nearer to b than c is");
        let refused = |sources: &[String], target| {
            guide_for(&similarity, sources, target, Guidance::default()).unwrap_err().to_string()
        };
        assert_eq!(refused(&sources, Some("d")), "setting `target` is `d`: one of a, b, c");
        assert_eq!(refused(&["e".to_owned()], Some("a")), "setting `source` is `e`: one of a, b, c");
        assert!(refused(&["a".to_owned(), "a".to_owned()], None).contains("given twice"));
    }

    #[test]
    fn what_gives_no_weights_is_refused() {
        for (distances, temperature) in [
            (&[][..], 1.0),
            (&[0.1][..], 0.0),
            (&[f64::NAN][..], 1.0),
            (&[-0.1][..], 1.0),
            (&[0.1][..], f64::NAN),
        ] {
            assert!(guided_weights(distances, 1.0, temperature).is_err());
        }
    }
}
