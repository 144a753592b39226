//! Consistency of results: every number finite, every name known, every matrix square.
//!
//! JSON has no NaN; a silent `null` in its place would be read as "absent".

use std::collections::BTreeSet;

use evaluate::{Bounds, OverSplits};

use super::{LambdaPoint, Spread, StudyResults};
use crate::StudyError;

impl StudyResults {
    /// Refuses what could not be written, read back or shown truthfully.
    pub fn check(&self) -> Result<(), StudyError> {
        let cultures =
            unique("data.cultures", self.data.cultures.iter().map(|culture| culture.name.as_str()))?;
        let models = unique("models", self.models.iter().map(|model| model.name.as_str()))?;
        for culture in &self.data.cultures {
            let field = format!("data.cultures.{}.seconds", culture.name);
            culture.seconds.values().try_for_each(|&seconds| finite(&field, seconds))?;
        }
        finite("tokenizer.frame_rate", self.tokenizer.frame_rate)?;
        self.check_models(&cultures)?;
        self.check_probes(&cultures, &models)?;
        self.check_similarity(&cultures)?;
        let is_culture = |name: &str| cultures.contains(name);
        if let Some(fault) =
            self.map.as_ref().and_then(|map| map.fault(is_culture, |name| models.contains(name)))
        {
            return Err(inconsistent("map", &fault));
        }
        for run in &self.runs {
            known("runs.model", &run.model, &models)?;
            let field = format!("runs.{}.{}", run.model, run.stage);
            for point in &run.points {
                let numbers = point.loss.iter().chain(&point.learning_rate).chain(point.held_out.values());
                numbers.copied().try_for_each(|x| finite(&field, x))?;
            }
            if run.points.windows(2).any(|pair| pair[0].update >= pair[1].update) {
                return Err(inconsistent(&field, "has updates that do not ascend"));
            }
        }
        self.check_ablations()?;
        self.timings.iter().try_for_each(|timing| finite(&format!("timings.{}", timing.name), timing.seconds))
    }

    fn check_ablations(&self) -> Result<(), StudyError> {
        unique("ablations", self.ablations.iter().map(|ablation| ablation.variant.as_str()))?;
        for ablation in &self.ablations {
            let field = format!("ablations.{}", ablation.variant);
            let n = ablation.training_seeds.len();
            for effect in &ablation.effects {
                if effect.reference.len() != n || effect.variant.len() != n {
                    return Err(inconsistent(
                        &field,
                        &format!("has not one value for each of {n} training seeds"),
                    ));
                }
                let values = effect.reference.iter().chain(&effect.variant).copied();
                let ends = effect.interval.into_iter().flatten();
                values.chain(ends).chain([effect.difference]).try_for_each(|x| finite(&field, x))?;
            }
        }
        Ok(())
    }

    fn check_models(&self, cultures: &BTreeSet<&str>) -> Result<(), StudyError> {
        for model in &self.models {
            let field = format!("models.{}", model.name);
            for culture in model.trained_on.iter().chain(model.held_out.keys()) {
                known(&field, culture, cultures)?;
            }
            let losses = model.held_out.values().flat_map(|change| [change.before, change.after]);
            let stages = model.stages.iter().flat_map(|stage| {
                [stage.audio_seconds, stage.replay_share, stage.peak_learning_rate, stage.seconds]
            });
            losses
                .chain(stages)
                .chain(model.lambda)
                .chain([model.seconds])
                .try_for_each(|x| finite(&field, x))?;
        }
        Ok(())
    }

    fn check_probes(&self, cultures: &BTreeSet<&str>, models: &BTreeSet<&str>) -> Result<(), StudyError> {
        let mut pairs = BTreeSet::new();
        for probe in &self.probes {
            let field = format!("probes.{}.{}", probe.model, probe.tradition);
            known(&field, &probe.model, models)?;
            known(&field, &probe.tradition, cultures)?;
            if !pairs.insert((&probe.model, &probe.tradition)) {
                return Err(inconsistent(&field, "stands there twice"));
            }
            score(&field, probe.roc_auc)?;
            score(&field, probe.average_precision)?;
            probe.per_tag.iter().try_for_each(|tag| fraction(&field, tag.roc_auc))?;
            probe.per_seed.iter().try_for_each(|s| {
                fraction(&field, s.roc_auc).and_then(|()| fraction(&field, s.average_precision))
            })?;
        }
        for LambdaPoint { lambda, traditions, average, .. } in &self.lambda_sweep {
            let field = format!("lambda_sweep.{lambda}");
            finite(&field, *lambda)?;
            score(&field, *average)?;
            for (culture, scores) in traditions {
                known(&field, culture, cultures)?;
                score(&field, scores.roc_auc)?;
                score(&field, scores.average_precision)?;
            }
        }
        if self.lambda_sweep.windows(2).any(|pair| pair[0].lambda >= pair[1].lambda) {
            return Err(inconsistent("lambda_sweep", "does not ascend"));
        }
        Ok(())
    }

    fn check_similarity(&self, cultures: &BTreeSet<&str>) -> Result<(), StudyError> {
        let Some(similarity) = &self.similarity else { return Ok(()) };
        let n = similarity.cultures.len();
        similarity.cultures.iter().try_for_each(|culture| known("similarity.cultures", culture, cultures))?;
        for (field, matrix) in [
            ("similarity.jensen_shannon", &similarity.jensen_shannon),
            ("similarity.cosine_distance", &similarity.cosine_distance),
        ] {
            if matrix.len() != n || matrix.iter().any(|row| row.len() != n) {
                return Err(inconsistent(field, &format!("is not {n} by {n}, one row a tradition")));
            }
            matrix.iter().flatten().try_for_each(|&x| finite(field, x))?;
        }
        let own: BTreeSet<&str> = similarity.cultures.iter().map(String::as_str).collect();
        for pair in similarity.intervals.iter().flat_map(|intervals| &intervals.pairs) {
            let field = "similarity.intervals";
            [&pair.first, &pair.second].into_iter().try_for_each(|culture| known(field, culture, &own))?;
            fraction(field, pair.closest_share)?;
            for Bounds { estimate, bias, low, high } in pair.divergence.iter().chain(&pair.cosine_distance) {
                [estimate, bias, low, high].into_iter().try_for_each(|&x| finite(field, x))?;
            }
        }
        let over = |field: &str, OverSplits { mean, low, high }: OverSplits| {
            [mean, low, high].into_iter().try_for_each(|x| finite(field, x))
        };
        for floor in similarity.halves.iter().flat_map(|halves| &halves.cultures) {
            known("similarity.halves", &floor.culture, &own)?;
            let both = floor.divergence.into_iter().chain(floor.cosine_distance);
            both.into_iter().try_for_each(|numbers| over("similarity.halves", numbers))?;
        }
        for pair in similarity.halves.iter().flat_map(|halves| &halves.pairs) {
            let field = "similarity.halves";
            [&pair.first, &pair.second].into_iter().try_for_each(|culture| known(field, culture, &own))?;
            fraction(field, pair.share_above)?;
            over(field, pair.divergence).and_then(|()| over(field, pair.cosine_distance))?;
        }
        Ok(())
    }
}

fn unique<'a>(field: &str, names: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>, StudyError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(inconsistent(field, &format!("names `{name}` twice")));
        }
    }
    Ok(seen)
}

fn known(field: &str, name: &str, names: &BTreeSet<&str>) -> Result<(), StudyError> {
    if names.contains(name) {
        Ok(())
    } else {
        Err(inconsistent(field, &format!("names the unknown `{name}`")))
    }
}

fn finite(field: &str, x: f64) -> Result<(), StudyError> {
    if x.is_finite() { Ok(()) } else { Err(inconsistent(field, &format!("is {x}"))) }
}

fn fraction(field: &str, x: f64) -> Result<(), StudyError> {
    if (0.0..=1.0).contains(&x) { Ok(()) } else { Err(inconsistent(field, &format!("is {x}, not in 0..=1"))) }
}

fn score(field: &str, spread: Spread) -> Result<(), StudyError> {
    fraction(field, spread.mean).and_then(|()| finite(field, spread.std))
}

fn inconsistent(field: &str, reason: &str) -> StudyError {
    StudyError::Inconsistent { field: field.to_owned(), reason: reason.to_owned() }
}
