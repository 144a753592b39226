//! What the traditions' token statistics say (the paper's section 5.2 and Figure 3).
//!
//! Similarity is the Jensen–Shannon divergence with its sign turned. Spearman's ρ between similarity and transfer is judged by a Mantel
//! test, because pairs share models and traditions (`evaluate::rank_relation`).

use std::fmt::Write;

use evaluate::Bootstrap;

use super::{Claim, Subjects};
use crate::MeasuredTransfer;
use crate::paper::PaperSet;
use crate::report::table::{bounds, fixed};
use crate::results::{Finding, Similarity, Verdict};

/// Fewest pairs a correlation is judged on.
const FEWEST_PAIRS: usize = 8;
/// Share of permutations that may do as well where a relation is called shown.
const SURE: f64 = 0.05;
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
    let intervals = similarity.intervals.as_ref();
    if let Some(pair) = intervals.and_then(|intervals| intervals.pair(hindustani, carnatic)) {
        let _ = write!(
            explanation,
            " Of all pairs, Western ones among them, it has the least divergence in {:.0} % of resamples of the recordings.",
            100.0 * pair.closest_share
        );
    }
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
    let Some(similarity) = &subjects.results.similarity else {
        return claim.not_measured("No token statistics were made.");
    };
    let index = |name: &str| similarity.cultures.iter().position(|culture| culture == name);
    let transfer = MeasuredTransfer::of_study(subjects.results);
    let measured = transfer.cells.iter().filter(|cell| cell.source != cell.target);
    let points: Vec<(usize, usize, f64)> =
        measured.filter_map(|cell| Some((index(&cell.source)?, index(&cell.target)?, cell.gain))).collect();
    if points.len() < FEWEST_PAIRS {
        let few =
            format!("Only {} pairs of model and tradition, {FEWEST_PAIRS} are asked for.", points.len());
        return claim.not_measured(&few);
    }
    let relation = match evaluate::rank_relation(&similarity.jensen_shannon, &points, Bootstrap::default()) {
        Ok(relation) => relation,
        Err(error) => return claim.not_measured(&format!("Nothing to relate: {error}.")),
    };
    let (verdict, meaning) = match relation.ends {
        _ if relation.p_greater <= SURE => (Verdict::Shown, "rarer than one in twenty"),
        Some([_, high]) if high < WEAK => (Verdict::NotShown, "at most a weak relation"),
        _ => (Verdict::TooSmallToTell, "may be chance, but a relation is not ruled out"),
    };
    let ends = relation.ends.map_or("there are too few traditions for an interval".to_owned(), |ends| {
        format!("resampled traditions give ρ in {}", bounds(ends, 2))
    });
    let explanation = format!(
        "With the traditions' names exchanged in the token distances, {:.1} % of {} permutations give ρ as large: {meaning}. Only {} traditions \
         stand behind the {} pairs; {ends}. Transfer is the change of {}.",
        100.0 * relation.p_greater,
        relation.n_permutations,
        relation.n_cultures,
        relation.n_points,
        transfer.measure
    );
    let ours = format!("Spearman ρ = {} over {} pairs", fixed(relation.rho, 2), relation.n_points);
    claim.judged(ours, verdict, explanation)
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
