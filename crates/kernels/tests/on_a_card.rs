//! Every operation on a card against its hand-written form on the processor: outputs and gradients, dropout by the same draws.
//!
//! Runs where `$CULTUREMERT_TEST_DEVICE` names a card, and otherwise says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot compute fails")]
#![allow(clippy::print_stderr, reason = "the test harness shows it")]

extern crate culturemert_kernels as kernels;

use burn::Tensor;
use burn::tensor::{Device, TensorData};
use draws::Draws;
use kernels::device::DeviceChoice;
use kernels::{AdamState, AdamStep, Attention, DropoutKey, FirstBlock, Precision, ResidualNorm};

/// Largest difference, relative to the largest value: sums of a few hundred terms of size one in float32, in two orders.
const TOLERANCE: f32 = 5e-6;
/// The same where operands and results are float16, whose neighbours are 1e-3 apart.
const TOLERANCE_OF_HALVES: f32 = 4e-3;

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
        Case {
            name: "code loss of more classes than units share a row",
            shapes: &[&[1, 37, 18], &[2 * 331, 9]],
            run: |mut i| {
                let targets: Vec<u32> = (0..2 * 37).map(|index| index * 41 % 331).collect();
                kernels::code_loss(i.next(), i.next(), &targets, 2, 0.1, F32).sums
            },
        },
        Case {
            name: "convolution that leaves frames out",
            shapes: &[&[2, 23, 4], &[6, 4, 2]],
            run: |mut i| flat(kernels::conv1d(i.next(), i.next(), 3, F32)),
        },
        Case {
            name: "grouped convolution of more windows than are there at a time",
            shapes: &[&[1, 4200, 64], &[64, 4, 128]],
            run: |mut i| flat(kernels::grouped_conv1d(i.next(), i.next(), 64, 16, F32)),
        },
        Case {
            name: "first block of several blocks of frames and channels",
            shapes: &[&[2, 1500, 1], &[70, 1, 10], &[70], &[70]],
            run: |mut i| {
                let settings = FirstBlock { stride: 5, epsilon: 1e-5, precision: F32, moments: None };
                flat(kernels::first_block(i.next(), i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "layer norm of more numbers than units share a row",
            shapes: &[&[2, 80, 300], &[300], &[300]],
            run: |mut i| flat(kernels::layer_norm(i.next(), i.next(), i.next(), 1e-5)),
        },
        Case {
            name: "residual norm of the same",
            shapes: &[&[2, 80, 300], &[2, 80, 300], &[300], &[300]],
            run: |mut i| {
                let settings = ResidualNorm { alpha: 1.0, epsilon: 1e-5, dropout: None };
                flat(kernels::residual_norm(i.next(), i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "attention over more keys than units share a row",
            shapes: &[&[2, 150, 8], &[2, 150, 8], &[2, 150, 8]],
            run: |mut i| {
                let settings =
                    Attention { n_heads: 2, scale: 0.5, n_valid: None, dropout: None, precision: F32 };
                flat(kernels::attention(i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "attention of more scores than are there at a time",
            shapes: &[&[1, 4200, 8], &[1, 4200, 8], &[1, 4200, 8]],
            run: |mut i| {
                let settings = Attention {
                    n_heads: 2,
                    scale: 0.5,
                    n_valid: Some(vec![4100]),
                    dropout: Some(dropout_key(5)),
                    precision: F32,
                };
                flat(kernels::attention(i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "dropout of an odd number of elements",
            shapes: &[&[1, 7, 331]],
            run: |mut i| flat(kernels::dropout(i.next(), dropout_key(4))),
        },
    ]
}

/// Those with products, computed in a half type.
fn cases_in_halves() -> Vec<Case> {
    const F16: Precision = Precision::Float16;
    vec![
        Case {
            name: "linear with GELU",
            shapes: &[&[2, 5, 70], &[6, 70], &[6]],
            run: |mut i| flat(kernels::linear_gelu(i.next(), i.next(), i.next(), F16)),
        },
        Case {
            name: "linear with gradients of weights beyond float16",
            shapes: &[&[1, 4000, 4], &[3, 4], &[3]],
            run: |mut i| flat(kernels::linear(i.next(), i.next(), i.next(), F16)) * 2000.0,
        },
        Case {
            name: "convolution with gradients of weights beyond float16",
            shapes: &[&[1, 4000, 4], &[3, 4, 2]],
            run: |mut i| flat(kernels::conv1d(i.next(), i.next(), 1, F16)) * 2000.0,
        },
        Case {
            name: "convolution with GELU",
            shapes: &[&[2, 23, 40], &[6, 40, 3]],
            run: |mut i| flat(kernels::conv1d_gelu(i.next(), i.next(), 2, F16)),
        },
        Case {
            name: "grouped convolution",
            shapes: &[&[2, 30, 6], &[6, 3, 16]],
            run: |mut i| flat(kernels::grouped_conv1d(i.next(), i.next(), 8, 2, F16)),
        },
        Case {
            name: "first block",
            shapes: &[&[2, 95, 1], &[6, 1, 10], &[6], &[6]],
            run: |mut i| {
                let settings = FirstBlock { stride: 5, epsilon: 1e-5, precision: F16, moments: None };
                flat(kernels::first_block(i.next(), i.next(), i.next(), i.next(), settings))
            },
        },
        Case {
            name: "attention with padding and dropout",
            shapes: &[&[2, 40, 16], &[2, 40, 16], &[2, 40, 16]],
            run: |mut i| {
                let settings = Attention {
                    n_heads: 2,
                    scale: 0.35,
                    n_valid: Some(vec![40, 33]),
                    dropout: Some(dropout_key(6)),
                    precision: F16,
                };
                flat(kernels::attention(i.next(), i.next(), i.next(), settings))
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

/// The device that is tested, and the processor, each with a gradient tape; none where no card is named.
fn devices() -> Option<[Device; 2]> {
    let Ok(name) = std::env::var("CULTUREMERT_TEST_DEVICE") else {
        eprintln!("$CULTUREMERT_TEST_DEVICE names no card: nothing compared");
        return None;
    };
    let card = name.parse::<DeviceChoice>().unwrap().find().unwrap();
    Some([card.autodiff(), Device::flex().autodiff()])
}

/// Classes 1 and 4 of the second codebook have one embedding, as have 0 and 2 of the first but for the sign of a zero.
#[test]
fn every_operation_leaves_out_twins_of_the_target_and_counts_what_is_found() {
    let Some(devices) = devices() else { return };
    let mut draws = Draws::new(11, "twins", &[]);
    let mut random = |n: usize| (0..n).map(|_| draws.normal() as f32).collect::<Vec<f32>>();
    let (projections, mut embeddings) = (random(12 * 6), random(2 * 5 * 3));
    embeddings.copy_within(18..21, 27);
    embeddings[0] = 0.0;
    embeddings.copy_within(0..3, 6);
    embeddings[6] = -0.0;
    let targets: Vec<u32> = (0..24).map(|index| index * 7 % 5).collect();
    let [card, processor] = devices.map(|device| {
        let tensor = |values: &[f32], shape: &[usize]| {
            Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), &device)
                .reshape([shape[0], shape[1]])
        };
        let projections = tensor(&projections, &[12, 6]).unsqueeze::<3>().require_grad();
        let embeddings = tensor(&embeddings, &[10, 3]).require_grad();
        let loss = kernels::code_loss(projections.clone(), embeddings.clone(), &targets, 2, 0.1, F32);
        let gradients = loss.sums.clone().sum().backward();
        let host = |data: TensorData| data.try_into_vec::<f32>().unwrap();
        let numbers = [
            host(loss.sums.inner().into_data()),
            host(projections.grad(&gradients).unwrap().into_data()),
            host(embeddings.grad(&gradients).unwrap().into_data()),
        ];
        (host(loss.correct.into_data()), numbers.concat())
    });
    assert_eq!(card.0, processor.0);
    assert!(card.0.iter().sum::<f32>() > 0.0, "something is found");
    for (a, b) in card.1.iter().zip(&processor.1) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn every_operation_on_windows_reads_what_overlaps() {
    let Some(devices) = devices() else { return };
    let [card, processor] = devices.map(|device| {
        let tensor = |n: usize| {
            let values: Vec<f32> = (0..n).map(|index| (index * 7 % 11) as f32).collect();
            Tensor::<1>::from_data(TensorData::new(values, [n]), &device.clone().inner())
        };
        // More than a part of a window, and more windows than are there at a time.
        [(97, 40, 3), (70_000, 2100, 2)].map(|(n, size, hop)| {
            let x = tensor(2 * n).reshape([2, n]);
            let filters = tensor(size * 2).reshape([size, 2]);
            let product = kernels::windowed_product(x, filters, hop);
            assert_eq!(product.dims(), [2, (n - size) / hop + 1, 2]);
            product.into_data().try_into_vec::<f32>().unwrap()
        })
    });
    assert_eq!(card, processor);
}

#[test]
fn every_operation_of_the_optimiser_is_that_of_the_processor() {
    let Some([card, _]) = devices() else { return };
    let step = AdamStep {
        gradient_scale: 0.25,
        first: [0.9, 0.1],
        second: [0.999, 0.001],
        decay: 1e-3,
        rate: 2e-2,
        root_scale: 1.5,
        epsilon: 1e-5,
    };
    let mut draws = Draws::new(5, "adam", &[]);
    let mut random = || (0..100_003).map(|_| draws.normal() as f32).collect::<Vec<f32>>();
    let (gradient, mut value, mut first) = (random(), random(), random());
    let mut second: Vec<f32> = random().into_iter().map(|x| x * x).collect();
    let card = card.inner();
    let tensor =
        |values: &[f32]| Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), &card);
    let mut state =
        AdamState { value: tensor(&value), first_moment: tensor(&first), second_moment: tensor(&second) };
    // Whoever else holds the weights keeps them as they are.
    let (held, before) = (state.value.clone(), value.clone());
    for _ in 0..3 {
        step.on_slices(&gradient, &mut value, &mut first, &mut second);
        state = step.on_tensors(tensor(&gradient), state);
    }
    let host = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>().unwrap();
    for (ours, theirs) in [(state.value, value), (state.first_moment, first), (state.second_moment, second)] {
        for (a, b) in host(ours).iter().zip(&theirs) {
            assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{a} {b}");
        }
    }
    assert_eq!(host(held), before);
}

#[test]
fn every_operation_computes_on_the_card_what_it_computes_on_the_processor() {
    let Some(devices) = devices() else { return };
    compare(&cases(), &devices, TOLERANCE);
}

/// Both round operands and results; what one of them adds up in between may be a rounding of the half type away.
#[test]
fn every_operation_in_float16_is_that_of_the_processor() {
    let Some(devices) = devices() else { return };
    if !kernels::computes_in(&devices[0], Precision::Float16) {
        eprintln!("this card has no float16: nothing compared");
        return;
    }
    compare(&cases_in_halves(), &devices, TOLERANCE_OF_HALVES);
}

fn compare(cases: &[Case], [card, processor]: &[Device; 2], tolerance: f32) {
    let mut wrong = Vec::new();
    for case in cases {
        let pairs = computed(case, processor).into_iter().zip(computed(case, card));
        for (which, (expected, found)) in pairs.enumerate() {
            assert_eq!(expected.len(), found.len());
            let largest = expected.iter().fold(1.0f32, |most, x| most.max(x.abs()));
            let error = expected.iter().zip(&found).fold(0.0f32, |most, (a, b)| {
                let error = (a - b).abs();
                if error.is_nan() { f32::INFINITY } else { most.max(error) }
            });
            let what = if which == 0 { "output".into() } else { format!("gradient {which}") };
            eprintln!("{}, {what}: {:.1e}", case.name, error / largest);
            if error > tolerance * largest {
                wrong.push(format!("{}, {what}: {error} of {largest}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
