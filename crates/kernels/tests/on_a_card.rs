//! Every operation on a card against its hand-written form on the processor: outputs and gradients, dropout by the same draws.
//!
//! Runs where `$CULTUREMERT_TEST_DEVICE` names a card, and otherwise says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot compute fails")]

extern crate culturemert_kernels as kernels;

use burn::Tensor;
use burn::tensor::{Device, TensorData};
use draws::Draws;
use kernels::device::DeviceChoice;
use kernels::{Attention, DropoutKey, FirstBlock, Precision, ResidualNorm};

/// Largest difference, relative to the largest value: sums of a few hundred terms of size one in float32, in two orders.
const TOLERANCE: f32 = 5e-6;

/// Inputs of an operation, each with its shape.
struct Case {
    name: &'static str,
    shapes: &'static [&'static [usize]],
    run: fn(Inputs) -> Tensor<1>,
}

/// Tensors of one operation, taken in order.
struct Inputs(std::vec::IntoIter<Tensor<1>>, std::slice::Iter<'static, &'static [usize]>);

impl Inputs {
    fn next<const D: usize>(&mut self) -> Tensor<D> {
        let shape: [usize; D] = (*self.1.next().unwrap()).try_into().unwrap();
        self.0.next().unwrap().reshape(shape)
    }
}

const F32: Precision = Precision::Float32;

fn flat<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let n = x.dims().iter().product::<usize>();
    x.reshape([n])
}

fn dropout_key(purpose: u64) -> DropoutKey {
    DropoutKey::new(7, &[purpose], 0.3)
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "linear with GELU",
            shapes: &[&[2, 5, 7], &[6, 7], &[6]],
            run: |mut i| flat(kernels::linear_gelu(i.next(), i.next(), i.next(), F32)),
        },
        Case {
            name: "convolution with GELU",
            shapes: &[&[2, 23, 4], &[6, 4, 3]],
            run: |mut i| flat(kernels::conv1d_gelu(i.next(), i.next(), 2, F32)),
        },
        Case {
            name: "grouped convolution",
            shapes: &[&[2, 11, 6], &[6, 3, 4]],
            run: |mut i| flat(kernels::grouped_conv1d(i.next(), i.next(), 2, 2, F32)),
        },
        Case {
            name: "first block",
            shapes: &[&[2, 95, 1], &[6, 1, 10], &[6], &[6]],
            run: |mut i| {
                let settings = FirstBlock { stride: 5, epsilon: 1e-5, precision: F32, moments: None };
                flat(kernels::first_block(i.next(), i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "channel norm",
            shapes: &[&[2, 9, 5], &[5], &[5]],
            run: |mut i| flat(kernels::channel_norm(i.next(), i.next(), i.next(), 1e-5)),
        },
        Case {
            name: "layer norm",
            shapes: &[&[2, 9, 5], &[5], &[5]],
            run: |mut i| flat(kernels::layer_norm(i.next(), i.next(), i.next(), 1e-5)),
        },
        Case {
            name: "weight norm",
            shapes: &[&[1, 1, 4], &[6, 3, 4]],
            run: |mut i| flat(kernels::weight_norm(i.next(), i.next())),
        },
        Case {
            name: "attention with padding and dropout",
            shapes: &[&[2, 9, 8], &[2, 9, 8], &[2, 9, 8]],
            run: |mut i| {
                let settings = Attention {
                    n_heads: 2,
                    scale: 0.5,
                    n_valid: Some(vec![9, 6]),
                    dropout: Some(dropout_key(1)),
                    precision: F32,
                };
                flat(kernels::attention(i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "dropout",
            shapes: &[&[2, 9, 5]],
            run: |mut i| flat(kernels::dropout(i.next(), dropout_key(2))),
        },
        Case {
            name: "residual norm with dropout",
            shapes: &[&[2, 9, 5], &[2, 9, 5], &[5], &[5]],
            run: |mut i| {
                let settings = ResidualNorm { alpha: 1.5, epsilon: 1e-5, dropout: Some(dropout_key(3)) };
                flat(kernels::residual_norm(i.next(), i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "frames picked",
            shapes: &[&[2, 9, 5]],
            run: |mut i| flat(kernels::gather_frames(i.next(), &[17, 0, 4])),
        },
        Case { name: "GELU", shapes: &[&[2, 9, 5]], run: |mut i| flat(kernels::gelu(i.next::<3>())) },
        Case { name: "mean square", shapes: &[&[2, 9, 5]], run: |mut i| kernels::mean_square(i.next::<3>()) },
        Case {
            name: "gradient scale",
            shapes: &[&[2, 9, 5]],
            run: |mut i| flat(kernels::scale_gradient(i.next::<3>(), 0.1)),
        },
        Case {
            name: "code loss",
            shapes: &[&[1, 6, 10], &[14, 5]],
            run: |mut i| {
                let targets = [0, 6, 3, 2, 1, 1, 5, 5, 4, 0, 2, 6];
                kernels::code_loss(i.next(), i.next(), &targets, 2, 0.1, F32).sums
            },
        },
    ]
}

/// The output and the gradient of every input, of `Σ output · weight` with drawn weights.
fn computed(case: &Case, device: &Device) -> Vec<Vec<f32>> {
    let mut draws = Draws::new(3, case.name, &[]);
    let mut random = |n: usize| {
        let values: Vec<f32> = (0..n).map(|_| draws.normal() as f32).collect();
        Tensor::<1>::from_data(TensorData::new(values, [n]), device)
    };
    let inputs: Vec<Tensor<1>> =
        case.shapes.iter().map(|shape| random(shape.iter().product()).require_grad()).collect();
    let output = (case.run)(Inputs(inputs.clone().into_iter(), case.shapes.iter()));
    let weights = random(output.dims()[0]);
    let gradients = (output.clone() * weights).sum().backward();
    let host = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>().unwrap();
    let of_inputs = inputs.iter().map(|input| host(input.grad(&gradients).unwrap()));
    std::iter::once(host(output.inner())).chain(of_inputs).collect()
}

#[test]
fn every_operation_computes_on_the_card_what_it_computes_on_the_processor() {
    let Ok(name) = std::env::var("CULTUREMERT_TEST_DEVICE") else {
        eprintln!("$CULTUREMERT_TEST_DEVICE names no card: nothing compared");
        return;
    };
    let card = name.parse::<DeviceChoice>().unwrap().find().unwrap().autodiff();
    let processor = Device::flex().autodiff();
    let mut wrong = Vec::new();
    for case in cases() {
        let pairs = computed(&case, &processor).into_iter().zip(computed(&case, &card));
        for (which, (expected, found)) in pairs.enumerate() {
            assert_eq!(expected.len(), found.len());
            let largest = expected.iter().fold(1.0f32, |most, x| most.max(x.abs()));
            let error = expected.iter().zip(&found).fold(0.0f32, |most, (a, b)| {
                let error = (a - b).abs();
                if error.is_nan() { f32::INFINITY } else { most.max(error) }
            });
            let what = if which == 0 { "output".into() } else { format!("gradient {which}") };
            eprintln!("{} on {name}, {what}: {:.1e}", case.name, error / largest);
            if error > TOLERANCE * largest {
                wrong.push(format!("{}, {what}: {error} of {largest}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
