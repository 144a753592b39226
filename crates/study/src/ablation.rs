//! Effects of single changes, from models trained with the same seeds.
//!
//! `d_s = variant_s − reference_s` for every training seed `s`; the effect is the mean of `d_s`, its interval `mean ± t(0.975, n − 1)·sd/√n`.
//! Pairing takes away what a seed does to both alike. The interval is over training seeds: the base, the corpus and the test recordings are
//! the same throughout, so it says nothing of other ones. With three seeds t is 4.3, so only large effects are clear; that is as it should be.
//! Pure.

use std::collections::BTreeMap;

use crate::results::{Ablation, Effect, Finding, Measure, ProbeResult, Scope, Verdict};
use crate::statistics::{deviation, mean, student_t};

/// What was measured of one model trained with one seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeedMeasures {
    /// Probes of it.
    pub probes: Vec<ProbeResult>,
    /// Held-out loss after training, by tradition; empty where losses cannot be compared, because the targets or the crops differ.
    pub held_out: BTreeMap<String, f64>,
}

/// A reference and a variant that were trained with the same seed.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedPair {
    /// The seed.
    pub seed: u64,
    /// The reference.
    pub reference: SeedMeasures,
    /// The variant.
    pub variant: SeedMeasures,
}

/// What a change did, with what that says. `western`: traditions that count as Western.
pub fn ablation(
    variant: &str,
    of: &str,
    changes: Vec<String>,
    pairs: &[SeedPair],
    western: &[&str],
) -> Ablation {
    let mut effects = Vec::new();
    for measure in [Measure::Score, Measure::HeldOutLoss] {
        let traditions = traditions(pairs, measure);
        let (theirs, ours): (Vec<&String>, Vec<&String>) =
            traditions.iter().partition(|tradition| western.contains(&tradition.as_str()));
        effects.extend(effect(pairs, measure, Scope::Adapted, &ours));
        effects.extend(effect(pairs, measure, Scope::Western, &theirs));
        for tradition in &traditions {
            effects.extend(effect(pairs, measure, Scope::Tradition(tradition.clone()), &[tradition]));
        }
    }
    let finding = finding(variant, of, &changes, &effects);
    let training_seeds = pairs.iter().map(|pair| pair.seed).collect();
    Ablation { variant: variant.into(), of: of.into(), changes, training_seeds, effects, finding }
}

/// Traditions that were measured of everyone, in the order of the first.
fn traditions(pairs: &[SeedPair], measure: Measure) -> Vec<String> {
    let Some(first) = pairs.first() else { return Vec::new() };
    let all: Vec<String> = match measure {
        Measure::Score => first.reference.probes.iter().map(|probe| probe.tradition.clone()).collect(),
        Measure::HeldOutLoss => first.reference.held_out.keys().cloned().collect(),
    };
    let everyone = || pairs.iter().flat_map(|pair| [&pair.reference, &pair.variant]);
    all.into_iter().filter(|one| everyone().all(|of| of.value(measure, one).is_some())).collect()
}

fn effect(pairs: &[SeedPair], measure: Measure, scope: Scope, traditions: &[&String]) -> Option<Effect> {
    if traditions.is_empty() || pairs.is_empty() {
        return None;
    }
    let over = |measures: &SeedMeasures| {
        let values: Option<Vec<f64>> =
            traditions.iter().map(|tradition| measures.value(measure, tradition)).collect();
        values.map(|values| mean(&values))
    };
    let column = |of: fn(&SeedPair) -> &SeedMeasures| pairs.iter().map(|pair| over(of(pair))).collect();
    let reference: Option<Vec<f64>> = column(|pair| &pair.reference);
    let variant: Option<Vec<f64>> = column(|pair| &pair.variant);
    let (reference, variant) = reference.zip(variant)?;
    let (difference, interval) = paired(&reference, &variant);
    Some(Effect { scope, measure, reference, variant, difference, interval })
}

impl SeedMeasures {
    fn value(&self, measure: Measure, tradition: &str) -> Option<f64> {
        match measure {
            Measure::Score => {
                let probe = self.probes.iter().find(|probe| probe.tradition == tradition)?;
                Some(f64::midpoint(probe.roc_auc.mean, probe.average_precision.mean))
            }
            Measure::HeldOutLoss => self.held_out.get(tradition).copied(),
        }
    }
}

/// Mean of the differences, and the ends of its 95 % interval.
fn paired(reference: &[f64], variant: &[f64]) -> (f64, Option<[f64; 2]>) {
    let differences: Vec<f64> = reference.iter().zip(variant).map(|(a, b)| b - a).collect();
    let (n, centre) = (differences.len(), mean(&differences));
    let interval = (n > 1).then(|| {
        let reach = student_t(0.975, n - 1) * deviation(&differences) / (n as f64).sqrt();
        [centre - reach, centre + reach]
    });
    (centre, interval)
}

fn finding(variant: &str, of: &str, changes: &[String], effects: &[Effect]) -> Finding {
    let claim = format!("`{variant}` ({}) scores otherwise than `{of}`.", changes.join(", "));
    let score = |scope: &Scope| {
        effects.iter().find(|effect| effect.measure == Measure::Score && effect.scope == *scope)
    };
    let found = |verdict, ours: String, explanation: String| Finding {
        id: format!("ablation-{variant}"),
        claim: claim.clone(),
        paper: "no claim of the paper".into(),
        ours,
        verdict,
        explanation,
    };
    let shown: Vec<(&str, &Effect)> =
        [("adapted traditions", Scope::Adapted), ("Western music", Scope::Western)]
            .into_iter()
            .filter_map(|(name, scope)| Some((name, score(&scope)?)))
            .collect();
    if shown.is_empty() {
        return found(Verdict::NotMeasured, "–".into(), "Both were not probed on a common tradition.".into());
    }
    let ours: Vec<String> =
        shown.iter().map(|(name, effect)| format!("{name} {}", in_points(effect))).collect();
    let ours = ours.join("; ");
    let n = shown[0].1.reference.len();
    if n < 2 {
        return found(
            Verdict::TooSmallToTell,
            ours,
            "One training seed has no spread to compare with.".into(),
        );
    }
    let clear: Vec<&str> = shown
        .iter()
        .filter(|(_, effect)| effect.interval.is_some_and(|[low, high]| low > 0.0 || high < 0.0))
        .map(|(name, _)| *name)
        .collect();
    let over = format!("intervals by Student's t over {n} paired training seeds");
    if clear.is_empty() {
        let explanation = format!("No difference is clear of zero ({over}).");
        return found(Verdict::TooSmallToTell, ours, explanation);
    }
    found(Verdict::Shown, ours, format!("Clear of zero on {} ({over}).", clear.join(" and ")))
}

/// `+1.2 points [−0.3, 2.7]`.
fn in_points(effect: &Effect) -> String {
    let signed = crate::findings::signed;
    let ends = effect
        .interval
        .map_or(String::new(), |[low, high]| format!(" [{}, {}]", signed(100.0 * low), signed(100.0 * high)));
    format!("{} points{ends}", signed(100.0 * effect.difference))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::SeedScore;

    fn measures(scores: &[(&str, f64)], loss: f64) -> SeedMeasures {
        let probe = |(tradition, score): &(&str, f64)| {
            let per_seed = vec![SeedScore { seed: 1, roc_auc: *score, average_precision: *score }];
            ProbeResult::from_seeds("m", *tradition, 20, 5, per_seed)
        };
        let held_out = BTreeMap::from([("greek".to_owned(), loss)]);
        SeedMeasures { probes: scores.iter().map(probe).collect(), held_out }
    }

    fn pair(seed: u64, greek: [f64; 2], western: [f64; 2]) -> SeedPair {
        let of = |place: usize| measures(&[("greek", greek[place]), ("western", western[place])], 3.0);
        SeedPair { seed, reference: of(0), variant: of(1) }
    }

    #[test]
    fn differences_are_paired_by_seed() {
        // Seeds move both alike; the differences are 1, 2 and 3 points.
        let pairs = [
            pair(1, [0.50, 0.51], [0.7, 0.7]),
            pair(2, [0.60, 0.62], [0.7, 0.7]),
            pair(3, [0.40, 0.43], [0.7, 0.7]),
        ];
        let found = ablation("v", "r", vec!["x=1".into()], &pairs, &["western"]);
        let adapted = &found.effects[0];
        assert_eq!((&adapted.scope, adapted.measure), (&Scope::Adapted, Measure::Score));
        assert!((adapted.difference - 0.02).abs() < 1e-12);
        // sd 0.01, so 4.302653 · 0.01 / √3.
        let [low, high] = adapted.interval.unwrap();
        assert!((high - low - 2.0 * 0.024_841).abs() < 1e-5, "{low} {high}");
        assert_eq!(found.finding.verdict, Verdict::TooSmallToTell);
        assert_eq!(found.training_seeds, [1, 2, 3]);
        let loss = found.effects.iter().find(|effect| effect.measure == Measure::HeldOutLoss).unwrap();
        assert_eq!((loss.difference, loss.interval), (0.0, Some([0.0, 0.0])));
    }

    #[test]
    fn what_is_clear_of_zero_is_shown_and_one_seed_shows_nothing() {
        let seeds = [(1, 0.020), (2, 0.021), (3, 0.019)];
        let pairs: Vec<SeedPair> = seeds
            .iter()
            .map(|&(seed, gain)| pair(seed, [0.5, 0.5 + gain], [0.7, 0.7 - 2.0 * gain]))
            .collect();
        let found = ablation("v", "r", Vec::new(), &pairs, &["western"]);
        assert_eq!(found.finding.verdict, Verdict::Shown);
        assert!(found.finding.ours.contains("Western music −4.0 points"), "{}", found.finding.ours);
        let one = ablation("v", "r", Vec::new(), &pairs[..1], &["western"]);
        assert_eq!((one.finding.verdict, one.effects[0].interval), (Verdict::TooSmallToTell, None));
        let none = ablation("v", "r", Vec::new(), &[], &[]);
        assert_eq!((none.finding.verdict, none.effects.len()), (Verdict::NotMeasured, 0));
    }
}
