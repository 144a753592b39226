//! Numbers of a parameter, its moments or its gradient, where they are worked on: in memory of the host, or on the card that computes.
//!
//! With 95 million parameters, eight micro-batches an update and everything on the host, four gigabytes would cross the bus an update.

use std::borrow::Cow;

use burn::Tensor;
use burn::tensor::Device;
use kernels::device::is_processor;
use mert::{Mert, parameters};

/// Where a run keeps its numbers.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    /// Memory of the host.
    Host,
    /// The device the model is on.
    Device(Device),
}

/// Float32 numbers of one tensor, in C order.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few hundred of them, each beside megabytes")]
pub(crate) enum Values {
    /// In memory of the host.
    Host(Vec<f32>),
    /// On a device, flat.
    Device(Tensor<1>),
}

impl Home {
    /// The host for a model on the processor; for one on a card, the card.
    pub(crate) fn of(model: &Mert) -> Self {
        let device = model.device();
        if is_processor(device) { Self::Host } else { Self::Device(device.clone().inner()) }
    }

    /// Numbers that come from where the model computes.
    pub(crate) fn keep(&self, tensor: Tensor<1>) -> Values {
        match self {
            Self::Host => Values::Host(parameters::host(tensor)),
            Self::Device(_) => Values::Device(tensor),
        }
    }

    /// Numbers that come from a file.
    pub(crate) fn put(&self, values: Vec<f32>) -> Values {
        match self {
            Self::Host => Values::Host(values),
            Self::Device(device) => Values::Device(parameters::upload(values, device)),
        }
    }

    /// So many zeros.
    pub(crate) fn zeros(&self, n: usize) -> Values {
        match self {
            Self::Host => Values::Host(vec![0.0; n]),
            Self::Device(device) => Values::Device(Tensor::zeros([n], device)),
        }
    }
}

impl Values {
    /// The numbers on the host: as they are, or a copy.
    pub(crate) fn on_host(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Host(values) => Cow::Borrowed(values),
            Self::Device(tensor) => Cow::Owned(parameters::host(tensor.clone())),
        }
    }

    /// The numbers as a tensor on `device`: a copy, or as they are.
    pub(crate) fn on_device(&self, device: &Device) -> Tensor<1> {
        match self {
            Self::Host(values) => parameters::upload(values.clone(), device),
            Self::Device(tensor) => tensor.clone(),
        }
    }
}
