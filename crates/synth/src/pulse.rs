//! Time: from counted units to seconds, with a tempo that breathes.
//!
//! `t(u) = t₀ + τ (u + δ sin(2πu/p))`, `τ` seconds a unit, drift `2πδ/p ≤ 3 %` of the tempo, so `t` always grows.
//! Unmeasured music counts seconds: `τ = 1`, `δ = 0`.

use draws::Draws;

use crate::theory::Rhythm;

/// Silence before the first note, seconds.
const LEAD_IN: f64 = 0.06;
/// What is left for the last note to ring, seconds.
const LEAD_OUT: f64 = 0.25;

/// The time of one piece.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    start: f64,
    /// Seconds a unit.
    pub(crate) unit: f64,
    drift: f64,
    period: f64,
    /// Units of music in the piece.
    pub(crate) n_units: f64,
    /// Units in each inner group of the cycle; empty when unmeasured.
    pub(crate) groups: &'static [u32],
}

impl Pulse {
    /// A measured piece of `seconds` in `rhythm`, at `haste` (0 slow, 1 quick) of the rhythm's range give or take. At least one cycle fits.
    pub(crate) fn measured(rhythm: &Rhythm, seconds: f64, haste: f64, draws: &mut Draws) -> Self {
        let (quick, slow) = (rhythm.unit_ms.0 / 1000.0, rhythm.unit_ms.1 / 1000.0);
        let haste = (haste + draws.between(-0.15, 0.15)).clamp(0.0, 1.0);
        let music = seconds - LEAD_IN - LEAD_OUT;
        let unit = (slow * libm::pow(quick / slow, haste)).min(0.98 * music / f64::from(rhythm.n_units()));
        let period = draws.between(14.0, 30.0);
        let drift = draws.between(0.2, 1.0) * 0.03 * period / std::f64::consts::TAU;
        Self {
            start: LEAD_IN,
            unit,
            drift,
            period,
            n_units: (music / unit - drift).floor().max(1.0),
            groups: rhythm.groups,
        }
    }

    /// An unmeasured piece of `seconds`.
    pub(crate) fn free(seconds: f64) -> Self {
        let n_units = seconds - LEAD_IN - LEAD_OUT;
        Self { start: LEAD_IN, unit: 1.0, drift: 0.0, period: 1.0, n_units, groups: &[] }
    }

    /// When unit `units` falls, seconds.
    pub(crate) fn seconds_at(&self, units: f64) -> f64 {
        let sway = libm::sin(std::f64::consts::TAU * units / self.period);
        self.start + self.unit * (units + self.drift * sway)
    }

    /// Units in a cycle; 0 when unmeasured.
    pub(crate) fn cycle(&self) -> f64 {
        f64::from(self.groups.iter().sum::<u32>())
    }

    /// Starts and lengths of the groups that fit the piece, in units.
    pub(crate) fn groups(&self) -> Vec<(f64, f64)> {
        let mut at = 0.0;
        let lengths = self.groups.iter().cycle().map(|&units| f64::from(units));
        lengths
            .map(|length| {
                let group = (at, length.min(self.n_units - at));
                at += length;
                group
            })
            .take_while(|&(_, length)| length > 0.0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tradition;
    use crate::vocabulary::rhythms;

    #[test]
    fn time_grows_fits_the_piece_and_holds_a_cycle() {
        for tradition in Tradition::ALL {
            for (index, rhythm) in rhythms(tradition).iter().enumerate() {
                for seconds in [4.0, 9.0, 61.0] {
                    let mut draws = Draws::new(5, "pulse", &[index as u64]);
                    let pulse = Pulse::measured(rhythm, seconds, 0.5, &mut draws);
                    assert!(
                        pulse.n_units >= f64::from(rhythm.n_units()) - 1.0,
                        "{} in {seconds} s",
                        rhythm.name
                    );
                    let steps = (pulse.n_units * 4.0) as u32;
                    let times: Vec<f64> = (0..=steps).map(|i| pulse.seconds_at(f64::from(i) / 4.0)).collect();
                    assert!(times.windows(2).all(|t| t[1] > t[0]) && times[0] >= 0.0);
                    assert!(*times.last().unwrap() < seconds);
                    let filled: f64 = pulse.groups().iter().map(|group| group.1).sum();
                    assert!((filled - pulse.n_units).abs() < 1e-9, "{}", rhythm.name);
                }
            }
        }
    }

    #[test]
    fn tempi_keep_to_the_range_of_the_rhythm_and_follow_the_performer() {
        for tradition in Tradition::ALL {
            for rhythm in rhythms(tradition) {
                let unit = |haste| {
                    Pulse::measured(rhythm, 60.0, haste, &mut Draws::new(2, "pulse", &[])).unit * 1000.0
                };
                let (slow, quick) = (unit(0.15), unit(0.85));
                assert!(slow > 1.1 * quick, "{}: {slow} and {quick} ms", rhythm.name);
                assert!(quick >= rhythm.unit_ms.0 && slow <= rhythm.unit_ms.1 + 1e-9, "{}", rhythm.name);
            }
        }
    }
}
