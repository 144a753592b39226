//! From an update's gradients to the factor they enter the step with.
//!
//! Norm: the L2 norm over the L2 norms of the tensors. Clipping to `c`: in float32 `min(1, c / (norm + 1e-6))`; in float16 `c / norm` when `norm > c`.
//! Source: fairseq's trainer (`reference/mert.md` section 7). Sums of squares are taken in float64, in an order that only the shapes determine.

use rayon::prelude::*;

/// Elements of one piece of work.
pub(crate) const CHUNK: usize = 1 << 14;
/// Independent running sums, so that additions need not wait for each other.
const LANES: usize = 16;

/// Sizes of the gradients of an update.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientNorm {
    /// L2 norm of each tensor.
    pub of_tensors: Vec<f64>,
    /// L2 norm of all together.
    pub global: f64,
}

/// Measures the gradients times `scale`.
pub fn gradient_norm(gradients: &[&[f32]], scale: f64) -> GradientNorm {
    let chunks: Vec<&[f32]> = gradients.iter().flat_map(|gradient| gradient.chunks(CHUNK)).collect();
    let sums: Vec<f64> = chunks
        .par_iter()
        .map(|chunk| {
            simd::vectorised(
                #[inline(always)]
                || sum_of_squares(chunk),
            )
        })
        .collect();
    let mut sums = sums.into_iter();
    let square_of = |gradient: &&[f32]| -> f64 { sums.by_ref().take(gradient.len().div_ceil(CHUNK)).sum() };
    let squares: Vec<f64> = gradients.iter().map(square_of).collect();
    GradientNorm::of_squares(&squares, scale)
}

impl GradientNorm {
    /// From the sums of squares of the tensors before they are multiplied by `scale`.
    pub(crate) fn of_squares(squares: &[f64], scale: f64) -> Self {
        let global = squares.iter().sum::<f64>().sqrt() * scale;
        Self { of_tensors: squares.iter().map(|square| square.sqrt() * scale).collect(), global }
    }
}

#[expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the vector width that was dispatched"
)]
#[inline(always)]
fn sum_of_squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            let value = f64::from(value);
            *lane += value * value;
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(value) * f64::from(value);
    }
    lanes.iter().sum()
}

/// Which of the two original rules clips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClipRule {
    /// Training in float32 (and bfloat16): a little is added to the norm.
    Float32,
    /// Training in float16: nothing is.
    Float16,
}

/// Largest norm a gradient enters the step with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// The norm; 0 lets every gradient pass.
    pub max_norm: f64,
    /// The rule.
    pub rule: ClipRule,
}

impl Clip {
    /// What a gradient of `norm` is to be multiplied by.
    pub fn factor(self, norm: f64) -> f64 {
        match self.rule {
            _ if self.max_norm <= 0.0 => 1.0,
            ClipRule::Float32 => (self.max_norm / (norm + 1e-6)).min(1.0),
            ClipRule::Float16 if norm > self.max_norm => self.max_norm / norm,
            ClipRule::Float16 => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_of_tensors_is_the_norm_of_all_their_elements() {
        let a = golden::cf_uniforms("a", 3 * CHUNK + 7);
        let b = golden::cf_uniforms("b", 5);
        let norm = gradient_norm(&[&a, &[], &b], 0.5);
        let of = |values: &[f32]| values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        let expected = [of(&a).sqrt() / 2.0, 0.0, of(&b).sqrt() / 2.0];
        for (ours, expected) in norm.of_tensors.iter().zip(expected) {
            assert!((ours - expected).abs() <= 1e-12 * expected, "{ours} {expected}");
        }
        let global = (of(&a) + of(&b)).sqrt() / 2.0;
        assert!((norm.global - global).abs() < 1e-12 * global);
    }

    #[test]
    fn the_norm_does_not_depend_on_threads() {
        let values = golden::cf_uniforms("threads", 9 * CHUNK + 11);
        let with = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| gradient_norm(&[&values], 1.0).global.to_bits())
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn clipping_follows_the_two_rules() {
        let float32 = Clip { max_norm: 1.0, rule: ClipRule::Float32 };
        let float16 = Clip { max_norm: 1.0, rule: ClipRule::Float16 };
        assert_eq!(float32.factor(4.0), 1.0 / (4.0 + 1e-6));
        assert_eq!(float16.factor(4.0), 0.25);
        assert_eq!((float32.factor(0.5), float16.factor(0.5)), (1.0, 1.0));
        // At exactly the bound the rules differ.
        assert_eq!((float32.factor(1.0), float16.factor(1.0)), (1.0 / (1.0 + 1e-6), 1.0));
        assert_eq!(Clip { max_norm: 0.0, ..float32 }.factor(1e9), 1.0);
    }

    #[test]
    fn golden_clipping_matches_the_recorded_coefficients() {
        for folder in golden::cases("mert", "trace.json") {
            let trace = golden::json(&folder.join("trace.json"));
            let Some(updates) = trace["updates"].as_array() else { continue };
            let config = golden::json(&folder.join("config.json"));
            let clip = Clip {
                max_norm: config["optimizer"]["clip_norm"].as_f64().unwrap(),
                rule: ClipRule::Float32,
            };
            let (mut worst, mut worst_norm) = (0.0, 0.0);
            for update in updates {
                let norm = update["grad_norm_before_clip"].as_f64().unwrap();
                let coefficient = update["clip_coef"].as_f64().unwrap();
                worst = golden::nan_is_worst(worst, (clip.factor(norm) - coefficient).abs() / coefficient);
                // The norm over all is the norm over the tensors' norms.
                let of_tensors = update["grad_l2_before_clip"].as_object().unwrap().values();
                let global = of_tensors.map(|norm| norm.as_f64().unwrap().powi(2)).sum::<f64>().sqrt();
                worst_norm = golden::nan_is_worst(worst_norm, (global - norm).abs() / norm);
            }
            // The original computes both in float32.
            golden::within("train_trace, clip coefficient, relative", worst, 1e-6);
            golden::within("train_trace, norm of norms, relative", worst_norm, 1e-5);
        }
    }

    #[test]
    fn one_element_that_is_not_finite_shows_in_the_norm() {
        let holey = [1.0, f32::NAN, 2.0];
        assert!(gradient_norm(&[&holey], 1.0).global.is_nan());
        assert!(gradient_norm(&[&[f32::INFINITY]], 1.0).global.is_infinite());
    }
}
