//! What the report says in words: the summary, the limits, the provenance.

use super::table::duration;
use crate::StudyResults;
use crate::results::{ModelKind, Verdict};
use crate::statistics::mean;

/// What a reader must know before any number.
pub(crate) const WHAT_SYNTHETIC_MEANS: &str = "Every number here was computed on sound made by a program from music theory, not on \
    recordings of musicians. It shows that the method runs and how its parts behave at this size; it says nothing of the music itself, \
    and it cannot be set against the paper’s numbers one by one.";

/// How verdicts come about.
pub(crate) const LIMITS: &str = "A difference counts as clear when it exceeds twice the combined standard deviation over probe seeds. \
    Each model was trained once, so the spread says how far probes differ, not how far another training run would. Where neither the \
    claim nor its opposite is clear, the finding says that the study is too small to tell.";

/// What a rehearsal is, in a sentence or two; nothing for a study that was carried out.
pub(crate) fn rehearsal(results: &StudyResults) -> Option<String> {
    let rehearsal = results.rehearsal.as_ref()?;
    let without: Vec<String> =
        rehearsal.without.iter().map(|what| format!(" It goes on so: {what}.")).collect();
    Some(format!(
        "At most {} recordings of a split, updates of a stage and epochs of a probe were taken, to see that the study runs from end to \
         end. No number here says anything else.{}",
        rehearsal.limit,
        without.concat()
    ))
}

/// The plain-language summary.
pub(crate) fn paragraphs(results: &StudyResults) -> Vec<String> {
    let n = results.data.cultures.len();
    let n_trained = results.models.iter().filter(|model| !model.stages.is_empty()).count();
    let seconds: f64 = results.data.cultures.iter().flat_map(|culture| culture.seconds.values()).sum();
    let first = format!(
        "A music model that knows Western music was trained further on other traditions, and every version of it was then tested on \
         all of them: does it learn the new music, does it forget the old, and can separately trained versions be merged? The study \
         follows Kanatas, Papaioannou and Potamianos, “CultureMERT” (ISMIR 2025). It covers {n} traditions with {} of sound and \
         {n_trained} trained models, under the plan “{}”.",
        duration(seconds),
        results.preset
    );
    let count = |verdict| results.findings.iter().filter(|finding| finding.verdict == verdict).count();
    let mut second = format!(
        "Of {} claims of the paper, {} are shown here, {} are not, {} cannot be told at this size",
        results.findings.len(),
        count(Verdict::Shown),
        count(Verdict::NotShown),
        count(Verdict::TooSmallToTell)
    );
    match count(Verdict::NotMeasured) {
        0 => second.push('.'),
        absent => second += &[" and ", &absent.to_string(), " were not measured."].concat(),
    }
    if let Some(sentence) = headline(results) {
        second = format!("{sentence} {second}");
    }
    vec![first, second]
}

/// One sentence with the main comparison.
fn headline(results: &StudyResults) -> Option<String> {
    let base = results.first_of(ModelKind::Base)?;
    let multi = results.first_of(ModelKind::MultiCulture)?;
    let average = |model: &str, western: bool| {
        let is_probed = |name: &str| results.probes.iter().any(|probe| probe.tradition == name);
        let cultures = results.data.cultures.iter().filter(|culture| culture.western == western);
        let cultures = cultures.filter(|culture| is_probed(&culture.name));
        let scores: Option<Vec<f64>> = cultures
            .map(|culture| results.probe(model, &culture.name).map(|probe| probe.roc_auc.mean))
            .collect();
        scores.filter(|scores| !scores.is_empty()).map(|scores| 100.0 * mean(&scores))
    };
    Some(format!(
        "After training on all traditions together, ROC-AUC (50 is chance, 100 is perfect) stands at {:.1} on the non-Western \
         traditions, where the base has {:.1}, and at {:.1} on Western music, where the base has {:.1}.",
        average(&multi.name, false)?,
        average(&base.name, false)?,
        average(&multi.name, true)?,
        average(&base.name, true)?,
    ))
}

/// What made the numbers: names and values.
pub(crate) fn provenance(results: &StudyResults) -> Vec<(String, String)> {
    let tokenizer = &results.tokenizer;
    let seeds: Vec<String> = results.seeds.iter().map(u64::to_string).collect();
    let total: f64 = results.timings.iter().map(|timing| timing.seconds).sum();
    let computed: f64 =
        results.timings.iter().filter(|timing| !timing.cached).map(|timing| timing.seconds).sum();
    let mut lines = vec![
        ("Version".to_owned(), format!("culturemert {}", results.tool_version)),
        ("Plan".to_owned(), results.preset.clone()),
        ("Seeds".to_owned(), seeds.join(", ")),
        ("Data".to_owned(), results.data.description.clone()),
        ("Licence of the data".to_owned(), results.data.licence.clone()),
        (
            "Tokenizer".to_owned(),
            format!(
                "{} ({}), {} codebooks of {} entries at {} frames a second, fitted on {}",
                tokenizer.name,
                tokenizer.hash,
                tokenizer.n_codebooks,
                tokenizer.n_entries,
                tokenizer.frame_rate,
                tokenizer.fitted_on
            ),
        ),
    ];
    if !results.timings.is_empty() {
        let value = format!("{} for all steps, {} of it in this run", duration(total), duration(computed));
        lines.push(("Time".to_owned(), value));
    }
    let counted = |name: &str, counts: &std::collections::BTreeMap<String, u64>| {
        let list: Vec<String> = counts.iter().map(|(reason, n)| format!("{reason}: {n}")).collect();
        let list = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        (name.to_owned(), list)
    };
    lines.push(counted("Files quarantined", &results.left_out.quarantined));
    lines.push(counted("Left out", &results.left_out.unused));
    lines.extend(results.provenance.iter().map(|(name, hash)| (format!("Hash of {name}"), hash.clone())));
    lines
}
