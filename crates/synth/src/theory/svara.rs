//! Reading lines of Indian notation into cents.
//!
//! A token is a note name, with `.` before it for the lower octave and `'` after it for the upper; blanks separate tokens.

/// Reads `line`, where `ratio` knows the note names. Unknown tokens are left out; [`n_tokens`] counts what should be there.
pub(crate) fn cents(line: &str, ratio: fn(&str) -> Option<f64>) -> Vec<f64> {
    line.split_whitespace()
        .filter_map(|token| {
            let lower = token.starts_with('.');
            let upper = token.ends_with('\'');
            let name = token.trim_start_matches('.').trim_end_matches('\'');
            let octave = f64::from(i8::from(upper) - i8::from(lower));
            ratio(name).map(|ratio| 1200.0 * (libm::log2(ratio) + octave))
        })
        .collect()
}

/// Tokens in `line`.
#[cfg(test)]
pub(crate) fn n_tokens(line: &str) -> usize {
    line.split_whitespace().count()
}
