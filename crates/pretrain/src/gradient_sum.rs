//! Gradients of summed losses, added over the micro-batches of an update and divided by the sum of their masked frames `N`, wherever the
//! gradients are: in memory of the host, one flat array that ranks can send, or tensor by tensor on a card.
//!
//! Source: fairseq's trainer (`reference/mert.md` section 7).

use burn::Tensor;
use burn::tensor::Device;
use mert::{MertError, parameters};
use rayon::prelude::*;

use crate::gradient::{CHUNK, GradientNorm, gradient_norm};

/// Gradients added over the micro-batches of an update.
pub struct GradientSum {
    sums: Sums,
    sizes: Vec<usize>,
    frames: f64,
}

/// The sums, where they are added.
enum Sums {
    /// All tensors, one behind the other.
    Host(Vec<f32>),
    /// Each tensor by itself; `None` before something was added.
    Device(Device, Vec<Option<Tensor<1>>>),
}

impl GradientSum {
    /// Zeros for tensors of these sizes, in memory of the host.
    pub fn new(sizes: &[usize]) -> Self {
        Self { sums: Sums::Host(vec![0.0; sizes.iter().sum()]), sizes: sizes.to_vec(), frames: 0.0 }
    }

    /// Zeros for tensors of these sizes, on the device that computes the gradients.
    pub fn on_device(sizes: &[usize], device: Device) -> Self {
        Self { sums: Sums::Device(device, vec![None; sizes.len()]), sizes: sizes.to_vec(), frames: 0.0 }
    }

    /// Adds the gradients of a micro-batch whose loss was summed over `frames` masked frames. `each` gives them one after the other, so
    /// that no two need to be there at once; `None` adds nothing to its tensor.
    ///
    /// # Panics
    /// When the gradients are not of the sizes the sum was made for.
    pub fn add(&mut self, frames: usize, each: impl FnOnce(&mut dyn FnMut(Option<Tensor<1>>))) {
        self.frames += frames as f64;
        let mut index = 0;
        let mut first = 0;
        each(&mut |gradient| {
            let size = *self.sizes.get(index).expect("a micro-batch has one gradient for every tensor");
            if let Some(gradient) = gradient {
                assert_eq!(size, gradient.dims()[0], "a gradient has the size of its tensor");
                match &mut self.sums {
                    Sums::Host(flat) => add(&mut flat[first..][..size], &parameters::host(gradient)),
                    Sums::Device(_, sums) => {
                        sums[index] = Some(match sums[index].take() {
                            Some(sum) => sum + gradient,
                            None => gradient,
                        });
                    }
                }
            }
            index += 1;
            first += size;
        });
        assert_eq!(index, self.sizes.len(), "a micro-batch has gradients for every tensor");
    }

    /// The sums in memory of the host, tensor by tensor; none where they are on a device.
    pub fn on_host(&self) -> Vec<&[f32]> {
        let Sums::Host(flat) = &self.sums else { return Vec::new() };
        let mut rest = flat.as_slice();
        let tensor = |&size: &usize| {
            let (sum, after) = rest.split_at(size);
            rest = after;
            sum
        };
        self.sizes.iter().map(tensor).collect()
    }

    /// The sums on the device, tensor by tensor, `None` where nothing was added; none where they are in memory of the host.
    pub fn tensors(&self) -> &[Option<Tensor<1>>] {
        match &self.sums {
            Sums::Host(_) => &[],
            Sums::Device(_, sums) => sums,
        }
    }

    /// Sizes of the sums times `scale`. On a device the squares of a tensor are added in float32.
    ///
    /// # Errors
    /// When the device could not compute the gradients.
    pub fn norm(&self, scale: f64) -> Result<GradientNorm, MertError> {
        if let Sums::Host(_) = self.sums {
            return Ok(gradient_norm(&self.on_host(), scale));
        }
        let sums = self.tensors();
        let squares: Vec<Tensor<1>> =
            sums.iter().flatten().map(|sum| (sum.clone() * sum.clone()).sum()).collect();
        // Read together: each reading waits for the device.
        let squares =
            if squares.is_empty() { Vec::new() } else { parameters::read(Tensor::cat(squares, 0))? };
        let mut squares = squares.into_iter().map(f64::from);
        let of_tensors = sums.iter().map(|sum| if sum.is_some() { squares.next() } else { None });
        let of_tensors: Vec<f64> = of_tensors.map(Option::unwrap_or_default).collect();
        Ok(GradientNorm::of_squares(&of_tensors, scale))
    }

    /// Takes the others' share of the update in: `add` makes all sums those of all ranks, whose masked frames are `frames`.
    pub(crate) fn join<E>(
        &mut self,
        frames: f64,
        add: impl FnOnce(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.frames = frames;
        let (device, sums) = match &mut self.sums {
            Sums::Host(flat) => return add(flat),
            Sums::Device(device, sums) => (device, sums),
        };
        let mut flat = Vec::with_capacity(self.sizes.iter().sum());
        for (sum, &size) in sums.iter_mut().zip(&self.sizes) {
            match sum.take() {
                Some(sum) => flat.extend(parameters::host(sum)),
                None => flat.resize(flat.len() + size, 0.0),
            }
        }
        add(&mut flat)?;
        let mut rest = flat.as_slice();
        for (sum, &size) in sums.iter_mut().zip(&self.sizes) {
            let (values, after) = rest.split_at(size);
            rest = after;
            *sum = Some(parameters::upload(values.to_vec(), device));
        }
        Ok(())
    }

    /// Masked frames added up.
    pub fn frames(&self) -> f64 {
        self.frames
    }

    /// What the sums are to be multiplied by to give the gradient of the mean; 0 when no frame was masked.
    pub fn scale(&self) -> f64 {
        if self.frames > 0.0 { 1.0 / self.frames } else { 0.0 }
    }

    /// Makes the sums zero again for the next update.
    pub fn clear(&mut self) {
        self.frames = 0.0;
        match &mut self.sums {
            Sums::Host(flat) => flat.fill(0.0),
            Sums::Device(_, sums) => sums.fill(None),
        }
    }
}

/// Adds a gradient to its sum.
fn add(sum: &mut [f32], gradient: &[f32]) {
    let pieces = sum.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    pieces.for_each(|(sum, gradient)| sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sums for tensors of these sizes in both places.
    fn both(sizes: &[usize]) -> [GradientSum; 2] {
        [GradientSum::new(sizes), GradientSum::on_device(sizes, Device::flex())]
    }

    fn tensor(values: &[f32]) -> Tensor<1> {
        parameters::upload(values.to_vec(), &Device::flex())
    }

    #[test]
    fn both_places_hold_and_measure_the_same() {
        let (a, b) = (golden::cf_uniforms("a", 40_000), golden::cf_uniforms("b", 5));
        let [host, device] = both(&[a.len(), 3, b.len()]).map(|mut sum| {
            sum.add(2, |next| {
                next(Some(tensor(&a)));
                next(None);
                next(Some(tensor(&b)));
            });
            let alone = sum.norm(0.5).unwrap();
            sum.join(4.0, |flat| {
                for x in flat {
                    *x *= 2.0;
                }
                Ok::<_, ()>(())
            })
            .unwrap();
            let of_all = sum.norm(0.25).unwrap();
            (sum, alone, of_all)
        });
        let close = |a: &GradientNorm, b: &GradientNorm| {
            let pairs = a.of_tensors.iter().zip(&b.of_tensors).chain([(&a.global, &b.global)]);
            pairs.for_each(|(a, b)| assert!((a - b).abs() <= 1e-5 * a, "{a} {b}"));
        };
        close(&host.1, &device.1);
        close(&host.2, &device.2);
        close(&host.1, &host.2);
        let on_device = device.0.tensors().iter().map(|sum| parameters::host(sum.clone().unwrap()));
        assert!(on_device.eq(host.0.on_host()));
        assert_eq!((host.0.frames(), device.0.frames()), (4.0, 4.0));
    }

    #[test]
    fn a_rank_that_added_nothing_gets_the_sums_of_the_others() {
        let [_, mut sum] = both(&[2]);
        sum.join(3.0, |flat| {
            flat.copy_from_slice(&[1.0, 2.0]);
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(parameters::host(sum.tensors()[0].clone().unwrap()), [1.0, 2.0]);
        assert_eq!(sum.scale(), 1.0 / 3.0);
    }

    proptest! {
        #[test]
        fn micro_batches_add_up_to_one_batch(split in 1usize..40, n in 1usize..50) {
            let gradient = golden::cf_uniforms("micro", n);
            let half: Vec<f32> = gradient.iter().map(|g| g / 2.0).collect();
            for mut sum in both(&[n]) {
                sum.add(split, |next| next(Some(tensor(&half))));
                sum.add(2 * split, |next| next(Some(tensor(&half))));
                let added = sum.tensors().iter().flatten().map(|sum| parameters::host(sum.clone()));
                let added: Vec<f32> = added.chain(sum.on_host().into_iter().map(<[f32]>::to_vec)).flatten().collect();
                prop_assert_eq!(added, &gradient[..]);
                prop_assert_eq!(sum.scale(), 1.0 / (3 * split) as f64);
                sum.clear();
                prop_assert_eq!((sum.scale(), sum.norm(1.0).unwrap().global), (0.0, 0.0));
            }
        }
    }
}
