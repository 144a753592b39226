//! Losses of the probe and their gradients with respect to the logits z.
//!
//! Tags: binary cross entropy with logits, `mean over batch and tags of max(z, 0) − z·t + ln(1 + e^−|z|)`, gradient `(σ(z) − t)/(B·n)`.
//! Classes: `mean over batch of −log softmax(z)[c]`, gradient `(softmax(z) − 1_c)/B`.
//! Values: `mean over batch and outputs of (z − t)²`, gradient `2(z − t)/(B·n)`.
//! Shapes: B batch, n outputs. Pure; f64 inside.

use crate::aggregate::logistic;

/// What the outputs of a list of examples ought to be.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// `[N, n]`, each 0 or 1.
    Tags(&'a [f32]),
    /// `[N]`, each below n.
    Classes(&'a [usize]),
    /// `[N, n]`.
    Values(&'a [f32]),
}

impl Targets<'_> {
    /// The mean loss of the examples `batch`; overwrites their logits `[B, n]` with the gradient.
    pub(super) fn loss_and_gradient(&self, logits: &mut [f32], n: usize, batch: &[usize]) -> f64 {
        let mut loss = 0.0;
        match *self {
            Self::Tags(targets) => {
                let share = 1.0 / logits.len() as f64;
                for (row, &example) in logits.chunks_exact_mut(n).zip(batch) {
                    for (z, &target) in row.iter_mut().zip(&targets[example * n..][..n]) {
                        let (x, t) = (f64::from(*z), f64::from(target));
                        loss += x.max(0.0) - x * t + (-x.abs()).exp().ln_1p();
                        *z = ((logistic(x) - t) * share) as f32;
                    }
                }
                loss * share
            }
            Self::Classes(classes) => {
                let share = 1.0 / batch.len() as f64;
                for (row, &example) in logits.chunks_exact_mut(n).zip(batch) {
                    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
                    let sum: f64 = row.iter().map(|&z| (f64::from(z) - largest).exp()).sum();
                    loss += largest + sum.ln() - f64::from(row[classes[example]]);
                    for (class, z) in row.iter_mut().enumerate() {
                        let p = (f64::from(*z) - largest).exp() / sum;
                        let hit = if class == classes[example] { 1.0 } else { 0.0 };
                        *z = ((p - hit) * share) as f32;
                    }
                }
                loss * share
            }
            Self::Values(targets) => {
                let share = 1.0 / logits.len() as f64;
                for (row, &example) in logits.chunks_exact_mut(n).zip(batch) {
                    for (z, &target) in row.iter_mut().zip(&targets[example * n..][..n]) {
                        let error = f64::from(*z) - f64::from(target);
                        loss += error * error;
                        *z = (2.0 * error * share) as f32;
                    }
                }
                loss * share
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_neither_overflow_nor_lose_the_gradient() {
        let mut logits = [200.0f32, -200.0];
        let loss = Targets::Tags(&[0.0, 1.0]).loss_and_gradient(&mut logits, 2, &[0]);
        assert!((loss - 200.0).abs() < 1e-9);
        assert!((logits[0] - 0.5).abs() < 1e-7 && (logits[1] + 0.5).abs() < 1e-7);
        let mut logits = [300.0f32, 0.0];
        let loss = Targets::Classes(&[1]).loss_and_gradient(&mut logits, 2, &[0]);
        assert!((loss - 300.0).abs() < 1e-9 && (logits[1] + 1.0).abs() < 1e-7);
    }
}
