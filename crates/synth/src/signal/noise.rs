//! White noise, uniform in `[-1, 1)`, four samples to a draw.

use draws::Draws;

/// A stream of noise that only its draws determine.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    draws: Draws,
    bits: u64,
    left: u32,
}

impl Noise {
    /// Noise from `draws`.
    pub(crate) fn new(draws: Draws) -> Self {
        Self { draws, bits: 0, left: 0 }
    }

    /// The next sample, of 16 random bits.
    #[inline]
    pub(crate) fn sample(&mut self) -> f32 {
        if self.left == 0 {
            self.bits = self.draws.next_u64();
            self.left = 4;
        }
        let sample = f32::from(self.bits as i16) * (1.0 / 32768.0);
        self.bits >>= 16;
        self.left -= 1;
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_centred_bounded_and_white() {
        let mut noise = Noise::new(Draws::new(1, "noise", &[]));
        let samples: Vec<f64> = (0..100_000).map(|_| f64::from(noise.sample())).collect();
        let mean = samples.iter().sum::<f64>() / 1e5;
        let power = samples.iter().map(|x| x * x).sum::<f64>() / 1e5;
        let neighbour = samples.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (power - 1.0 / 3.0).abs() < 0.01 && neighbour.abs() < 0.01);
        assert!(samples.iter().all(|x| (-1.0..1.0).contains(x)));
    }
}
