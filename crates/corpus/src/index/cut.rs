//! A piece of a recording, by its times.

use std::fmt;
use std::str::FromStr;

/// The piece of a file between two times, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cut {
    start_ms: u64,
    end_ms: u64,
}

/// Latest time that is accepted, seconds: the longest recording that is decoded.
pub(crate) const MOST_SECONDS: f64 = 172_800.0;
/// Samples a millisecond at 24 kHz.
const SAMPLES_A_MS: u64 = audio::SAMPLE_RATE as u64 / 1000;

impl Cut {
    /// From `start` to `end`, seconds. The error is a sentence about what the line states.
    pub fn new(start: f64, end: f64) -> Result<Self, String> {
        let is_time = |seconds: f64| (0.0..=MOST_SECONDS).contains(&seconds);
        if !is_time(start) || !is_time(end) {
            return Err(format!("{start} to {end} are no times within {MOST_SECONDS} s"));
        }
        let cut = Self { start_ms: (start * 1000.0).round() as u64, end_ms: (end * 1000.0).round() as u64 };
        if cut.start_ms < cut.end_ms {
            return Ok(cut);
        }
        Err(format!("the piece ends at {end} s and starts at {start} s"))
    }

    /// Its length, seconds.
    pub fn seconds(&self) -> f64 {
        (self.end_ms - self.start_ms) as f64 / 1000.0
    }

    /// Start and end, seconds.
    pub fn times(&self) -> (f64, f64) {
        (self.start_ms as f64 / 1000.0, self.end_ms as f64 / 1000.0)
    }

    /// First sample, and the first behind it, at 24 kHz.
    pub(crate) fn samples(&self) -> (u64, u64) {
        (self.start_ms * SAMPLES_A_MS, self.end_ms * SAMPLES_A_MS)
    }

    /// Whether two pieces of a file share a moment.
    pub fn meets(&self, other: &Self) -> bool {
        self.start_ms < other.end_ms && other.start_ms < self.end_ms
    }
}

/// `2819-2986.5`, as it stands in names.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = self.times();
        write!(f, "{start}-{end}")
    }
}

/// Reads the two columns of an index: both empty, or both times.
pub(super) fn of_columns(start: &str, end: &str) -> Result<Option<Cut>, String> {
    let time = |text: &str| f64::from_str(text).map_err(|_| format!("`{text}` is no time in seconds"));
    match (start, end) {
        ("", "") => Ok(None),
        ("", _) | (_, "") => Err("it states one of `start` and `end` without the other".into()),
        _ => Cut::new(time(start)?, time(end)?).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_samples_and_wrong_ones_sentences() {
        let cut = of_columns("2819", "2986.5").unwrap().unwrap();
        assert_eq!((cut.samples(), cut.to_string().as_str()), ((67_656_000, 71_676_000), "2819-2986.5"));
        assert_eq!(of_columns("", ""), Ok(None));
        for (start, end, part) in [
            ("1", "", "without the other"),
            ("a", "2", "`a` is no time"),
            ("2", "1", "starts at 2 s"),
            ("1", "1", "starts at 1 s"),
            ("-1", "1", "no times"),
            ("0", "inf", "no times"),
            ("nan", "1", "no times"),
        ] {
            let said = of_columns(start, end).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn pieces_that_touch_do_not_meet() {
        let cut = |start, end| Cut::new(start, end).unwrap();
        assert!(!cut(0.0, 1.0).meets(&cut(1.0, 2.0)));
        assert!(cut(0.0, 1.001).meets(&cut(1.0, 2.0)) && cut(1.0, 2.0).meets(&cut(0.0, 9.0)));
    }
}
