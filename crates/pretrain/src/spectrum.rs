//! The constant-Q targets of crops: on the processor by [`audio::cqt`], or on the card that trains, as sums over the taps of every bin.
//!
//! On a card an octave is one product: windows of its longest bin by its kernels in time, real and imaginary parts side by side. Bins within
//! an octave differ in length by a factor below two, so half of the products at most are with zeros. A window of the lowest octave has
//! 50 600 samples for 336 bins.

use audio::cqt::{Cqt, CqtConfig, TimeKernels};
use burn::Tensor;
use burn::tensor::{Device, TensorData};
use kernels::device::is_processor;
use mert::parameters;

use crate::PretrainError;
use crate::loader::Placed;

/// What makes targets, where the model computes.
pub(crate) enum Spectrum {
    /// By the processor.
    Host(Box<Cqt>),
    /// By the device.
    Device(DeviceCqt),
}

impl Spectrum {
    /// For a model on `device`.
    pub(crate) fn new(config: CqtConfig, device: &Device) -> Result<Self, PretrainError> {
        if is_processor(device) {
            return Ok(Self::Host(Box::new(Cqt::try_new(config)?)));
        }
        Ok(Self::Device(DeviceCqt::new(config, &device.clone().inner())?))
    }

    /// The first `n_frames` frames of each of the clips, `n_samples` long, that lie in `waveform` one behind the other: `[B, T, bins]`.
    pub(crate) fn targets(&self, waveform: &[f32], n_samples: usize, n_frames: usize) -> Placed<3> {
        match self {
            Self::Host(cqt) => {
                let row = cqt.n_bins() * n_frames;
                let mut targets = Vec::with_capacity(waveform.len() / n_samples * row);
                for clip in waveform.chunks_exact(n_samples) {
                    targets.extend_from_slice(&cqt.transform(clip)[..row]);
                }
                Placed::Host(targets)
            }
            Self::Device(cqt) => Placed::Device(cqt.transform(waveform, n_samples, n_frames)),
        }
    }
}

/// The kernels of a constant-Q transform on a device.
pub(crate) struct DeviceCqt {
    hop: usize,
    octaves: Vec<Octave>,
    device: Device,
}

/// Bins whose windows differ in length by less than two.
struct Octave {
    /// Samples before and behind the middle of a window.
    reach: usize,
    /// Real parts, then imaginary ones, `[2 reach, 2 bins]`, times the scale of the output.
    kernels: Tensor<2>,
}

impl DeviceCqt {
    fn new(config: CqtConfig, device: &Device) -> Result<Self, PretrainError> {
        let kernels = config.time_kernels()?;
        let bins: Vec<usize> = (0..config.n_bins).collect();
        let octaves = bins.chunks(config.bins_per_octave).map(|bins| Octave::new(&kernels, bins, device));
        Ok(Self { hop: config.hop, octaves: octaves.collect(), device: device.clone() })
    }

    /// Magnitudes of the first `n_frames` frames of every clip, `[B, T, bins]`.
    fn transform(&self, waveform: &[f32], n_samples: usize, n_frames: usize) -> Tensor<3> {
        let reach = self.octaves.iter().map(|octave| octave.reach).max().unwrap_or(0);
        // The last frame hears `reach` samples behind its middle, of which some may lie beyond the signal.
        let span = (n_frames - 1) * self.hop;
        let mut padded = Vec::with_capacity(waveform.len() / n_samples * (2 * reach + span));
        for clip in waveform.chunks_exact(n_samples) {
            let end = padded.len() + 2 * reach + span;
            padded.resize(padded.len() + reach, 0.0);
            padded.extend_from_slice(&clip[..n_samples.min(span + reach)]);
            padded.resize(end, 0.0);
        }
        let shape = [waveform.len() / n_samples, 2 * reach + span];
        let padded = parameters::upload(padded, &self.device).reshape(shape);
        let octaves = self.octaves.iter().map(|octave| {
            let heard = padded.clone().narrow(1, reach - octave.reach, 2 * octave.reach + span);
            let products = kernels::windowed_product(heard, octave.kernels.clone(), self.hop);
            let n_bins = products.dims()[2] / 2;
            let (real, imaginary) =
                (products.clone().narrow(2, 0, n_bins), products.narrow(2, n_bins, n_bins));
            (real.clone() * real + imaginary.clone() * imaginary).sqrt()
        });
        Tensor::cat(octaves.collect(), 2)
    }
}

impl Octave {
    fn new(kernels: &TimeKernels, bins: &[usize], device: &Device) -> Self {
        let TimeKernels { lengths, width, real, imaginary } = kernels;
        // An odd window lies half a sample early.
        let reach = lengths[bins[0]] as usize / 2 + 1;
        let first = width / 2 - reach.min(width / 2);
        let reach = width / 2 - first;
        let mut taps = vec![0.0; 2 * reach * 2 * bins.len()];
        for (column, &bin) in bins.iter().enumerate() {
            let scale = lengths[bin].sqrt();
            for (part, values) in [real, imaginary].into_iter().enumerate() {
                for tap in 0..2 * reach {
                    let at = tap * 2 * bins.len() + part * bins.len() + column;
                    taps[at] = values[bin * width + first + tap] * scale;
                }
            }
        }
        let shape = [2 * reach, 2 * bins.len()];
        Self { reach, kernels: Tensor::from_data(TensorData::new(taps, shape), device) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_the_transform() {
        let (n_samples, n_frames) = (24_000, 74);
        let waveform = golden::cf_uniforms("spectrum", 2 * n_samples);
        for n_bins in [84, 100] {
            let config = CqtConfig::mert(n_bins);
            let device = DeviceCqt::new(config, &Device::flex()).unwrap();
            let of = |spectrum: &Spectrum| match spectrum.targets(&waveform, n_samples, n_frames) {
                Placed::Host(values) => values,
                Placed::Device(tensor) => tensor.into_data().try_into_vec().unwrap(),
            };
            let host = of(&Spectrum::new(config, &Device::flex().autodiff()).unwrap());
            let device = of(&Spectrum::Device(device));
            assert_eq!((host.len(), device.len()), (2 * n_frames * n_bins, 2 * n_frames * n_bins));
            let largest = host.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            let worst = golden::max_abs_diff(&host, &device);
            assert!(worst < 1e-4 * f64::from(largest), "{n_bins} bins: {worst} of {largest}");
        }
    }
}
