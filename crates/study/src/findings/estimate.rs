//! A score with its spread, differences of scores, and the rules that judge them.
//!
//! `s(a − b) = sqrt(s_a² + s_b²)`. A difference is clear when it exceeds `2 s`. Scores are fractions; one point is 0.01.

use std::fmt;

use crate::results::{Spread, Verdict};

/// How many standard deviations make a difference clear.
const CLEAR: f64 = 2.0;
/// A gain that is surely smaller than half a point is no gain worth the name.
const WORTH_NAMING: f64 = 0.005;
/// Two scores within one point of each other are called equal.
const EQUAL_WITHIN: f64 = 0.01;
/// With fewer test files a score moves by points when one file changes its rank; seeds do not show that.
pub(super) const FEWEST_FILES: u64 = 10;

/// A mean over seeds with its sample standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) std: f64,
    /// Seeds.
    pub(super) n: u64,
    /// Fewest test files behind any part of it; `None` where that is not known.
    pub(super) n_files: Option<u64>,
}

/// What a difference is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Greater than nothing.
    Gain,
    /// Not lower by more than [`EQUAL_WITHIN`].
    NoLoss,
}

impl Estimate {
    pub(super) fn of(values: &[f64], n_files: Option<u64>) -> Self {
        let Spread { mean, std } = Spread::of(values);
        Self { mean, std, n: values.len() as u64, n_files }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        let n_files = match (self.n_files, other.n_files) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (known, None) | (None, known) => known,
        };
        let std = self.std.hypot(other.std);
        Self { mean: self.mean - other.mean, std, n: self.n.min(other.n), n_files }
    }

    /// The verdict on a difference, and why, as a sentence.
    pub(super) fn judge(self, rule: Rule) -> (Verdict, String) {
        let reach = CLEAR * self.std;
        let (low, high) = (self.mean - reach, self.mean + reach);
        let measured = format!("The difference is {} points", bounds(self.mean, reach));
        if self.n < 2 {
            return (
                Verdict::TooSmallToTell,
                format!("{measured}, but one seed has no spread to compare it with."),
            );
        }
        if let Some(n_files) = self.n_files.filter(|&n| n < FEWEST_FILES) {
            let reason = format!(
                "{measured}, but a tradition has only {n_files} test files, fewer than the {FEWEST_FILES} asked for."
            );
            return (Verdict::TooSmallToTell, reason);
        }
        let (verdict, meaning) = match rule {
            Rule::Gain if low > 0.0 => (Verdict::Shown, "clear of zero"),
            Rule::Gain if high < 0.0 => (Verdict::NotShown, "clearly the other way round"),
            Rule::Gain if high < WORTH_NAMING => (Verdict::NotShown, "surely less than half a point"),
            Rule::Gain => (Verdict::TooSmallToTell, "not clear of zero"),
            Rule::NoLoss if low > -EQUAL_WITHIN => (Verdict::Shown, "a loss of a whole point is ruled out"),
            Rule::NoLoss if high < -EQUAL_WITHIN => {
                (Verdict::NotShown, "clearly a loss of more than one point")
            }
            Rule::NoLoss => (Verdict::TooSmallToTell, "a loss of a whole point is not ruled out"),
        };
        (verdict, format!("{measured} (twice the deviation over {} seeds): {meaning}.", self.n))
    }
}

impl From<(Spread, u64)> for Estimate {
    fn from((spread, n): (Spread, u64)) -> Self {
        Self { mean: spread.mean, std: spread.std, n, n_files: None }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ± {:.1}", 100.0 * self.mean, 100.0 * self.std)
    }
}

/// A difference in signed points, with a true minus sign.
pub(super) fn points(difference: f64) -> String {
    format!("{} points", signed(100.0 * difference))
}

fn bounds(mean: f64, reach: f64) -> String {
    format!("{} ± {:.1}", signed(100.0 * mean), 100.0 * reach)
}

/// `+1.2`, `−0.3`, `0.0`.
pub(crate) fn signed(x: f64) -> String {
    let digits = format!("{:.1}", x.abs());
    match digits.as_str() {
        "0.0" => digits,
        _ if x < 0.0 => format!("−{digits}"),
        _ => format!("+{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Rule, mean: f64, std: f64, expected: Verdict) {
        let estimate = Estimate { mean, std, n: 3, n_files: Some(40) };
        assert_eq!(estimate.judge(rule).0, expected, "{rule:?} {mean} {std}");
    }

    #[test]
    fn a_gain_must_clear_its_spread() {
        check(Rule::Gain, 0.03, 0.01, Verdict::Shown);
        check(Rule::Gain, 0.03, 0.02, Verdict::TooSmallToTell);
        check(Rule::Gain, -0.03, 0.02, Verdict::TooSmallToTell);
        check(Rule::Gain, -0.03, 0.01, Verdict::NotShown);
        check(Rule::Gain, 0.001, 0.001, Verdict::NotShown);
        check(Rule::Gain, 0.0, 0.0, Verdict::NotShown);
    }

    #[test]
    fn no_loss_must_rule_out_a_point() {
        check(Rule::NoLoss, -0.002, 0.002, Verdict::Shown);
        check(Rule::NoLoss, -0.002, 0.02, Verdict::TooSmallToTell);
        check(Rule::NoLoss, -0.05, 0.01, Verdict::NotShown);
    }

    #[test]
    fn one_seed_or_few_files_decide_nothing() {
        let sure = Estimate { mean: 0.5, std: 0.0, n: 3, n_files: None };
        assert_eq!(sure.judge(Rule::Gain).0, Verdict::Shown);
        assert_eq!(Estimate { n: 1, ..sure }.judge(Rule::Gain).0, Verdict::TooSmallToTell);
        assert_eq!(Estimate { n_files: Some(9), ..sure }.judge(Rule::Gain).0, Verdict::TooSmallToTell);
    }

    #[test]
    fn signs_are_written_out() {
        assert_eq!([1.26, -1.26, 0.04, -0.04].map(signed), ["+1.3", "−1.3", "0.0", "0.0"]);
    }
}
