//! The recordings, as the report describes them.

use std::collections::BTreeMap;

use corpus::{Corpus, Split};
use study::paper::PaperSet;
use study::results::{CultureData, DataDescription};

use super::measured::{Measured, culture_of_set};
use crate::reproduce::plan::{CorpusSource, StudyPlan, card_of};

/// Cultures of the corpus, and data sets that are traditions of their own.
pub(super) fn describe(plan: &StudyPlan, corpus: &Corpus, measured: &Measured) -> DataDescription {
    let planned = &plan.corpora[0];
    let is_synthetic = matches!(planned.source, CorpusSource::Synth { .. });
    let mut cultures: Vec<CultureData> =
        planned.cultures.iter().map(|name| culture(plan, corpus, name, is_synthetic)).collect();
    // Data sets that nothing was trained on are traditions of their own.
    for (_, evaluation) in &measured.evaluations {
        for set in &evaluation.sets {
            let name = culture_of_set(&set.name);
            let is_known = cultures.iter().any(|culture| culture.name == name);
            let is_probed = measured.probes.values().flatten().any(|probe| probe.tradition == name);
            if is_known || !is_probed {
                continue;
            }
            let recordings = Split::ALL.iter().zip(set.files);
            cultures.push(CultureData {
                label: set.published.map_or(set.name.clone(), |set| set.label().into()),
                western: set.is_western,
                paper_set: set.published,
                seconds: BTreeMap::new(),
                recordings: recordings.map(|(split, n)| (split.to_string(), n as u64)).collect(),
                licence: card_of(&set.name).map_or(String::new(), |card| card.licence.into()),
                name,
            });
        }
    }
    let mut licences: Vec<&str> = cultures.iter().map(|culture| culture.licence.as_str()).collect();
    licences.sort_unstable();
    licences.dedup();
    let description = match &planned.source {
        CorpusSource::Synth { .. } => {
            "Pieces made by a program from the theory of five traditions. No musician was recorded; the \
                      numbers say how the method behaves in this software, not how it does on music."
                .into()
        }
        _ => format!(
            "{} recordings, {} in the corpus `{}`.",
            plan.file.about.trim(),
            corpus.recordings().len(),
            planned.name
        ),
    };
    let licence = licences.join("; ");
    DataDescription { synthetic: is_synthetic, description, licence, cultures }
}

fn culture(plan: &StudyPlan, corpus: &Corpus, name: &str, is_synthetic: bool) -> CultureData {
    let (label, paper_set) = label_of(name);
    // Western music that is replayed is no set that is probed.
    let paper_set = paper_set.filter(|set| is_synthetic || !set.is_western());
    let mut seconds: BTreeMap<String, f64> = BTreeMap::new();
    let mut recordings: BTreeMap<String, u64> = BTreeMap::new();
    let mut licences: Vec<String> = Vec::new();
    for range in corpus.recordings() {
        let clips = &corpus.clips()[range];
        if clips[0].culture == name {
            let split = clips[0].split.to_string();
            *recordings.entry(split.clone()).or_default() += 1;
            *seconds.entry(split).or_default() += clips.iter().map(corpus::Clip::seconds).sum::<f64>();
            licences.extend(clips[0].licence.clone());
        }
    }
    licences.sort();
    licences.dedup();
    CultureData {
        name: name.into(),
        label: label.into(),
        western: plan.is_western(name),
        paper_set,
        seconds,
        recordings,
        licence: if is_synthetic { synth::LICENCE.into() } else { licences.join(", ") },
    }
}

/// How people write a culture, and the set of the paper that stands for it.
fn label_of(name: &str) -> (&str, Option<PaperSet>) {
    match name {
        "turkish-makam" => ("Turkish makam", Some(PaperSet::Makam)),
        "hindustani" => ("Hindustani", Some(PaperSet::Hindustani)),
        "carnatic" => ("Carnatic", Some(PaperSet::Carnatic)),
        "greek" => ("Greek", Some(PaperSet::Lyra)),
        "western" => ("Western", Some(PaperSet::Mtat)),
        other => (other, None),
    }
}

/// Recordings in quarantine, by reason.
pub(super) fn quarantined(corpus: &Corpus) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for (reason, n) in corpus.report()?.quarantined_by_reason {
        counts.insert(reason.to_string(), n as u64);
    }
    Ok(counts)
}
