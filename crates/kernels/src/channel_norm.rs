//! `y[b,t,c] = γ[c] · (x[b,t,c] − mean[b,c]) / √(var[b,c] + ε) + β[c]`, statistics over time for every clip and channel.
//!
//! This is group normalisation with one channel a group (Wu and He 2018), as wav2vec 2.0's first convolution has it; population variance,
//! padding included. Sums run in float64: a 30 s clip has 144 000 frames here.

use burn::Tensor;
use rayon::prelude::*;

use crate::memory::unset;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::parallel::rows;

/// Normalises every channel of `x [B, T, C]` over time, with scale `gamma [C]` and shift `beta [C]`.
pub fn channel_norm(x: Tensor<3>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<3> {
    if on_cpu(&x) {
        return apply(ChannelNorm { epsilon: epsilon as f32 }, [x.into(), gamma.into(), beta.into()]);
    }
    let centred = x.clone() - x.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    centred / (variance + epsilon).sqrt() * gamma.unsqueeze() + beta.unsqueeze()
}

#[derive(Clone, Debug)]
struct ChannelNorm {
    epsilon: f32,
}

/// Frames summed in float32 before they enter the float64 total.
const BLOCK_FRAMES: usize = 128;

/// For each clip and each of `n_sums` columns, the sum over frames that `add` accumulates; blocks are added in order.
fn sums_over_time(
    n_clips: usize,
    n_frames: usize,
    n_sums: usize,
    add: impl Fn(usize, &mut [f32]) + Sync,
) -> Vec<Vec<f64>> {
    let n_blocks = n_frames.div_ceil(BLOCK_FRAMES);
    let partial: Vec<Vec<f32>> = (0..n_clips * n_blocks)
        .into_par_iter()
        .map(|index| {
            let (clip, block) = (index / n_blocks, index % n_blocks);
            let mut sums = vec![0.0f32; n_sums];
            simd::vectorised(
                #[inline(always)]
                || {
                    for frame in block * BLOCK_FRAMES..n_frames.min((block + 1) * BLOCK_FRAMES) {
                        add(clip * n_frames + frame, &mut sums);
                    }
                },
            );
            sums
        })
        .collect();
    partial
        .chunks(n_blocks)
        .map(|blocks| {
            let mut totals = vec![0.0f64; n_sums];
            for sums in blocks {
                for (total, &sum) in totals.iter_mut().zip(sums) {
                    *total += f64::from(sum);
                }
            }
            totals
        })
        .collect()
}

/// Mean and reciprocal deviation of every channel of a clip.
struct Statistics {
    mean: Vec<f32>,
    rate: Vec<f32>,
}

impl ChannelNorm {
    fn statistics(&self, x: &Array) -> Vec<Statistics> {
        let [n_clips, n_frames, n_channels] = x.dims();
        let input = x.values();
        let n = n_frames as f64;
        let means: Vec<Vec<f32>> = sums_over_time(
            n_clips,
            n_frames,
            n_channels,
            #[inline(always)]
            |row, sums| {
                for (sum, &x) in sums.iter_mut().zip(&input[row * n_channels..][..n_channels]) {
                    *sum += x;
                }
            },
        )
        .into_iter()
        .map(|sums| sums.into_iter().map(|sum| (sum / n) as f32).collect())
        .collect();
        let squares = sums_over_time(
            n_clips,
            n_frames,
            n_channels,
            #[inline(always)]
            |row, sums| {
                let mean = &means[row / n_frames][..n_channels];
                let source = &input[row * n_channels..][..n_channels];
                for ((sum, &x), &mean) in sums.iter_mut().zip(source).zip(mean) {
                    *sum += (x - mean) * (x - mean);
                }
            },
        );
        means
            .iter()
            .zip(squares)
            .map(|(mean, squares)| Statistics {
                mean: mean.clone(),
                rate: squares
                    .into_iter()
                    .map(|sum| (1.0 / (sum / n + f64::from(self.epsilon)).sqrt()) as f32)
                    .collect(),
            })
            .collect()
    }
}

impl CpuOperation<3> for ChannelNorm {
    fn forward(&self, [x, gamma, beta]: &[Array; 3]) -> Array {
        let [_, n_frames, n_channels] = x.dims();
        let statistics = self.statistics(x);
        let (input, gamma, beta) = (x.values(), gamma.values(), beta.values());
        let mut output = unset(input.len());
        rows(
            &mut output,
            n_channels,
            #[inline(always)]
            |row, values| {
                let clip = &statistics[row / n_frames];
                let source = &input[row * n_channels..][..n_channels];
                let (mean, rate) = (&clip.mean[..n_channels], &clip.rate[..n_channels]);
                for c in 0..values.len() {
                    values[c] = (source[c] - mean[c]) * rate[c] * gamma[c] + beta[c];
                }
            },
        );
        Array::new(output, x.shape())
    }

    fn backward(
        &self,
        [x, gamma, _]: &[Array; 3],
        output_grad: &Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let [n_clips, n_frames, n_channels] = x.dims();
        let statistics = self.statistics(x);
        let (input, scale, grads) = (x.values(), gamma.values(), output_grad.values());
        // Per clip: the sums over time of dy and of dy · x̂.
        let sums = sums_over_time(
            n_clips,
            n_frames,
            2 * n_channels,
            #[inline(always)]
            |row, sums| {
                let clip = &statistics[row / n_frames];
                let (source, grad) =
                    (&input[row * n_channels..][..n_channels], &grads[row * n_channels..][..n_channels]);
                let (plain, product) = sums.split_at_mut(n_channels);
                for c in 0..n_channels {
                    plain[c] += grad[c];
                    product[c] += grad[c] * (source[c] - clip.mean[c]) * clip.rate[c];
                }
            },
        );
        let total = |offset: usize| {
            let values = (0..n_channels)
                .map(|c| sums.iter().map(|clip| clip[offset + c]).sum::<f64>() as f32)
                .collect();
            Array::new(values, &[n_channels])
        };
        let x_grad = wanted[0].then(|| {
            let means: Vec<Vec<f32>> = sums
                .iter()
                .map(|clip| clip.iter().map(|sum| (sum / n_frames as f64) as f32).collect())
                .collect();
            let mut output = unset(input.len());
            rows(
                &mut output,
                n_channels,
                #[inline(always)]
                |row, values| {
                    let (clip, means) = (&statistics[row / n_frames], &means[row / n_frames]);
                    let (source, grad) =
                        (&input[row * n_channels..][..n_channels], &grads[row * n_channels..][..n_channels]);
                    let (mean_grad, mean_product) = means.split_at(n_channels);
                    for c in 0..values.len() {
                        let normal = (source[c] - clip.mean[c]) * clip.rate[c];
                        values[c] =
                            (grad[c] - mean_grad[c] - normal * mean_product[c]) * clip.rate[c] * scale[c];
                    }
                },
            );
            Array::new(output, x.shape())
        });
        [x_grad, wanted[1].then(|| total(n_channels)), wanted[2].then(|| total(0))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{differentiate, random};

    #[test]
    fn gradients_equal_finite_differences() {
        differentiate(
            &ChannelNorm { epsilon: 1e-5 },
            [random(&[2, 7, 3], 1), random(&[3], 2), random(&[3], 3)],
        );
    }

    #[test]
    fn clips_are_normalised_on_their_own() {
        let long = random(&[2, 300, 4], 5);
        let ones = [Array::new(vec![1.0; 4], &[4]), Array::new(vec![0.0; 4], &[4])];
        let norm = ChannelNorm { epsilon: 1e-5 };
        let both = norm.forward(&[long.clone(), ones[0].clone(), ones[1].clone()]);
        let second = Array::new(long.values()[1200..].to_vec(), &[1, 300, 4]);
        let alone = norm.forward(&[second, ones[0].clone(), ones[1].clone()]);
        assert_eq!(&both.values()[1200..], alone.values());
    }
}
