//! From chunks to files: a recording is scored by the mean over its chunks.
//!
//! `file[f, k] = (1/n_f) Σ_{c of f} g(chunk[c, k])` with `g` the identity (mean of logits, what MARBLE does) or the logistic function (mean of
//! probabilities). Shapes: chunks `[M, K]`, files `[F, K]`, row-major. Pure; sums in f64 in the order of the chunks.
//! A file without a chunk is an error: silently missing files would make the evaluation easier than it is.

use serde::{Deserialize, Serialize};

use crate::EvaluateError;
use crate::error::{all_finite, same_size};
use crate::tagging::Score;

/// What is averaged over the chunks of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// Logits, as MARBLE does; a probability follows from their mean.
    #[default]
    Logits,
    /// Probabilities of the single chunks.
    Probabilities,
}

/// `1 / (1 + e^−x)`, without overflow.
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// Averages chunk logits within files: logits or probabilities, as `average` says.
///
/// # Shapes
/// - `chunk_logits` `[M, n_outputs]`, `chunk_file` `[M]`, each below `n_files`
/// - returns `[n_files, n_outputs]`
pub fn file_scores<S: Score>(
    chunk_logits: &[S],
    n_outputs: usize,
    chunk_file: &[usize],
    n_files: usize,
    average: Average,
) -> Result<Vec<f64>, EvaluateError> {
    same_size("chunk logits", chunk_file.len().saturating_mul(n_outputs), chunk_logits.len())?;
    all_finite("chunk logits", chunk_logits)?;
    let chunks_of = count_chunks(chunk_file, n_files)?;
    let mut files = vec![0.0; n_files * n_outputs];
    for (row, &file) in chunk_logits.chunks_exact(n_outputs.max(1)).zip(chunk_file) {
        for (sum, &logit) in files[file * n_outputs..][..n_outputs].iter_mut().zip(row) {
            *sum += match average {
                Average::Logits => logit.into(),
                Average::Probabilities => logistic(logit.into()),
            };
        }
    }
    for (row, n) in files.chunks_exact_mut(n_outputs.max(1)).zip(chunks_of) {
        for sum in row {
            *sum /= n as f64;
        }
    }
    Ok(files)
}

/// Chunks of each file, at least one.
pub(crate) fn count_chunks(chunk_file: &[usize], n_files: usize) -> Result<Vec<usize>, EvaluateError> {
    let mut n = vec![0; n_files];
    for (index, &file) in chunk_file.iter().enumerate() {
        let largest = (n_files as u64).saturating_sub(1);
        *n.get_mut(file).ok_or_else(|| EvaluateError::Label {
            what: "file of each chunk".to_owned(),
            index,
            value: file as u64,
            largest,
        })? += 1;
    }
    match n.iter().position(|&chunks| chunks == 0) {
        Some(file) => Err(EvaluateError::Empty { what: format!("the list of chunks of file {file}") }),
        None => Ok(n),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "halves and quarters are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_mean_of_its_chunks_wherever_they_stand() {
        let files = file_scores(&[1.0f32, 10.0, 3.0], 1, &[1, 0, 1], 2, Average::Logits).unwrap();
        assert_eq!(files, [10.0, 2.0]);
    }

    #[test]
    fn a_file_without_a_chunk_and_a_chunk_without_a_file_are_refused() {
        assert!(file_scores(&[1.0f32], 1, &[0], 2, Average::Logits).is_err());
        assert!(file_scores(&[1.0f32], 1, &[1], 1, Average::Logits).is_err());
        assert!(file_scores(&[1.0f32, 2.0], 1, &[0], 1, Average::Logits).is_err());
    }

    #[test]
    fn the_logistic_function_is_symmetric_and_does_not_overflow() {
        assert_eq!(logistic(0.0), 0.5);
        assert_eq!(logistic(-1e6), 0.0);
        assert_eq!(logistic(1e6), 1.0);
        assert!((logistic(3.0) + logistic(-3.0) - 1.0).abs() < 1e-15);
    }
}
