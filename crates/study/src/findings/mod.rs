//! The paper's claims against our numbers.
//!
//! A difference `d` of two means is compared with the seeds' standard deviations, `s = sqrt(s_a² + s_b²)`; see `estimate` for
//! the rules. The spread is over probe seeds: every model is trained once, so it says nothing of another training run.
//! Pure: the same results give the same findings.

mod adaptation;
mod estimate;
mod merging;
mod subjects;
mod tokens;

pub(crate) use estimate::signed;
use estimate::{Estimate, Rule};
use subjects::Subjects;

use crate::results::{Finding, StudyResults, Verdict};

/// Every claim this crate knows, judged. Claims whose numbers are absent come back as [`Verdict::NotMeasured`].
pub fn findings(results: &StudyResults) -> Vec<Finding> {
    let subjects = Subjects::of(results);
    vec![
        adaptation::adapting_helps(&subjects),
        adaptation::little_is_forgotten(&subjects),
        adaptation::two_stages_beat_one(&subjects, true),
        adaptation::two_stages_beat_one(&subjects, false),
        adaptation::one_culture_helps_others(&subjects),
        adaptation::carnatic_transfers_best(&subjects),
        merging::small_weight_is_best(&subjects),
        merging::full_sum_is_poor(&subjects),
        merging::merging_rivals_training(&subjects),
        tokens::hindustani_and_carnatic_are_closest(&subjects),
        tokens::similarity_goes_with_transfer(&subjects),
    ]
}

/// A claim before it is judged.
struct Claim {
    id: &'static str,
    text: &'static str,
    paper: String,
}

impl Claim {
    fn not_measured(self, what_is_absent: &str) -> Finding {
        self.judged("–", Verdict::NotMeasured, what_is_absent)
    }

    fn judged(self, ours: impl Into<String>, verdict: Verdict, explanation: impl Into<String>) -> Finding {
        Finding {
            id: self.id.to_owned(),
            claim: self.text.to_owned(),
            paper: self.paper,
            ours: ours.into(),
            verdict,
            explanation: explanation.into(),
        }
    }

    /// Judges `a − b` by `rule`; fewer test files than [`estimate::FEWEST_FILES`] never decide anything.
    fn compared(self, a: Estimate, b: Estimate, names: [&str; 2], rule: Rule, note: &str) -> Finding {
        let difference = a.minus(b);
        let (verdict, reason) = difference.judge(rule);
        let ours = format!("{} {a}, {} {b}: {}", names[0], names[1], estimate::points(difference.mean));
        let space = if note.is_empty() { "" } else { " " };
        self.judged(ours, verdict, format!("{reason}{space}{note}"))
    }
}
