//! Models from golden weights, the device they compute on, and errors between arrays.

use burn::tensor::Device;
use golden::Tensors;
use mert::device::DeviceChoice;
use mert::{EncoderConfig, HeadsConfig, Mert, parameters};

/// How much further from the originals than the processor a card may be: it adds in another order, and its exponentials are its own.
const CARD: f64 = 2.0;

/// The device that goldens are checked on: `$CULTUREMERT_TEST_DEVICE`, by default the processor.
pub(crate) fn device() -> Device {
    choice().find().unwrap()
}

/// A tolerance that is stated for the processor, on the device that is checked.
pub(crate) fn on_device(tolerance: f64) -> f64 {
    if choice() == DeviceChoice::Cpu { tolerance } else { CARD * tolerance }
}

fn choice() -> DeviceChoice {
    std::env::var("CULTUREMERT_TEST_DEVICE").map_or(DeviceChoice::Cpu, |name| name.parse().unwrap())
}

/// A model with the weights of a file, asked for by the model's own names through `rename`.
#[track_caller]
pub(crate) fn model(
    config: &EncoderConfig,
    heads: Option<&HeadsConfig>,
    device: &burn::tensor::Device,
    weights: &Tensors,
    rename: impl Fn(&str) -> String,
) -> Mert {
    let blank = Mert::blank(config, heads, device).unwrap();
    parameters::load(blank, &mut |name| {
        let name = rename(name);
        weights.has(&name).then(|| (weights.shape(&name), weights.f32(&name)))
    })
    .unwrap()
}

/// `‖a − b‖ / ‖b‖`, sums in float64; NaN when `a` has one.
#[track_caller]
pub(crate) fn relative_l2(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let (mut difference, mut length) = (0.0f64, 0.0f64);
    for (&a, &b) in ours.iter().zip(theirs) {
        difference += (f64::from(a) - f64::from(b)).powi(2);
        length += f64::from(b).powi(2);
    }
    if length == 0.0 { difference.sqrt() } else { (difference / length).sqrt() }
}

/// Plain values of a tensor.
pub(crate) fn values<const D: usize>(tensor: &burn::Tensor<D>) -> Vec<f32> {
    tensor.clone().into_data().try_into_vec::<f32>().unwrap()
}

/// `[B, T, C]` as `[B, C, T]`.
pub(crate) fn channels_first(values: &[f32], [n_clips, n_frames, n_channels]: [usize; 3]) -> Vec<f32> {
    let mut output = Vec::with_capacity(values.len());
    for clip in 0..n_clips {
        for channel in 0..n_channels {
            output.extend((0..n_frames).map(|t| values[(clip * n_frames + t) * n_channels + channel]));
        }
    }
    output
}
