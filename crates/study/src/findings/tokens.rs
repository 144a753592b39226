//! What the traditions' token statistics say (the paper's section 5.2 and Figure 3).
//!
//! Similarity is the Jensen–Shannon divergence with its sign turned. Spearman's ρ between similarity and transfer is judged by
//! Fisher's `z = artanh ρ` with standard error `1.03 / sqrt(n − 3)` (Fieller, Hartley and Pearson 1957), which takes the pairs for
//! independent; pairs share models and traditions, so the interval is narrower than it should be, and the finding says so.

use super::{Claim, Subjects};
use crate::paper::PaperSet;
use crate::results::{Finding, Similarity, Verdict};
use crate::statistics::spearman;

/// Fewest pairs a correlation is judged on.
const FEWEST_PAIRS: usize = 8;
/// A correlation surely below this is none to speak of.
const WEAK: f64 = 0.3;

pub(super) fn hindustani_and_carnatic_are_closest(subjects: &Subjects) -> Finding {
    let claim = Claim {
        id: "hindustani-carnatic-closest",
        text: "Of all pairs of non-Western traditions, Hindustani and Carnatic music have the most similar tokens.",
        paper: "closest pair, by Jensen–Shannon divergence and by cosine".into(),
    };
    let named = subjects.by_paper_set(PaperSet::Hindustani).zip(subjects.by_paper_set(PaperSet::Carnatic));
    let Some((similarity, (hindustani, carnatic))) = subjects.results.similarity.as_ref().zip(named) else {
        return claim.not_measured("No token statistics of both traditions were made.");
    };
    let mut ours = Vec::new();
    let mut closest = Vec::new();
    for (word, matrix) in
        [("divergence", &similarity.jensen_shannon), ("cosine", &similarity.cosine_distance)]
    {
        let pairs = ordered_pairs(subjects, similarity, matrix);
        let at = pairs
            .iter()
            .position(|(a, b, _)| [*a, *b] == [hindustani, carnatic] || [*a, *b] == [carnatic, hindustani]);
        let Some(rank) = at.filter(|_| pairs.len() > 1) else {
            return claim
                .not_measured("The token statistics lack one of the traditions, or there is no other pair.");
        };
        let (a, b, distance) = pairs[usize::from(rank == 0)];
        let (a, b) = (subjects.results.culture_label(a), subjects.results.culture_label(b));
        let place = if rank == 0 { "closest; next" } else { "not closest; closest" };
        ours.push(format!("{word} {:.3}, {place} {a}–{b} {distance:.3}", pairs[rank].2));
        closest.push(rank == 0);
    }
    let (verdict, mut explanation) = match closest.as_slice() {
        [true, true] => (Verdict::Shown, "The closest pair by both measures.".to_owned()),
        [false, false] => (Verdict::NotShown, "Another pair is closer by both measures.".to_owned()),
        _ => (Verdict::TooSmallToTell, "The two measures disagree.".to_owned()),
    };
    explanation += " Pooled counts have no spread over seeds; the order alone is judged.";
    if subjects.results.data.synthetic {
        explanation += " The traditions are synthetic, so their likeness is the one they were built with.";
    }
    claim.judged(ours.join("; "), verdict, explanation)
}

pub(super) fn similarity_goes_with_transfer(subjects: &Subjects) -> Finding {
    let claim = Claim {
        id: "similarity-goes-with-transfer",
        text: "The more alike two traditions' tokens are, the better adaptation to one helps the other.",
        paper: "stated without a coefficient".into(),
    };
    let pairs = similarity_and_transfer(subjects);
    let Some(rho) = spearman(&pairs).filter(|_| pairs.len() >= FEWEST_PAIRS) else {
        let few = format!("Only {} pairs of model and tradition, {FEWEST_PAIRS} are asked for.", pairs.len());
        return claim.not_measured(&few);
    };
    let half_width = 2.0 * 1.03 / ((pairs.len() - 3) as f64).sqrt();
    // At ρ = ±1 artanh is infinite, and so is the evidence.
    let (low, high) = ((rho.atanh() - half_width).tanh(), (rho.atanh() + half_width).tanh());
    let (verdict, meaning) = match (low, high) {
        (low, _) if low > 0.0 => (Verdict::Shown, "clear of zero"),
        (_, high) if high < WEAK => (Verdict::NotShown, "at most a weak relation"),
        _ => (Verdict::TooSmallToTell, "not clear of zero, but a relation is not ruled out"),
    };
    let n = pairs.len();
    let explanation = format!(
        "Over {n} pairs of adapted model and other tradition, ρ lies between {low:.2} and {high:.2}: {meaning}. Pairs share models and \
         traditions, so the true interval is wider. Transfer is the mean of ROC-AUC and average precision against the base."
    );
    claim.judged(
        format!("Spearman ρ = {rho:.2} over {n} pairs"),
        verdict,
        explanation.replace('-', "−").replace("ROC−", "ROC-"),
    )
}

fn similarity_and_transfer(subjects: &Subjects) -> Vec<(f64, f64)> {
    let Some((similarity, base)) = subjects.results.similarity.as_ref().zip(subjects.base()) else {
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for model in subjects.singles() {
        let [source] = model.trained_on.as_slice() else { continue };
        for target in subjects.others.iter().chain(&subjects.western).filter(|target| **target != source) {
            let score = |model: &str| subjects.score(&[(model, target)]).map(|score| score.mean);
            if let (Some(divergence), Some(adapted), Some(before)) =
                (similarity.divergence(source, target), score(&model.name), score(&base.name))
            {
                pairs.push((-divergence, adapted - before));
            }
        }
    }
    pairs
}

/// Pairs of non-Western traditions with their distance, closest first.
fn ordered_pairs<'a>(
    subjects: &Subjects<'a>,
    similarity: &'a Similarity,
    matrix: &[Vec<f64>],
) -> Vec<(&'a str, &'a str, f64)> {
    let names = &similarity.cultures;
    let mut pairs = Vec::new();
    for (i, a) in names.iter().enumerate() {
        for (j, b) in names.iter().enumerate().skip(i + 1) {
            if [a, b].iter().all(|name| subjects.others.contains(&name.as_str())) {
                pairs.push((a.as_str(), b.as_str(), matrix[i][j]));
            }
        }
    }
    pairs.sort_by(|x, y| x.2.total_cmp(&y.2));
    pairs
}
