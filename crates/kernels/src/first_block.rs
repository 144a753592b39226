//! The front end's first block in one pass: `y = gelu(γ[o] · (h[t,o] − mean[o]) / √(var[o] + ε) + β[o])`, `h` a strided convolution of one
//! channel, statistics over time for every clip and output channel. The same as [`crate::conv1d`], [`crate::channel_norm`], [`crate::gelu`].
//!
//! `h` is linear in the K samples under its taps, so its statistics need their moments only, not `h`: with `m[k]` the mean of tap `k`'s
//! samples and `R[k,l]` the mean of the products of taps `k` and `l`, `mean[o] = Σ_k w[o,k] m[k]`, `var[o] = Σ_kl w[o,k] w[o,l] (R[k,l] − m[k] m[l])`.
//! Moments are float64. Of a 30 s clip `h` would be 295 MB; it is never stored.
//!
//! Backward, with `p` the argument of GELU, `n` the normalised `h`, `r = 1/√(var + ε)`, `dp = dy · gelu'(p)`, T frames: one pass over `dy` gives
//! `G[o,k] = Σ_t dp x[s·t + k]` and `S[o] = Σ_t dp`. Then `dβ = S`, `dγ = r (Σ_k w G − mean S) =: Q`, and
//! `dw[o,k] = r γ (G − S m[k] − Q r (Σ_l w[o,l] R[k,l] − mean m[k]))`.
//! Under a half precision samples and weights are rounded; `h` is not.

use std::sync::Arc;

use burn::Tensor;
use rayon::prelude::*;

use crate::conv1d::{Conv1d, conv1d};
use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::{channel_norm, gelu};
use simd::matrix::{Panels, Product, Target, Threads, View};
use simd::{Precision, vectorised};

/// Settings of the block.
#[derive(Clone, Debug)]
pub struct FirstBlock {
    /// Samples from one output frame to the next.
    pub stride: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// What samples and weights are rounded to.
    pub precision: Precision,
    /// Moments of the clips, when `x` is a part of them only; without them those of `x`.
    pub moments: Option<Moments>,
}

/// What the statistics of whole clips are made of, for a block that is given a part of them at a time.
#[derive(Clone, Debug)]
pub struct Moments(Known);

#[derive(Clone, Debug)]
enum Known {
    /// On the processor: those of the samples under the taps, of every clip.
    OfSamples(Arc<[ClipMoments]>),
    /// On a card: mean and reciprocal deviation of every output, `[2, B, O]`.
    #[cfg(feature = "card")]
    OfOutputs(Box<Tensor<3>>),
}

impl Moments {
    /// Of whole clips `x [B, L, 1]` under `weight [O, 1, K]`; none on a device where the block is composed, which has no use for them.
    ///
    /// # Panics
    /// When `L < K`.
    pub fn of(x: Tensor<3>, weight: &Tensor<3>, settings: &FirstBlock) -> Option<Self> {
        if on_cpu(&x) {
            let clips = settings.clip_moments(&Array::from_tensor(x), weight.dims()[2]);
            return Some(Self(Known::OfSamples(clips)));
        }
        #[cfg(feature = "card")]
        if crate::card::on_card(&x) {
            let moments = crate::card::first_block_moments(x, weight.clone(), settings);
            return Some(Self(Known::OfOutputs(Box::new(moments))));
        }
        None
    }

    /// Those of a card.
    #[cfg(feature = "card")]
    pub(crate) fn of_outputs(&self) -> Option<&Tensor<3>> {
        match &self.0 {
            Known::OfOutputs(moments) => Some(moments),
            Known::OfSamples(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
struct ClipMoments {
    /// `m[k]`.
    means: Vec<f64>,
    /// `R[k,l]`, `[K, K]`.
    products: Vec<f64>,
}

/// Frames handled together; fixed, so that sums do not depend on the number of threads.
const BLOCK_FRAMES: usize = 128;

impl ClipMoments {
    fn new(clip: &[f32], n_taps: usize, settings: &FirstBlock) -> Self {
        assert!(clip.len() >= n_taps, "a clip is at least as long as the taps");
        let n_frames = (clip.len() - n_taps) / settings.stride + 1;
        let partial: Vec<Vec<f64>> = (0..n_frames.div_ceil(BLOCK_FRAMES))
            .into_par_iter()
            .map(|block| {
                let mut sums = vec![0.0; n_taps * (n_taps + 1)];
                let mut window = vec![0.0; n_taps];
                for frame in block * BLOCK_FRAMES..n_frames.min((block + 1) * BLOCK_FRAMES) {
                    for (x, &sample) in window.iter_mut().zip(&clip[frame * settings.stride..]) {
                        *x = f64::from(settings.precision.round(sample));
                    }
                    let (means, products) = sums.split_at_mut(n_taps);
                    for ((mean, line), &x) in
                        means.iter_mut().zip(products.chunks_exact_mut(n_taps)).zip(&window)
                    {
                        *mean += x;
                        for (product, &y) in line.iter_mut().zip(&window) {
                            *product += x * y;
                        }
                    }
                }
                sums
            })
            .collect();
        let mut totals = vec![0.0; n_taps * (n_taps + 1)];
        for sums in &partial {
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        for total in &mut totals {
            *total /= n_frames as f64;
        }
        let products = totals.split_off(n_taps);
        Self { means: totals, products }
    }
}

/// Runs the block on waveforms `x [B, L, 1]` with `weight [O, 1, K]`, `gamma [O]` and `beta [O]`: `[B, T, O]`.
///
/// # Panics
/// When `L < K`: the model checks the length of its input first.
pub fn first_block(
    x: Tensor<3>,
    weight: Tensor<3>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    settings: FirstBlock,
) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(settings, [x.into(), weight.into(), gamma.into(), beta.into()]);
    }
    #[cfg(feature = "card")]
    if crate::card::on_card(&x) {
        return crate::card::first_block(x, weight, gamma, beta, settings);
    }
    let h = conv1d(x, weight, settings.stride, settings.precision);
    gelu::gelu(channel_norm::channel_norm(h, gamma, beta, settings.epsilon))
}

/// One clip's samples, rounded, and what turns `h` into the argument of GELU: `p = scale · h + shift`.
struct Clip<'a> {
    samples: Vec<f32>,
    moments: &'a ClipMoments,
    mean: Vec<f64>,
    rate: Vec<f64>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// The parameters as the block uses them.
struct Parameters {
    /// `[O, K]`, rounded.
    weights: Vec<f32>,
    n_taps: usize,
    n_outputs: usize,
    n_frames: usize,
}

impl FirstBlock {
    fn parameters(&self, [x, weight, ..]: &[Array; 4]) -> Parameters {
        let ([_, n_samples, n_channels], [n_outputs, _, n_taps]) = (x.dims(), weight.dims());
        assert!(n_channels == 1 && n_samples >= n_taps, "a waveform is at least as long as the taps");
        let mut weights = weight.values().to_vec();
        self.precision.round_all(&mut weights);
        Parameters { weights, n_taps, n_outputs, n_frames: (n_samples - n_taps) / self.stride + 1 }
    }

    fn clip_moments(&self, x: &Array, n_taps: usize) -> Arc<[ClipMoments]> {
        let [_, n_samples, _] = x.dims();
        let clips = x.values().chunks_exact(n_samples);
        clips.map(|clip| ClipMoments::new(clip, n_taps, self)).collect()
    }

    fn moments(&self, [x, weight, ..]: &[Array; 4]) -> Arc<[ClipMoments]> {
        match &self.moments {
            Some(Moments(Known::OfSamples(moments))) => Arc::clone(moments),
            _ => self.clip_moments(x, weight.dims::<3>()[2]),
        }
    }

    fn clips<'a>(
        &self,
        [x, _, gamma, beta]: &[Array; 4],
        parameters: &Parameters,
        moments: &'a [ClipMoments],
    ) -> Vec<Clip<'a>> {
        let [_, n_samples, _] = x.dims();
        let n_taps = parameters.n_taps;
        let clips = x.values().chunks_exact(n_samples).zip(moments);
        clips
            .map(|(samples, moments)| {
                let mut samples = samples.to_vec();
                self.precision.round_all(&mut samples);
                let (mut mean, mut rate) = (Vec::new(), Vec::new());
                for taps in parameters.weights.chunks_exact(n_taps) {
                    let dot =
                        |line: &[f64]| -> f64 { taps.iter().zip(line).map(|(&w, m)| f64::from(w) * m).sum() };
                    let centre = dot(&moments.means);
                    let power: f64 = taps
                        .iter()
                        .zip(moments.products.chunks_exact(n_taps))
                        .map(|(&w, line)| f64::from(w) * dot(line))
                        .sum();
                    mean.push(centre);
                    rate.push(1.0 / ((power - centre * centre).max(0.0) + self.epsilon).sqrt());
                }
                let scale: Vec<f32> =
                    gamma.values().iter().zip(&rate).map(|(&g, r)| (f64::from(g) * r) as f32).collect();
                let shift = beta
                    .values()
                    .iter()
                    .zip(&scale)
                    .zip(&mean)
                    .map(|((&b, &s), m)| (f64::from(b) - f64::from(s) * m) as f32)
                    .collect();
                Clip { samples, moments, mean, rate, scale, shift }
            })
            .collect()
    }

    fn windows<'a>(&self, clip: &'a Clip<'_>, parameters: &Parameters) -> View<'a> {
        View::new(&clip.samples, parameters.n_frames, parameters.n_taps, self.stride)
    }

    /// Gradient of the waveform, for whoever asks: `h` is made again, and its gradient is sent through the convolution.
    fn input_gradient(
        &self,
        inputs: &[Array; 4],
        clips: &[Clip<'_>],
        sums: &[Sums],
        parameters: &Parameters,
        output_grad: &Array,
    ) -> Option<Array> {
        let [x, weight, gamma, _] = inputs;
        let convolution = Conv1d { stride: self.stride, precision: self.precision, gelu: false };
        let plain = [x.clone(), weight.clone()];
        let mut grads = convolution.forward(&plain).values().to_vec();
        let (n_frames, n_outputs) = (parameters.n_frames, parameters.n_outputs);
        for (index, (h, &dy)) in grads.iter_mut().zip(output_grad.values()).enumerate() {
            let (clip, o) = (&clips[index / (n_frames * n_outputs)], index % n_outputs);
            let sums = &sums[index / (n_frames * n_outputs)];
            let dp = f64::from(dy * gelu::slope(*h * clip.scale[o] + clip.shift[o]));
            let normal = (f64::from(*h) - clip.mean[o]) * clip.rate[o];
            let n = n_frames as f64;
            let rest = dp - sums.plain[o] / n - normal * sums.normal(o, clip, parameters) / n;
            *h = (rest * clip.rate[o] * f64::from(gamma.values()[o])) as f32;
        }
        let grads = Array::new(grads, output_grad.shape());
        let [x_grad, _] = convolution.gradients(&plain, &grads, [true, false]);
        x_grad
    }

    /// One pass over the output gradient of a clip.
    fn sums(&self, clip: &Clip<'_>, parameters: &Parameters, panels: &Panels<'_>, grads: &[f32]) -> Sums {
        let (n_taps, n_outputs) = (parameters.n_taps, parameters.n_outputs);
        let windows = self.windows(clip, parameters);
        let partial: Vec<(Vec<f32>, Vec<f32>)> = grads
            .par_chunks(BLOCK_FRAMES * n_outputs)
            .enumerate()
            .map(|(block, grads)| {
                let n_rows = grads.len() / n_outputs;
                let windows = windows.some_rows(block * BLOCK_FRAMES, n_rows);
                let mut inner = vec![0.0; grads.len()];
                Product::with_panels(windows, panels).write(Target::new(&mut inner, n_outputs));
                let mut plain = vec![0.0f32; n_outputs];
                vectorised(
                    #[inline(always)]
                    || {
                        for (h, dy) in inner.chunks_exact_mut(n_outputs).zip(grads.chunks_exact(n_outputs)) {
                            for o in 0..n_outputs {
                                h[o] = dy[o] * gelu::slope(h[o] * clip.scale[o] + clip.shift[o]);
                                plain[o] += h[o];
                            }
                        }
                    },
                );
                let mut with_samples = vec![0.0; n_outputs * n_taps];
                let inner = View::dense(&inner, n_rows, n_outputs).transposed();
                Product::new(inner, windows).write(Target::new(&mut with_samples, n_taps));
                (plain, with_samples)
            })
            .collect();
        let mut sums = Sums { plain: vec![0.0; n_outputs], with_samples: vec![0.0; n_outputs * n_taps] };
        for (plain, with_samples) in &partial {
            sums.plain.iter_mut().zip(plain).for_each(|(sum, &x)| *sum += f64::from(x));
            sums.with_samples.iter_mut().zip(with_samples).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        sums
    }
}

/// Sums over the frames of a clip, for every output.
struct Sums {
    /// `S[o] = Σ dp`.
    plain: Vec<f64>,
    /// `G[o,k] = Σ dp · x[s·t + k]`.
    with_samples: Vec<f64>,
}

impl Sums {
    /// `Q[o] = Σ dp · n`.
    fn normal(&self, o: usize, clip: &Clip<'_>, parameters: &Parameters) -> f64 {
        let taps = o * parameters.n_taps..(o + 1) * parameters.n_taps;
        let products = parameters.weights[taps.clone()].iter().zip(&self.with_samples[taps]);
        let with_h: f64 = products.map(|(&w, g)| f64::from(w) * g).sum();
        clip.rate[o] * (with_h - clip.mean[o] * self.plain[o])
    }
}

impl CpuOperation<4> for FirstBlock {
    fn forward(&self, inputs: &[Array; 4]) -> Array {
        let parameters = self.parameters(inputs);
        let (moments, n_outputs) = (self.moments(inputs), parameters.n_outputs);
        let clips = self.clips(inputs, &parameters, &moments);
        let right = View::dense(&parameters.weights, n_outputs, parameters.n_taps).transposed();
        let panels = Panels::new(right, Precision::Float32);
        let clip_size = parameters.n_frames * n_outputs;
        let mut output = unset(clips.len() * clip_size);
        for (clip, values) in clips.iter().zip(output.chunks_exact_mut(clip_size)) {
            Product::with_panels(self.windows(clip, &parameters), &panels).on(Threads::All).write_then(
                Target::new(values, n_outputs),
                |_, first, values| {
                    let (scale, shift) =
                        (&clip.scale[first..][..values.len()], &clip.shift[first..][..values.len()]);
                    vectorised(
                        #[inline(always)]
                        || {
                            for ((value, &scale), &shift) in values.iter_mut().zip(scale).zip(shift) {
                                *value = *value * scale + shift;
                            }
                            gelu::all(values);
                        },
                    );
                },
            );
        }
        Array::new(output, &[clips.len(), parameters.n_frames, n_outputs])
    }

    fn backward(&self, inputs: &[Array; 4], output_grad: &Array, wanted: [bool; 4]) -> [Option<Array>; 4] {
        let parameters = self.parameters(inputs);
        let (n_taps, n_outputs) = (parameters.n_taps, parameters.n_outputs);
        let moments = self.moments(inputs);
        let clips = self.clips(inputs, &parameters, &moments);
        let right = View::dense(&parameters.weights, n_outputs, n_taps).transposed();
        let panels = Panels::new(right, Precision::Float32);
        let grads = output_grad.values().chunks_exact(parameters.n_frames * n_outputs);
        let sums: Vec<Sums> = clips
            .iter()
            .zip(grads)
            .map(|(clip, grads)| self.sums(clip, &parameters, &panels, grads))
            .collect();

        let gamma = inputs[2].values();
        let (mut weight_grad, mut gamma_grad, mut beta_grad) =
            (vec![0.0; n_outputs * n_taps], vec![0.0; n_outputs], vec![0.0; n_outputs]);
        for (clip, sums) in clips.iter().zip(&sums) {
            for o in 0..n_outputs {
                let (plain, normal) = (sums.plain[o], sums.normal(o, clip, &parameters));
                beta_grad[o] += plain;
                gamma_grad[o] += normal;
                let weights = &parameters.weights[o * n_taps..][..n_taps];
                for k in 0..n_taps {
                    let line = &clip.moments.products[k * n_taps..][..n_taps];
                    let with_h: f64 = weights.iter().zip(line).map(|(&w, r)| f64::from(w) * r).sum();
                    let mean = clip.moments.means[k];
                    let with_normal = clip.rate[o] * (with_h - clip.mean[o] * mean);
                    let rest = sums.with_samples[o * n_taps + k] - plain * mean - normal * with_normal;
                    weight_grad[o * n_taps + k] += clip.rate[o] * f64::from(gamma[o]) * rest;
                }
            }
        }
        let x_grad = if wanted[0] {
            self.input_gradient(inputs, &clips, &sums, &parameters, output_grad)
        } else {
            None
        };
        let array = |values: Vec<f64>, like: &Array| {
            Some(Array::new(values.into_iter().map(|x| x as f32).collect(), like.shape()))
        };
        [x_grad, array(weight_grad, &inputs[1]), array(gamma_grad, &inputs[2]), array(beta_grad, &inputs[3])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{compare, differentiate, each_precision, random};

    fn settings(stride: usize, precision: Precision) -> FirstBlock {
        FirstBlock { stride, epsilon: 1e-5, precision, moments: None }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let inputs = [random(&[2, 31, 1], 1), random(&[3, 1, 4], 2), random(&[3], 3), random(&[3], 4)];
        differentiate(&settings(3, Precision::Float32), inputs);
    }

    #[test]
    fn equals_the_three_operations() {
        each_precision(|precision, tolerance| {
            let inputs = [
                random(&[2, 4000, 1], 1),
                random(&[40, 1, 10], 2),
                random(&[1, 1, 40], 3),
                random(&[1, 1, 40], 4),
            ];
            compare(
                inputs,
                move |[x, w, gamma, beta]: [Tensor<3>; 4]| {
                    first_block(x, w, gamma.reshape([40]), beta.reshape([40]), settings(5, precision))
                },
                move |[x, w, gamma, beta]| {
                    let h = conv1d(x, w, 5, precision);
                    gelu::gelu(channel_norm::channel_norm(h, gamma.reshape([40]), beta.reshape([40]), 1e-5))
                },
                // Sums over 800 frames; the three operations round between them.
                30.0 * tolerance,
            );
        });
    }

    #[test]
    fn a_part_of_a_clip_is_normalised_like_the_whole() {
        let inputs = [random(&[2, 300, 1], 1), random(&[5, 1, 4], 2), random(&[5], 3), random(&[5], 4)];
        let whole = settings(2, Precision::Float32);
        let expected = whole.forward(&inputs);
        let moments = Moments::of(inputs[0].tensor(), &inputs[1].tensor(), &whole);
        let part: Vec<f32> =
            inputs[0].values().chunks(300).flat_map(|clip| clip[100..200].to_vec()).collect();
        let [_, weight, gamma, beta] = inputs;
        let found =
            FirstBlock { moments, ..whole }.forward(&[Array::new(part, &[2, 100, 1]), weight, gamma, beta]);
        let [_, n_frames, _] = found.dims();
        for (found, expected) in found.values().chunks(n_frames * 5).zip(expected.values().chunks(149 * 5)) {
            let expected = &expected[50 * 5..][..n_frames * 5];
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}
