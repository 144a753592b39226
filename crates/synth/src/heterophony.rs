//! Heterophony: the second player has the same melody in mind and plays it in another way, a little simpler or a little busier.
//!
//! Source: K. Signell, *Makam* (1977), on the ensemble of makam music; in Indian music the accompanist follows as a shadow.

use draws::Draws;

use crate::phrase::Tone;
use crate::pulse::Pulse;
use crate::theory::Mode;

/// `tones` as a second player has them: some joined to the one before, some divided by a neighbour of the mode.
pub(crate) fn variant(tones: &[Tone], mode: &Mode, pulse: &Pulse, draws: &mut Draws) -> Vec<Tone> {
    let mut out: Vec<Tone> = Vec::with_capacity(tones.len());
    for tone in tones {
        let choice = draws.uniform();
        let joins = choice < 0.18 && !tone.accent && !tone.first && !tone.last;
        if let (true, Some(before)) = (joins, out.last_mut()) {
            before.units = tone.at + tone.units - before.at;
            continue;
        }
        if choice > 0.82 && tone.units * pulse.unit > 0.4 && !tone.last && tone.raised == 0.0 {
            let neighbour = mode.step(tone.place, draws.uniform() < 0.5);
            // The neighbour has to lead back to the note that follows as the mode allows: it is left by the main note again.
            let third = tone.units / 3.0;
            out.push(Tone { units: third, ..*tone });
            if mode.may_follow(neighbour, tone.place) {
                out.push(Tone {
                    at: tone.at + third,
                    units: third,
                    place: neighbour,
                    first: false,
                    accent: false,
                    ..*tone
                });
            }
            out.push(Tone { at: tone.at + 2.0 * third, units: third, first: false, accent: false, ..*tone });
        } else {
            out.push(*tone);
        }
    }
    out
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are made without rounding")]
mod tests {
    use super::*;
    use crate::Tradition;
    use crate::melody::melody;
    use crate::style::style;
    use crate::vocabulary::modes;

    #[test]
    fn a_variant_keeps_the_accents_the_ends_and_the_mode() {
        for (index, mode) in modes(Tradition::TurkishMakam).iter().enumerate() {
            let mut draws = Draws::new(index as u64, "variant", &[]);
            let pulse = Pulse::free(30.0);
            let tones = melody(mode, &pulse, &style(Tradition::TurkishMakam), &mut draws);
            let varied = variant(&tones, mode, &pulse, &mut draws);
            assert_ne!(tones, varied);
            for tone in tones.iter().filter(|tone| tone.last || tone.first) {
                assert!(
                    varied.iter().any(|other| other.at == tone.at && other.place == tone.place),
                    "{tone:?}"
                );
            }
            for pair in varied.windows(2) {
                assert!(pair[0].at + pair[0].units <= pair[1].at + 1e-9, "{pair:?}");
                assert!(
                    pair[1].first || mode.may_follow(pair[0].place, pair[1].place),
                    "{}: {pair:?}",
                    mode.name
                );
            }
        }
    }
}
