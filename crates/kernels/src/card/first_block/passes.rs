//! The passes over the frames; a unit an output channel and a block of frames.

#![allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "an array of a kernel is a handle here and numbers on the card"
)]

use cubecl::prelude::*;

use crate::card::gelu::{slope, value};

/// Where a unit works: its clip, its output channel, and its frames from `first` to `end`.
#[derive(CubeType)]
struct Place {
    clip: usize,
    channel: usize,
    first: usize,
    end: usize,
}

#[cube]
fn place(n_frames: usize, #[comptime] block_frames: usize) -> Place {
    let first = CUBE_POS_Y as usize * block_frames;
    let mut end = first + block_frames;
    if end > n_frames {
        end = n_frames;
    }
    let channel = CUBE_POS_X as usize * CUBE_DIM as usize + UNIT_POS as usize;
    Place { clip: CUBE_POS_Z as usize, channel, first, end }
}

#[cube]
fn n_frames(x: &Tensor<f32>, stride: u32, #[comptime] n_taps: usize) -> usize {
    (x.shape(1) - n_taps) / stride as usize + 1
}

/// The taps of a channel.
#[cube]
fn taps(weight: &Tensor<f32>, channel: usize, #[comptime] n_taps: usize) -> Array<f32> {
    let mut taps = Array::<f32>::new(n_taps);
    #[unroll]
    for k in 0..n_taps {
        taps[k] = weight[channel * n_taps + k];
    }
    taps
}

/// `h` where the samples under the taps begin at `start`.
#[cube]
fn convolved(x: &Tensor<f32>, start: usize, taps: &Array<f32>, #[comptime] n_taps: usize) -> f32 {
    let mut h = 0.0f32;
    #[unroll]
    for k in 0..n_taps {
        h += taps[k] * x[start + k];
    }
    h
}

#[cube(launch)]
pub(super) fn sums_kernel(
    x: &Tensor<f32>,
    weight: &Tensor<f32>,
    means: &Tensor<f32>,
    partial: &mut Tensor<f32>,
    stride: u32,
    #[comptime] n_taps: usize,
    #[comptime] block_frames: usize,
    #[comptime] of_squares: bool,
) {
    let n_outputs = weight.shape(0);
    let at = place(n_frames(x, stride, n_taps), block_frames);
    if at.channel < n_outputs {
        let taps = taps(weight, at.channel, n_taps);
        let mean = means[at.clip * n_outputs + at.channel];
        let mut sum = 0.0f32;
        let mut frame = at.first;
        while frame < at.end {
            let h = convolved(x, at.clip * x.shape(1) + frame * stride as usize, &taps, n_taps);
            if comptime!(of_squares) {
                sum += (h - mean) * (h - mean);
            } else {
                sum += h;
            }
            frame += 1;
        }
        let row = at.clip * partial.shape(1) + CUBE_POS_Y as usize;
        partial[row * n_outputs + at.channel] = sum;
    }
}

#[cube(launch)]
pub(super) fn output_kernel(
    x: &Tensor<f32>,
    weight: &Tensor<f32>,
    moments: &Tensor<f32>,
    parameters: &Tensor<f32>,
    output: &mut Tensor<f32>,
    stride: u32,
    #[comptime] n_taps: usize,
    #[comptime] block_frames: usize,
) {
    let n_outputs = weight.shape(0);
    let at = place(n_frames(x, stride, n_taps), block_frames);
    if at.channel < n_outputs {
        let taps = taps(weight, at.channel, n_taps);
        let of_clip = at.clip * n_outputs + at.channel;
        let mean = moments[of_clip];
        let scale = moments[x.shape(0) * n_outputs + of_clip] * parameters[at.channel];
        let shift = parameters[n_outputs + at.channel];
        let mut frame = at.first;
        while frame < at.end {
            let h = convolved(x, at.clip * x.shape(1) + frame * stride as usize, &taps, n_taps);
            let index = (at.clip * output.shape(1) + frame) * n_outputs + at.channel;
            output[index] = value((h - mean) * scale + shift);
            frame += 1;
        }
    }
}

/// What a unit knows of its clip's channel in the backward pass.
#[derive(CubeType)]
struct Channel {
    mean: f32,
    rate: f32,
    gamma: f32,
    beta: f32,
}

#[cube]
fn channel(moments: &Tensor<f32>, parameters: &Tensor<f32>, at: &Place) -> Channel {
    let n_outputs = parameters.shape(1);
    let of_clip = at.clip * n_outputs + at.channel;
    Channel {
        mean: moments[of_clip],
        rate: moments[moments.shape(1) * n_outputs + of_clip],
        gamma: parameters[at.channel],
        beta: parameters[n_outputs + at.channel],
    }
}

#[cube(launch)]
pub(super) fn gradient_sums_kernel(
    x: &Tensor<f32>,
    weight: &Tensor<f32>,
    moments: &Tensor<f32>,
    parameters: &Tensor<f32>,
    output_grad: &Tensor<f32>,
    partial: &mut Tensor<f32>,
    stride: u32,
    #[comptime] n_taps: usize,
    #[comptime] block_frames: usize,
) {
    let n_outputs = weight.shape(0);
    let at = place(n_frames(x, stride, n_taps), block_frames);
    if at.channel < n_outputs {
        let taps = taps(weight, at.channel, n_taps);
        let of = channel(moments, parameters, &at);
        let mut plain = 0.0f32;
        let mut product = 0.0f32;
        let mut frame = at.first;
        while frame < at.end {
            let h = convolved(x, at.clip * x.shape(1) + frame * stride as usize, &taps, n_taps);
            let normal = (h - of.mean) * of.rate;
            let grad = output_grad[(at.clip * output_grad.shape(1) + frame) * n_outputs + at.channel];
            let grad = grad * slope(of.gamma * normal + of.beta);
            plain += grad;
            product += grad * normal;
            frame += 1;
        }
        let row = at.clip * partial.shape(1) + CUBE_POS_Y as usize;
        partial[row * 2 * n_outputs + at.channel] = plain;
        partial[(row * 2 + 1) * n_outputs + at.channel] = product;
    }
}

/// `dh` of a frame; `means` are those over time of `dp` and of `dp n`, `[2, B, O]`.
#[cube]
fn convolved_gradient(h: f32, output_grad: f32, means: &Tensor<f32>, at: &Place, of: &Channel) -> f32 {
    let n_outputs = means.shape(2);
    let of_clip = at.clip * n_outputs + at.channel;
    let normal = (h - of.mean) * of.rate;
    let grad = output_grad * slope(of.gamma * normal + of.beta);
    of.rate * of.gamma * (grad - means[of_clip] - normal * means[means.shape(1) * n_outputs + of_clip])
}

#[cube(launch)]
pub(super) fn convolved_gradient_kernel(
    x: &Tensor<f32>,
    weight: &Tensor<f32>,
    moments: &Tensor<f32>,
    parameters: &Tensor<f32>,
    means: &Tensor<f32>,
    output_grad: &Tensor<f32>,
    grads: &mut Tensor<f32>,
    stride: u32,
    #[comptime] n_taps: usize,
    #[comptime] block_frames: usize,
) {
    let n_outputs = weight.shape(0);
    let at = place(n_frames(x, stride, n_taps), block_frames);
    if at.channel < n_outputs {
        let taps = taps(weight, at.channel, n_taps);
        let of = channel(moments, parameters, &at);
        let mut frame = at.first;
        while frame < at.end {
            let h = convolved(x, at.clip * x.shape(1) + frame * stride as usize, &taps, n_taps);
            let index = (at.clip * output_grad.shape(1) + frame) * n_outputs + at.channel;
            grads[index] = convolved_gradient(h, output_grad[index], means, &at, &of);
            frame += 1;
        }
    }
}

#[cube(launch)]
pub(super) fn weight_gradient_kernel(
    x: &Tensor<f32>,
    weight: &Tensor<f32>,
    moments: &Tensor<f32>,
    parameters: &Tensor<f32>,
    means: &Tensor<f32>,
    output_grad: &Tensor<f32>,
    partial: &mut Tensor<f32>,
    stride: u32,
    #[comptime] n_taps: usize,
    #[comptime] block_frames: usize,
) {
    let n_outputs = weight.shape(0);
    let at = place(n_frames(x, stride, n_taps), block_frames);
    if at.channel < n_outputs {
        let taps = taps(weight, at.channel, n_taps);
        let of = channel(moments, parameters, &at);
        let mut sums = Array::<f32>::new(n_taps);
        #[unroll]
        for k in 0..n_taps {
            sums[k] = 0.0f32;
        }
        let mut frame = at.first;
        while frame < at.end {
            let start = at.clip * x.shape(1) + frame * stride as usize;
            let h = convolved(x, start, &taps, n_taps);
            let index = (at.clip * output_grad.shape(1) + frame) * n_outputs + at.channel;
            let of_h = convolved_gradient(h, output_grad[index], means, &at, &of);
            #[unroll]
            for k in 0..n_taps {
                sums[k] += of_h * x[start + k];
            }
            frame += 1;
        }
        let row = at.clip * (partial.shape(0) / x.shape(0)) + CUBE_POS_Y as usize;
        #[unroll]
        for k in 0..n_taps {
            partial[(row * n_outputs + at.channel) * n_taps + k] = sums[k];
        }
    }
}
