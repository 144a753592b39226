//! Parallel band-pass resonators: the body of an instrument, the formants of a voice.
//!
//! `y[n] = b (x[n] − x[n−2]) + 2r cos(ω) y[n−1] − r² y[n−2]`, `r = e^(−π·bandwidth/rate)`, `b = (1 − r²)/2`, so that the gain at the centre
//! is 1 before weighting. Source: the two-pole resonator with zeros at 0 and half the rate (J. O. Smith, *Introduction to Digital Filters*).

/// One resonance: centre and bandwidth in hertz, and its weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resonance {
    pub(crate) hertz: f64,
    pub(crate) bandwidth: f64,
    pub(crate) weight: f32,
}

impl Resonance {
    /// A resonance for the tables.
    pub(crate) const fn new(hertz: f64, bandwidth: f64, weight: f32) -> Self {
        Self { hertz, bandwidth, weight }
    }
}

/// `N` resonators side by side.
#[derive(Clone, Debug)]
pub(crate) struct Resonators<const N: usize> {
    drive: [f32; N],
    near: [f32; N],
    far: [f32; N],
    last: [f32; N],
    before: [f32; N],
    x1: f32,
    x2: f32,
}

impl<const N: usize> Resonators<N> {
    /// Silent resonators tuned to the first `N` of `table`.
    pub(crate) fn new(table: &[Resonance], sample_rate: u32) -> Self {
        let zero = [0.0; N];
        let mut all = Self { drive: zero, near: zero, far: zero, last: zero, before: zero, x1: 0.0, x2: 0.0 };
        for (index, resonance) in table.iter().take(N).enumerate() {
            all.tune(index, *resonance, sample_rate);
        }
        all
    }

    /// Tunes resonator `index`; one that cannot exist at this rate is silent.
    pub(crate) fn tune(&mut self, index: usize, resonance: Resonance, sample_rate: u32) {
        let rate = f64::from(sample_rate.max(1));
        let radius = libm::exp(-std::f64::consts::PI * resonance.bandwidth / rate);
        let possible = resonance.hertz > 0.0 && resonance.hertz < 0.47 * rate;
        self.drive[index] =
            if possible { resonance.weight * (0.5 * (1.0 - radius * radius)) as f32 } else { 0.0 };
        self.near[index] = (2.0 * radius * libm::cos(std::f64::consts::TAU * resonance.hertz / rate)) as f32;
        self.far[index] = -(radius * radius) as f32;
    }

    /// Adds `wet` of the resonators' answer to `dry` of each sample.
    pub(crate) fn run(&mut self, samples: &mut [f32], dry: f32, wet: f32) {
        for x in samples.iter_mut() {
            let difference = *x - self.x2;
            self.x2 = self.x1;
            self.x1 = *x;
            let mut sum = 0.0;
            for index in 0..N {
                let y = self.drive[index] * difference
                    + self.near[index] * self.last[index]
                    + self.far[index] * self.before[index];
                self.before[index] = self.last[index];
                self.last[index] = y;
                sum += y;
            }
            *x = dry * *x + wet * sum;
        }
        self.flush();
    }

    /// Forgets what is too faint to hear, before it becomes too faint to compute quickly.
    fn flush(&mut self) {
        for state in self.last.iter_mut().chain(&mut self.before) {
            if state.abs() < 1e-15 {
                *state = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain_at(hertz: f64) -> f32 {
        let mut bank = Resonators::<1>::new(&[Resonance::new(1000.0, 80.0, 1.0)], 24_000);
        let mut wave: Vec<f32> = (0..24_000)
            .map(|i| (std::f64::consts::TAU * hertz * f64::from(i) / 24_000.0).sin() as f32)
            .collect();
        bank.run(&mut wave, 0.0, 1.0);
        wave[12_000..].iter().fold(0.0, |peak, x| x.abs().max(peak))
    }

    #[test]
    fn a_resonator_passes_its_centre_at_unity_and_little_else() {
        assert!((gain_at(1000.0) - 1.0).abs() < 0.02, "{}", gain_at(1000.0));
        assert!(gain_at(1040.0) < 0.8 && gain_at(300.0) < 0.1 && gain_at(5000.0) < 0.1);
    }
}
