//! The room: four delay lines that feed each other through an orthogonal matrix, each round a little duller and softer.
//!
//! `x_i[n] = s[n] + Σ_j H_ij g_j d(y_j[n])`, `H` the 4 × 4 Hadamard matrix halved, `g_j = 10^(−3 T_j / T60)`, `d` a one-pole low-pass.
//! Source: M. Schroeder (1962) for comb reverberation; J.-M. Jot and A. Chaigne (1991) for feedback delay networks.

use draws::Draws;

use crate::signal::one_pole;

/// Delays of a room of size 1, seconds; their ratios are far from whole numbers.
const DELAYS: [f64; 4] = [0.029_7, 0.037_1, 0.041_1, 0.053_3];

/// A room and a place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Times the delays of the table.
    size: f64,
    /// Seconds in which sound falls by 60 dB.
    reverberation: f64,
    /// Corner of the damping, Hz.
    damping: f64,
    /// Share of the room in what is heard.
    wet: f32,
}

impl Room {
    /// A room like those people record in: from dry to a small hall.
    pub(crate) fn drawn(draws: &mut Draws) -> Self {
        let size = draws.between(0.5, 1.4);
        Self {
            size,
            reverberation: (0.25 + 1.1 * draws.uniform()) * size,
            damping: draws.between(2000.0, 6000.0),
            wet: draws.between(0.04, 0.28) as f32,
        }
    }

    /// Adds the room to `samples`.
    pub(crate) fn fill(&self, samples: &mut [f32], sample_rate: u32) {
        let rate = f64::from(sample_rate.max(1));
        let mut lines = DELAYS.map(|delay| vec![0.0f32; ((delay * self.size * rate) as usize).max(1)]);
        let gains = DELAYS.map(|delay| {
            (0.5 * libm::exp2(-3.0 * std::f64::consts::LOG2_10 * delay * self.size / self.reverberation))
                as f32
        });
        let follow = one_pole(self.damping.min(0.4 * rate), sample_rate);
        let mut at = [0usize; 4];
        let mut dull = [0.0f32; 4];
        for sample in samples {
            let heard: [f32; 4] = std::array::from_fn(|i| lines[i][at[i]]);
            for i in 0..4 {
                dull[i] += follow * (heard[i] - dull[i]);
            }
            let y: [f32; 4] = std::array::from_fn(|i| gains[i] * dull[i]);
            let (a, b, c, d) = (y[0] + y[1], y[0] - y[1], y[2] + y[3], y[2] - y[3]);
            let mixed = [a + c, b + d, a - c, b - d];
            for i in 0..4 {
                lines[i][at[i]] = *sample + mixed[i];
                at[i] += 1;
                if at[i] == lines[i].len() {
                    at[i] = 0;
                }
            }
            *sample += self.wet * ((heard[0] - heard[1]) + (heard[2] - heard[3]));
            // What is too faint to hear is also too slow to compute.
            if dull[0].abs() < 1e-15 {
                dull = [0.0; 4];
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are made without rounding")]
mod tests {
    use super::*;

    #[test]
    fn a_room_answers_and_falls_silent_in_its_time() {
        let room = Room { size: 1.0, reverberation: 0.8, damping: 9000.0, wet: 0.3 };
        let mut samples = vec![0.0f32; 48_000];
        samples[0] = 1.0;
        room.fill(&mut samples, 24_000);
        assert_eq!(samples[0], 1.0);
        assert!(samples[1..600].iter().all(|x| *x == 0.0), "nothing before the shortest way");
        let power = |from: usize| samples[from..from + 2400].iter().map(|x| f64::from(x * x)).sum::<f64>();
        let decibels = 10.0 * (power(2400) / power(2400 + 9600)).log10();
        // 0.4 s of 0.8 s are 30 dB; damping adds a little.
        assert!((27.0..50.0).contains(&decibels), "{decibels}");
    }
}
