//! Where a model computes: on the processor, or on a graphics card through an interface that this build knows.

use std::fmt;
use std::str::FromStr;

use burn::backend::DispatchDevice;
use burn::tensor::Device;

/// Ways to a graphics card, in the order in which `auto` asks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interface {
    /// NVIDIA's.
    Cuda,
    /// AMD's.
    Rocm,
    /// Apple's.
    Metal,
    /// Every maker's, by Vulkan.
    Vulkan,
    /// Every maker's, by whichever graphics interface the system has.
    Wgpu,
}

impl Interface {
    const ALL: [Self; 5] = [Self::Cuda, Self::Rocm, Self::Metal, Self::Vulkan, Self::Wgpu];

    /// Its name, which is also that of the Cargo feature that builds it in.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Metal => "metal",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
        }
    }

    /// The cards it reaches here; `None` where this build does not know the interface.
    fn cards(self) -> Option<Vec<Device>> {
        #[cfg(feature = "card")]
        use burn::tensor::DeviceType;
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda => Some(Device::enumerate(DeviceType::Cuda).into_vec()),
            #[cfg(feature = "rocm")]
            Self::Rocm => Some(Device::enumerate(DeviceType::Rocm).into_vec()),
            #[cfg(feature = "metal")]
            Self::Metal => Some(Device::enumerate(DeviceType::Metal).into_vec()),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Some(vulkan_cards()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Some(Device::enumerate(DeviceType::Wgpu).into_vec()),
            #[allow(unreachable_patterns, reason = "a build may know all of them")]
            _ => None,
        }
    }
}

/// What Vulkan reaches, discrete cards first.
#[cfg(feature = "vulkan")]
fn vulkan_cards() -> Vec<Device> {
    use cubecl::wgpu::{WgpuBackend, WgpuDevice, WgpuDeviceKind as Kind};
    let kinds =
        [Kind::DiscreteGpu(0), Kind::IntegratedGpu(0), Kind::VirtualGpu(0), Kind::Other(0), Kind::Cpu];
    let of_kind = |kind| {
        let any = cubecl::Device::Wgpu(WgpuDevice::new(kind).on(WgpuBackend::Vulkan));
        cubecl::Device::enumerate(any.to_id()).into_iter().map(|id| Device::new(cubecl::Device::from_id(id)))
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

/// A device as it is asked for: `cpu`, `auto`, or an interface with the number of a card, as in `vulkan:1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The processor, by the hand-written operations.
    #[default]
    Cpu,
    /// The first card that this build reaches and that is no processor playing one; otherwise the processor.
    Auto,
    /// A card.
    Card(Interface, usize),
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number.parse::<usize>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        match (name, number) {
            ("cpu", None) => Ok(Self::Cpu),
            ("auto", None) => Ok(Self::Auto),
            _ => {
                let interface = Interface::ALL.into_iter().find(|interface| interface.name() == name);
                Ok(Self::Card(interface.ok_or_else(unknown)?, number.unwrap_or(0)))
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Auto => f.write_str("auto"),
            Self::Card(interface, 0) => f.write_str(interface.name()),
            Self::Card(interface, number) => write!(f, "{}:{number}", interface.name()),
        }
    }
}

impl DeviceChoice {
    /// The device, without a gradient tape. A card is opened when it is first computed on.
    pub fn find(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Auto => {
                let cards =
                    Interface::ALL.into_iter().flat_map(|interface| interface.cards().unwrap_or_default());
                Ok(cards.into_iter().find(is_hardware).unwrap_or_else(Device::flex))
            }
            Self::Card(interface, number) => {
                let interface_name = interface.name();
                let cards = interface.cards().ok_or(DeviceError::NotBuilt(interface_name))?;
                let n_cards = cards.len();
                let card = cards.into_iter().nth(number);
                let card = card.ok_or(DeviceError::NoCard { interface: interface_name, number, n_cards })?;
                if cfg!(feature = "spirv")
                    && matches!(interface, Interface::Vulkan | Interface::Wgpu)
                    && !is_hardware(&card)
                {
                    return Err(DeviceError::Played(interface_name));
                }
                Ok(card)
            }
        }
    }
}

/// The cards that this build reaches here: how each is asked for, and what it calls itself.
pub fn cards() -> Vec<(DeviceChoice, String)> {
    let of = |interface: Interface| {
        let cards = interface.cards().unwrap_or_default().into_iter().enumerate();
        cards.map(move |(number, card)| {
            (DeviceChoice::Card(interface, number), card_name(&card).unwrap_or_default())
        })
    };
    Interface::ALL.into_iter().flat_map(of).collect()
}

/// Whether the device is the processor, where the hand-written operations run; with a gradient tape or without.
pub fn is_processor(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

/// What a card calls itself; `None` for the processor.
pub fn card_name(device: &Device) -> Option<String> {
    #[cfg(feature = "card")]
    return device.identity().map(|identity| identity.name);
    #[cfg(not(feature = "card"))]
    {
        let _ = device;
        None
    }
}

/// Whether there is a card behind the device, and not a processor, playing one or not.
pub fn is_hardware(device: &Device) -> bool {
    #[cfg(feature = "card")]
    return device.identity().is_some_and(|identity| identity.physical.is_some());
    #[cfg(not(feature = "card"))]
    {
        let _ = device;
        false
    }
}

/// Memory of a card that this process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardMemory {
    /// What tensors hold, bytes.
    pub in_use: u64,
    /// What was taken from the card for them and is kept, bytes: at least the most that tensors held so far.
    pub reserved: u64,
}

/// Asks the engine, which waits for nothing that the card still computes. `None` for the processor.
pub fn card_memory(device: &Device) -> Option<CardMemory> {
    #[cfg(feature = "card")]
    if let DispatchDevice::Cube(card) = device.clone().inner().as_dispatch() {
        let usage = card.client().memory_report(cubecl::MemoryScope::Device).usage();
        return Some(CardMemory { in_use: usage.bytes_in_use, reserved: usage.bytes_reserved });
    }
    let _ = device;
    None
}

/// A device that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No such name.
    #[error(
        "`{0}` is no device; there are `auto`, `cpu`, `cuda[:i]`, `metal`, `rocm[:i]`, `vulkan[:i]` and `wgpu[:i]`"
    )]
    Unknown(String),
    /// The build lacks the interface.
    #[error("this build knows no {0}; build it with `--features {0}`, or compute on `cpu`")]
    NotBuilt(&'static str),
    /// A processor that plays a card, in a build whose kernels its driver does not take.
    #[error(
        "`{0}` finds a processor that plays a card, and Mesa's crashes on kernels in SPIR-V; build without the feature `spirv` to compute on it"
    )]
    Played(&'static str),
    /// The interface has fewer cards.
    #[error(
        "there is no device `{interface}:{number}`: {interface} finds {n_cards} here, counted from 0; `culturemert doctor` names them"
    )]
    NoCard {
        /// The interface.
        interface: &'static str,
        /// What was asked for.
        number: usize,
        /// How many there are.
        n_cards: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["cpu", "auto", "cuda", "vulkan:3", "rocm:1", "metal"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        assert_eq!("vulkan:0".parse(), Ok(DeviceChoice::Card(Interface::Vulkan, 0)));
        for text in ["", "gpu", "cpu:0", "vulkan:", "vulkan:-1", "auto:1", "Vulkan"] {
            assert_eq!(text.parse::<DeviceChoice>(), Err(DeviceError::Unknown(text.into())));
        }
    }

    #[test]
    fn the_processor_is_always_there_and_a_card_that_is_not_is_told() {
        assert_eq!(card_name(&DeviceChoice::Cpu.find().unwrap()), None);
        let missing = DeviceChoice::Card(Interface::Cuda, 4000).find().unwrap_err();
        assert!(matches!(missing, DeviceError::NotBuilt("cuda") | DeviceError::NoCard { n_cards: 0.., .. }));
    }
}
