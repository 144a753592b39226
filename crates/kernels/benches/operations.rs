//! Each operation alone, forward, at the sizes of MERT-95M: `cargo bench -p culturemert-kernels`, on `$CULTUREMERT_BENCH_DEVICE` where it names a card
//! (with the feature of its interface).
//!
//! Products report multiplications and additions as items a second, to be held against `product` at 2048³; the others report bytes read
//! and written.

extern crate culturemert_kernels as kernels;

use burn::Tensor;
use burn::tensor::{Device, Distribution};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use kernels::device::DeviceChoice;
use kernels::{Attention, DropoutKey, FirstBlock, Precision, ResidualNorm};
use simd::matrix::{Product, Target, Threads, View};

/// Those that the device computes in.
fn precisions() -> impl Iterator<Item = Precision> {
    let all = [Precision::Float32, Precision::Bfloat16, Precision::Float16];
    all.into_iter().filter(|&precision| kernels::computes_in(&device(), precision))
}

/// Frames of 30 s.
const FRAMES: usize = 2249;
const WIDTH: usize = 768;

fn main() {
    divan::main();
}

/// What computes.
fn device() -> Device {
    let name = std::env::var("CULTUREMERT_BENCH_DEVICE");
    let choice = name.map_or(DeviceChoice::Cpu, |name| name.parse().expect("the name of a device"));
    choice.find().expect("a device that is here")
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device())
}

/// The output once it is there: a card is only asked for it before.
fn computed(output: Tensor<3>) -> Tensor<3> {
    output.device().sync().expect("what was asked of the device is computed");
    output
}

#[divan::bench(args = precisions())]
fn product(bencher: Bencher<'_, '_>, precision: Precision) {
    const N: usize = 2048;
    let (left, right, mut out) = (vec![0.5f32; N * N], vec![0.25f32; N * N], vec![0.0f32; N * N]);
    bencher.counter(ItemsCount::new(2_usize * N * N * N)).bench_local(|| {
        let product = Product::new(View::dense(&left, N, N), View::dense(&right, N, N));
        product.with(precision).on(Threads::All).write(Target::new(&mut out, N));
    });
}

#[divan::bench(args = precisions())]
fn linear_gelu(bencher: Bencher<'_, '_>, precision: Precision) {
    let (x, weight, bias) = (random([1, FRAMES, WIDTH]), random([4 * WIDTH, WIDTH]), random([4 * WIDTH]));
    bencher
        .counter(ItemsCount::new(2_usize * FRAMES * WIDTH * 4 * WIDTH))
        .bench(|| computed(kernels::linear_gelu(x.clone(), weight.clone(), bias.clone(), precision)));
}

#[divan::bench(args = precisions())]
fn conv1d_gelu(bencher: Bencher<'_, '_>, precision: Precision) {
    let (x, weight) = (random([1, 24_000, 512]), random([512, 512, 3]));
    bencher
        .counter(ItemsCount::new(2_usize * 11_999 * 512 * 512 * 3))
        .bench(|| computed(kernels::conv1d_gelu(x.clone(), weight.clone(), 2, precision)));
}

#[divan::bench(args = precisions())]
fn grouped_conv1d(bencher: Bencher<'_, '_>, precision: Precision) {
    let (x, weight) = (random([1, FRAMES, WIDTH]), random([WIDTH, WIDTH / 16, 128]));
    bencher
        .counter(ItemsCount::new(2_usize * (FRAMES + 1) * WIDTH * WIDTH / 16 * 128))
        .bench(|| computed(kernels::grouped_conv1d(x.clone(), weight.clone(), 64, 16, precision)));
}

#[divan::bench(args = precisions())]
fn attention(bencher: Bencher<'_, '_>, precision: Precision) {
    let inputs = [(); 3].map(|()| random([1, FRAMES, WIDTH]));
    let settings = Attention { n_heads: 12, scale: 0.125, n_valid: None, dropout: None, precision };
    bencher.counter(ItemsCount::new(4 * FRAMES * FRAMES * WIDTH)).bench(|| {
        let [query, key, value] = inputs.clone();
        computed(kernels::attention(query, key, value, settings.clone()))
    });
}

#[divan::bench]
fn first_block(bencher: Bencher<'_, '_>) {
    let (x, weight, gamma, beta) =
        (random([1, 240_000, 1]), random([512, 1, 10]), random([512]), random([512]));
    let settings = FirstBlock { stride: 5, epsilon: 1e-5, precision: Precision::Float32, moments: None };
    bencher.counter(BytesCount::new(4usize * 47_999 * 512)).bench(|| {
        let (weight, gamma, beta) = (weight.clone(), gamma.clone(), beta.clone());
        computed(kernels::first_block(x.clone(), weight, gamma, beta, settings.clone()))
    });
}

#[divan::bench(args = [0.0, 0.1])]
fn residual_norm(bencher: Bencher<'_, '_>, dropped: f64) {
    let (x, y, gamma, beta) =
        (random([1, FRAMES, WIDTH]), random([1, FRAMES, WIDTH]), random([WIDTH]), random([WIDTH]));
    let dropout = (dropped > 0.0).then(|| DropoutKey::new(1, &[], dropped));
    bencher.counter(BytesCount::new(12 * FRAMES * WIDTH)).bench(|| {
        let settings = ResidualNorm { alpha: 1.0, dropout, epsilon: 1e-5 };
        computed(kernels::residual_norm(x.clone(), y.clone(), gamma.clone(), beta.clone(), settings))
    });
}
