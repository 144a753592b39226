//! Rows that can be compared by their direction.
//!
//! `e = (x − x̄) / ‖x − x̄‖`, mean in f64. Embeddings of one encoder share a large common part, which makes every cosine nearly one; without the
//! mean of the collection they tell recordings apart, and fewer of them are everybody's neighbour (Suzuki et al. 2013, "Centering similarity
//! measures to reduce hubs").

use crate::EvaluateError;
use crate::error::{all_finite, same_size};

/// `[n, width]` rows of length one; a row that is the mean itself has no direction and stays zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    rows: Vec<f32>,
    width: usize,
}

/// A row nearer to the mean than this share of the largest distance is the mean but for rounding.
const NO_DIRECTION: f64 = 1e-6;

impl Embeddings {
    /// From the rows of an encoder.
    ///
    /// # Shapes
    /// - `rows` `[n, width]`
    ///
    /// # Errors
    /// [`EvaluateError::Size`] for rows that are not whole, [`EvaluateError::NotFinite`] at the first NaN or infinity.
    pub fn new(rows: &[f32], width: usize) -> Result<Self, EvaluateError> {
        same_size("elements of whole rows", rows.len().next_multiple_of(width.max(1)), rows.len())?;
        if width == 0 {
            return Err(EvaluateError::Empty { what: "a row of the embeddings".into() });
        }
        all_finite("embeddings", rows)?;
        let n = rows.len() / width;
        let mut mean = vec![0.0f64; width];
        for row in rows.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        for sum in &mut mean {
            *sum /= n.max(1) as f64;
        }
        let length = |row: &[f32]| -> f64 {
            row.iter().zip(&mean).map(|(&x, &m)| (f64::from(x) - m).powi(2)).sum::<f64>().sqrt()
        };
        let lengths: Vec<f64> = rows.chunks_exact(width).map(length).collect();
        // What rounding of the mean leaves is a share of the values, not of the distances.
        let size = rows.iter().fold(0.0f64, |most, &x| most.max(f64::from(x.abs())));
        let least =
            lengths.iter().fold(size * (width as f64).sqrt() * 1e-7, |most, &x| most.max(x * NO_DIRECTION));
        let mut directions = Vec::with_capacity(rows.len());
        for (row, &length) in rows.chunks_exact(width).zip(&lengths) {
            let has_direction = length > least;
            directions.extend(
                row.iter()
                    .zip(&mean)
                    .map(|(&x, &m)| if has_direction { ((f64::from(x) - m) / length) as f32 } else { 0.0 }),
            );
        }
        Ok(Self { rows: directions, width })
    }

    /// `[n, width]` in C order.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }

    /// Elements of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn n(&self) -> usize {
        self.rows.len() / self.width
    }

    #[cfg(test)]
    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.rows[index * self.width..][..self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_length_one_around_the_mean_and_the_mean_has_no_direction() {
        let all = Embeddings::new(&[3.0, 1.0, 1.0, 1.0, 2.0, 1.0], 2).unwrap();
        assert_eq!(all.rows(), &[1.0, 0.0, -1.0, 0.0, 0.0, 0.0]);
        let same = Embeddings::new(&[0.1; 30], 3).unwrap();
        assert!(same.rows().iter().all(|&x| x == 0.0));
        assert_eq!((same.n(), same.width(), Embeddings::new(&[], 3).unwrap().n()), (10, 3, 0));
    }

    #[test]
    fn what_is_no_number_or_no_whole_row_is_refused() {
        let said = |rows: &[f32], width| Embeddings::new(rows, width).unwrap_err().to_string();
        assert!(said(&[1.0, f32::NAN], 2).contains("element 1 is `NaN`"));
        assert!(said(&[1.0, f32::INFINITY], 1).contains("not a finite number"));
        assert!(said(&[1.0, 2.0, 3.0], 2).contains("whole rows"));
        assert!(said(&[1.0], 0).contains("empty"));
    }
}
