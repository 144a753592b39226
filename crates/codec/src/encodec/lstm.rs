//! LSTM layers with a skip around all of them: `y = x + lstm(x)`.
//!
//! `(i, f, g, o) = W_ih x_t + b_ih + W_hh h_{t−1} + b_hh`; `c_t = σ(f) c_{t−1} + σ(i) tanh(g)`; `h_t = σ(o) tanh(c_t)`; gates in this order.
//! Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers 2000. States begin at 0 and are carried from chunk to chunk. float32.

use super::weights::Source;
use crate::CodecError;
use simd::matrix::{View, fill};

pub(crate) struct Lstm {
    layers: Vec<Layer>,
    width: usize,
}

struct Layer {
    /// `[4H, H]`.
    from_input: Vec<f32>,
    /// `[4H, H]`.
    from_state: Vec<f32>,
    /// `b_ih + b_hh`, `[4H]`.
    bias: Vec<f32>,
}

/// `h` and `c` of every layer.
#[derive(Clone, Debug)]
pub(crate) struct LstmState(Vec<(Vec<f32>, Vec<f32>)>);

impl Lstm {
    pub(crate) fn build(
        source: &mut Source<'_>,
        name: &str,
        n_layers: usize,
        width: usize,
    ) -> Result<Self, CodecError> {
        let mut layer = |index: usize| {
            let from_input = source.tensor(&format!("{name}.weight_ih_l{index}"), &[4 * width, width])?;
            let from_state = source.tensor(&format!("{name}.weight_hh_l{index}"), &[4 * width, width])?;
            let mut bias = source.tensor(&format!("{name}.bias_ih_l{index}"), &[4 * width])?;
            let second = source.tensor(&format!("{name}.bias_hh_l{index}"), &[4 * width])?;
            bias.iter_mut().zip(second).for_each(|(a, b)| *a += b);
            Ok(Layer { from_input, from_state, bias })
        };
        Ok(Self { layers: (0..n_layers).map(&mut layer).collect::<Result<_, CodecError>>()?, width })
    }

    pub(crate) fn start(&self) -> LstmState {
        LstmState(self.layers.iter().map(|_| (vec![0.0; self.width], vec![0.0; self.width])).collect())
    }

    /// The next chunk, in place.
    ///
    /// # Shapes
    /// - x: `[T, H]`
    pub(crate) fn forward(&self, state: &mut LstmState, x: &mut [f32]) {
        let mut sequence = x.to_vec();
        for (layer, (h, c)) in self.layers.iter().zip(&mut state.0) {
            layer.forward(h, c, &mut sequence);
        }
        x.iter_mut().zip(sequence).for_each(|(x, y)| *x += y);
    }
}

impl Layer {
    fn forward(&self, h: &mut [f32], c: &mut [f32], sequence: &mut [f32]) {
        let width = h.len();
        let mut gates: Vec<f32> = self.bias.repeat(sequence.len() / width);
        let from_input = View::table(&self.from_input, width).transposed();
        fill(&mut gates, true, View::table(sequence, width), from_input);
        for (gates, output) in gates.chunks_exact_mut(4 * width).zip(sequence.chunks_exact_mut(width)) {
            add_matrix_vector(gates, &self.from_state, h);
            let (input, rest) = gates.split_at(width);
            let (forget, rest) = rest.split_at(width);
            let (candidate, out) = rest.split_at(width);
            for unit in 0..width {
                c[unit] = sigmoid(forget[unit]) * c[unit] + sigmoid(input[unit]) * candidate[unit].tanh();
                h[unit] = sigmoid(out[unit]) * c[unit].tanh();
            }
            output.copy_from_slice(h);
        }
    }
}

/// `out += matrix · vector`, `matrix` `[out, vector]` in C order. Reading the matrix is the whole cost of a step; a plain loop does it
/// more than twice as fast as the general product.
fn add_matrix_vector(out: &mut [f32], matrix: &[f32], vector: &[f32]) {
    for (out, row) in out.iter_mut().zip(matrix.chunks_exact(vector.len())) {
        *out += dot(row, vector);
    }
}

/// `Σ a b` in float32, thirty-two running sums.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 32];
    let (a_lanes, b_lanes) = (a.chunks_exact(32), b.chunks_exact(32));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for ((lane, x), y) in lanes.iter_mut().zip(a).zip(b) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
