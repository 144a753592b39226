//! Residual vector quantisation: each codebook quantises what the ones before it left over.
//!
//! `r₀ = x`; for q in order `c_q = argmin_j (‖e_qj‖² − 2 r_q·e_qj)`, the first index at ties; `r_{q+1} = r_q − e_{q c_q}`.
//! Source: Juang and Gray 1982 (multistage vector quantisation); EnCodec (Défossez 2022) section 3.2 quantises likewise.
//! Shape letters: N rows, K codebooks, C entries, D dimensions. float32 products, blocks of a fixed number of rows. Pure.

use rayon::prelude::*;

use crate::{CodecError, Codes};
use simd::matrix::{Target, Threads, View, multiply};

/// Rows a block. Fixed, and the last block is filled up with zeros, so that a row's codes do not depend on the rows around it.
pub(crate) const BLOCK_ROWS: usize = 128;

/// One codebook ready for the search.
#[derive(Clone, Debug)]
pub(crate) struct Codebook {
    /// `[C, D]`.
    entries: Vec<f32>,
    /// `‖e_j‖²`, `[C]`, summed in float64.
    square_norms: Vec<f32>,
    dims: usize,
}

impl Codebook {
    pub(crate) fn new(entries: Vec<f32>, dims: usize) -> Self {
        let square = |row: &[f32]| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() as f32;
        let square_norms = entries.chunks_exact(dims).map(square).collect();
        Self { entries, square_norms, dims }
    }

    pub(crate) fn n_entries(&self) -> usize {
        self.square_norms.len()
    }

    pub(crate) fn entries(&self) -> &[f32] {
        &self.entries
    }

    pub(crate) fn entry(&self, index: usize) -> &[f32] {
        &self.entries[index * self.dims..(index + 1) * self.dims]
    }

    /// Calls `found(row, entry)` with the nearest entry of each row of one block.
    ///
    /// # Shapes
    /// - block: `[BLOCK_ROWS, D]`
    /// - scores: scratch
    pub(crate) fn nearest(&self, block: &[f32], scores: &mut Vec<f32>, mut found: impl FnMut(usize, usize)) {
        scores.clear();
        for _ in 0..BLOCK_ROWS {
            scores.extend_from_slice(&self.square_norms);
        }
        let target = Target::new(scores, self.n_entries());
        let entries = View::table(&self.entries, self.dims).transposed();
        multiply(target, true, -2.0, View::table(block, self.dims), entries, Threads::One);
        for (row, scores) in scores.chunks_exact(self.n_entries()).enumerate() {
            found(row, first_least(scores));
        }
    }
}

/// Several codebooks, one on the residual of the other.
#[derive(Clone, Debug)]
pub(crate) struct ResidualQuantiser {
    codebooks: Vec<Codebook>,
    dims: usize,
}

impl ResidualQuantiser {
    /// All codebooks have the same number of entries.
    pub(crate) fn new(codebooks: Vec<Codebook>, dims: usize) -> Self {
        Self { codebooks, dims }
    }

    pub(crate) fn n_codebooks(&self) -> usize {
        self.codebooks.len()
    }

    pub(crate) fn n_entries(&self) -> usize {
        self.codebooks.first().map_or(0, Codebook::n_entries)
    }

    /// Elements of a row.
    pub(crate) fn dims(&self) -> usize {
        self.dims
    }

    pub(crate) fn codebooks(&self) -> &[Codebook] {
        &self.codebooks
    }

    /// Codes of `rows`, `[N, D]`.
    pub(crate) fn encode(&self, rows: &[f32]) -> Codes {
        let (n_rows, n_codebooks) = (rows.len() / self.dims, self.n_codebooks());
        let mut data = vec![0u16; n_rows * n_codebooks];
        data.par_chunks_mut(BLOCK_ROWS * n_codebooks)
            .zip(rows.par_chunks(BLOCK_ROWS * self.dims))
            .for_each_init(
                || (vec![0.0; BLOCK_ROWS * self.dims], Vec::new()),
                |(residual, scores), (codes, rows)| {
                    residual[..rows.len()].copy_from_slice(rows);
                    residual[rows.len()..].fill(0.0);
                    for (stage, codebook) in self.codebooks.iter().enumerate() {
                        codebook.nearest(residual, scores, |row, entry| {
                            if let Some(code) = codes.get_mut(row * n_codebooks + stage) {
                                *code = entry as u16;
                            }
                        });
                        let rows = residual.chunks_exact_mut(self.dims).zip(codes.chunks_exact(n_codebooks));
                        for (row, codes) in rows {
                            subtract(row, codebook.entry(usize::from(codes[stage])));
                        }
                    }
                },
            );
        Codes { n_frames: n_rows, n_codebooks, data }
    }

    /// The sums of the entries that `codes` name, `[N, D]`.
    pub(crate) fn decode(&self, codes: &Codes) -> Result<Vec<f32>, CodecError> {
        let (n_codebooks, n_entries) = (self.n_codebooks(), self.n_entries());
        let whole = codes.n_frames.checked_mul(codes.n_codebooks) == Some(codes.data.len());
        let known = codes.data.iter().all(|&code| usize::from(code) < n_entries);
        if !whole || !known || codes.n_codebooks > n_codebooks {
            let needed = format!("at most {n_codebooks} codebooks of {n_entries} entries");
            return Err(CodecError::Codes {
                n_frames: codes.n_frames,
                n_codebooks: codes.n_codebooks,
                needed,
            });
        }
        let mut rows = vec![0.0; codes.n_frames * self.dims];
        for (frame_idx, row) in rows.chunks_exact_mut(self.dims).enumerate() {
            for (codebook, &code) in self.codebooks.iter().zip(codes.frame(frame_idx)) {
                row.iter_mut().zip(codebook.entry(usize::from(code))).for_each(|(x, e)| *x += e);
            }
        }
        Ok(rows)
    }
}

/// Quantises rows that come piece by piece, in whole blocks.
pub(crate) struct RowQuantiser<'a> {
    quantiser: &'a ResidualQuantiser,
    /// Less than a block.
    waiting: Vec<f32>,
}

impl<'a> RowQuantiser<'a> {
    pub(crate) fn new(quantiser: &'a ResidualQuantiser) -> Self {
        Self { quantiser, waiting: Vec::new() }
    }

    /// Takes rows, `[N, D]`.
    pub(crate) fn push(&mut self, rows: &[f32], codes: &mut Codes) {
        self.waiting.extend_from_slice(rows);
        let whole =
            self.waiting.len() / (BLOCK_ROWS * self.quantiser.dims) * BLOCK_ROWS * self.quantiser.dims;
        codes.append(&self.quantiser.encode(&self.waiting[..whole]));
        self.waiting.drain(..whole);
    }

    /// Appends the codes of the rest.
    pub(crate) fn finish(&mut self, codes: &mut Codes) {
        codes.append(&self.quantiser.encode(&self.waiting));
        self.waiting.clear();
    }
}

pub(crate) fn subtract(row: &mut [f32], entry: &[f32]) {
    row.iter_mut().zip(entry).for_each(|(x, e)| *x -= e);
}

/// `Σ (a − b)²` in float32, sixteen running sums.
pub(crate) fn square_distance(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (a_lanes, b_lanes) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| (x - y) * (x - y)).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for ((lane, x), y) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (x - y) * (x - y);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Position of the least value, the first one at ties.
fn first_least(values: &[f32]) -> usize {
    let mut lanes = [f32::INFINITY; 16];
    let chunks = values.chunks_exact(16);
    let rest = chunks.remainder().iter().copied().fold(f32::INFINITY, f32::min);
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value < *lane { value } else { *lane };
        }
    }
    let least = lanes.iter().copied().fold(rest, f32::min);
    values.iter().position(|&value| value <= least).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantiser(seed: u64, [n_codebooks, n_entries, dims]: [usize; 3]) -> ResidualQuantiser {
        let mut draws = draws::Draws::new(seed, "quantiser test", &[]);
        let mut codebook = |stage: usize| {
            let scale = 0.5f64.powi(stage as i32);
            let entries = (0..n_entries * dims).map(|_| (draws.normal() * scale) as f32).collect();
            Codebook::new(entries, dims)
        };
        ResidualQuantiser::new((0..n_codebooks).map(&mut codebook).collect(), dims)
    }

    fn rows(seed: u64, n: usize) -> Vec<f32> {
        let mut draws = draws::Draws::new(seed, "rows", &[]);
        (0..n).map(|_| draws.normal() as f32).collect()
    }

    #[test]
    fn ties_go_to_the_first_entry() {
        assert_eq!(first_least(&[3.0, 1.0, 2.0, 1.0]), 1);
        let mut many = vec![5.0; 40];
        (many[17], many[20], many[33]) = (-1.0, -1.0, -1.0);
        assert_eq!(first_least(&many), 17);
    }

    #[test]
    fn a_rows_codes_do_not_depend_on_the_rows_around_it() {
        let quantiser = quantiser(3, [4, 100, 24]);
        let rows = rows(4, 500 * 24);
        let all = quantiser.encode(&rows);
        for start in [1, 37, 130, 499] {
            assert_eq!(quantiser.encode(&rows[start * 24..]).data, all.data[start * 4..], "from row {start}");
        }
    }

    #[test]
    fn foreign_codes_are_refused() {
        let quantiser = quantiser(1, [2, 8, 3]);
        let bad = |n_frames, n_codebooks, data| Codes { n_frames, n_codebooks, data };
        for codes in
            [bad(1, 2, vec![0, 8]), bad(1, 3, vec![0; 3]), bad(2, 2, vec![0; 3]), bad(usize::MAX, 2, vec![])]
        {
            assert!(quantiser.decode(&codes).is_err(), "{codes:?}");
        }
    }

    proptest! {
        #[test]
        fn the_chosen_entry_is_the_nearest(seed: u64, n_rows in 1usize..300, n_entries in 2usize..70, dims in 1usize..40) {
            let quantiser = quantiser(seed, [3, n_entries, dims]);
            let rows = rows(seed, n_rows * dims);
            let codes = quantiser.encode(&rows);
            for (frame_idx, row) in rows.chunks_exact(dims).enumerate() {
                let mut residual: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
                for (codebook, &code) in quantiser.codebooks().iter().zip(codes.frame(frame_idx)) {
                    let distance = |entry: usize| -> f64 {
                        residual.iter().zip(codebook.entry(entry)).map(|(r, &e)| (r - f64::from(e)).powi(2)).sum()
                    };
                    let least = (0..n_entries).map(distance).fold(f64::INFINITY, f64::min);
                    let chosen = distance(usize::from(code));
                    // float32 scores: a near tie may fall either way.
                    prop_assert!(chosen <= least + 1e-5 * (1.0 + least), "{chosen} against {least}");
                    let entry = codebook.entry(usize::from(code)).to_vec();
                    residual.iter_mut().zip(entry).for_each(|(r, e)| *r -= f64::from(e));
                }
            }
        }
    }
}
