//! `--device`: where models compute.

use burn::tensor::Device;
use mert::device::DeviceChoice;

use crate::exit::usage;

/// Where a verb's models compute.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct DeviceArgs {
    /// Where models compute: `cpu`, a card (`vulkan`, `vulkan:1`, `wgpu`, `cuda`, `metal`, `rocm`; those that this build knows), or `auto`, the first
    /// card there is and otherwise the processor. Another device rounds differently.
    #[arg(long, default_value_t, value_name = "DEVICE")]
    pub device: DeviceChoice,
}

impl DeviceArgs {
    /// The device, without a gradient tape.
    pub fn find(&self) -> anyhow::Result<Device> {
        self.device.find().map_err(|error| usage(error.to_string()))
    }
}
