//! LSTM layers; the encoder adds a skip around all of them.
//!
//! `(i, f, g, o) = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh`; `c_t = σ(f) c_{t−1} + σ(i) tanh(g)`; `h_t = σ(o) tanh(c_t)`; gates in this order.
//! Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers 2000. States begin at 0 and are carried from chunk to chunk.
//! The products with the input are made for a whole chunk at once; those with the state step by step, where reading `W_hh` is the whole
//! cost. float32.

use simd::vectorised;

use super::activation::{sigmoid, tanh};
use super::weights::Source;
use crate::CodecError;
use crate::panels::{Panels, Start};

pub(crate) struct LstmLayer {
    /// `[H, 4H]`, with `b_ih + b_hh`.
    from_input: Panels,
    /// `[H, 4H]`.
    from_state: Panels,
    width: usize,
}

/// `h` and `c`, `[H]` each.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    h: Vec<f32>,
    c: Vec<f32>,
}

impl LstmLayer {
    pub(crate) fn build(
        source: &mut Source<'_>,
        name: &str,
        index: usize,
        width: usize,
    ) -> Result<Self, CodecError> {
        let from_input = source.tensor(&format!("{name}.weight_ih_l{index}"), &[4 * width, width])?;
        let from_state = source.tensor(&format!("{name}.weight_hh_l{index}"), &[4 * width, width])?;
        let mut bias = source.tensor(&format!("{name}.bias_ih_l{index}"), &[4 * width])?;
        let second = source.tensor(&format!("{name}.bias_hh_l{index}"), &[4 * width])?;
        bias.iter_mut().zip(second).for_each(|(a, b)| *a += b);
        let from_input = Panels::pack(width, &bias, |input, gate| from_input[gate * width + input]);
        let from_state =
            Panels::pack(width, &vec![0.0; 4 * width], |unit, gate| from_state[gate * width + unit]);
        Ok(Self { from_input, from_state, width })
    }

    pub(crate) fn start(&self) -> Cells {
        Cells { h: vec![0.0; self.width], c: vec![0.0; self.width] }
    }

    /// The next chunk, in place.
    ///
    /// # Shapes
    /// - sequence: `[T, H]`
    pub(crate) fn forward(&self, cells: &mut Cells, sequence: &mut [f32]) {
        let width = self.width;
        let mut gates = vec![0.0; 4 * sequence.len()];
        self.from_input.multiply(sequence, width, 0..width, Start::Bias, &mut gates);
        for (gates, output) in gates.chunks_exact_mut(4 * width).zip(sequence.chunks_exact_mut(width)) {
            self.from_state.multiply(&cells.h, width, 0..width, Start::Output, gates);
            step(gates, cells);
            output.copy_from_slice(&cells.h);
        }
    }
}

/// The next cells, from the sums of all four gates.
fn step(gates: &[f32], Cells { h, c }: &mut Cells) {
    let width = h.len();
    let (input, rest) = gates.split_at(width);
    let (forget, rest) = rest.split_at(width);
    let (candidate, out) = rest.split_at(width);
    let (out, c) = (&out[..width], &mut c[..width]);
    vectorised(
        #[inline(always)]
        || {
            for unit in 0..width {
                let kept = sigmoid(forget[unit]) * c[unit];
                c[unit] = sigmoid(input[unit]).mul_add(tanh(candidate[unit]), kept);
                h[unit] = sigmoid(out[unit]) * tanh(c[unit]);
            }
        },
    );
}
