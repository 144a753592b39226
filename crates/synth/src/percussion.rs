//! Percussion: the cycle's strokes over and over, accented where the cycle and its groups begin, with light strokes filled in.

use draws::Draws;

use crate::instrument::Kit;
use crate::pulse::Pulse;
use crate::score::Hit;
use crate::theory::Rhythm;

/// Spread of a stroke around its moment, seconds.
const LOOSENESS: f64 = 0.006;

/// The strokes of the whole piece.
pub(crate) fn percussion(rhythm: &Rhythm, kit: Kit, pulse: &Pulse, draws: &mut Draws) -> Vec<Hit> {
    let cycle = pulse.cycle();
    let n_cycles = (pulse.n_units / cycle).ceil() as u32;
    let busy = draws.between(0.0, 0.35);
    let light = kit.light_strokes();
    let spacing = 1.0 / f64::from(rhythm.per_unit);
    let mut hits = Vec::new();
    for number in 0..n_cycles {
        let start = f64::from(number) * cycle;
        for (place, token) in rhythm.strokes() {
            let level = if place == 0.0 { 1.1 } else { 0.85 } * draws.between(0.85, 1.1);
            hits.push((start + place, token, level));
            // A light stroke on the way to the next moment of the table.
            if draws.uniform() < busy && spacing * pulse.unit > 0.16 {
                let token = light[draws.below(light.len() as u64) as usize];
                hits.push((start + place + 0.5 * spacing, token, draws.between(0.25, 0.5)));
            }
        }
    }
    hits.into_iter()
        .filter(|(at, ..)| *at < pulse.n_units)
        .map(|(at, token, level)| {
            let start = (pulse.seconds_at(at) + draws.between(-LOOSENESS, LOOSENESS)).max(0.0);
            Hit { start, token, level: level as f32 }
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are made without rounding")]
mod tests {
    use super::*;

    use crate::theory::{theka, usul};

    #[test]
    fn the_strokes_of_a_cycle_come_back_after_its_length() {
        for (rhythms, kit) in [(usul::USULS, Kit::Kudum), (theka::TALAS, Kit::Tabla)] {
            for rhythm in rhythms {
                let mut draws = Draws::new(1, "percussion", &[]);
                let pulse = Pulse::measured(rhythm, 40.0, 0.5, &mut draws);
                let hits = percussion(rhythm, kit, &pulse, &mut draws);
                let at = |units: f64, token: &str| {
                    hits.iter().any(|hit| {
                        hit.token == token && (hit.start - pulse.seconds_at(units)).abs() <= LOOSENESS + 1e-9
                    })
                };
                let n_cycles = (pulse.n_units / pulse.cycle()).floor() as u32;
                assert!(n_cycles >= 2, "{}", rhythm.name);
                for number in 0..n_cycles {
                    for (place, token) in rhythm.strokes() {
                        let units = f64::from(number * rhythm.n_units()) + place;
                        assert!(at(units, token), "{}: {token} of cycle {number}", rhythm.name);
                    }
                }
                assert_eq!(pulse.cycle(), f64::from(rhythm.n_units()));
            }
        }
    }
}
