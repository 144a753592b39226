//! Turkish makams in the system of Arel, Ezgi and Uzdilek: intervals in Holdrian commas, 53 to the octave.
//!
//! A makam is a tetrachord and a pentachord joined at the *güçlü* (dominant), a *karar* (tonic) on a named pitch, and a *seyir*
//! (direction). Interval names: bakiye 4, küçük mücennep 5, büyük mücennep 8, tanini 9, artık ikili 12 commas.
//! Where the descent differs, as with acem for eviç in rast, it has a genus of its own. Saba is the exception of the theory too:
//! its hicaz on çargâh runs across the octave, so its degrees within the octave are given as they fall.
//!
//! Sources: İ. H. Özkan, *Türk Mûsıkîsi Nazariyatı ve Usûlleri* (2006); K. Signell, *Makam* (1977); M. Aydemir, *Turkish Music
//! Makam Guide* (2010); for the sounding heights (*ahenk*), T. Çevikoğlu on the traditional ahenk system.

use super::{Mode, Motion};

/// Holdrian commas in an octave.
pub(crate) const COMMAS: u32 = 53;

/// A tetrachord or pentachord, as steps in commas.
type Genus = &'static [u32];

const RAST_5: Genus = &[9, 8, 5, 9];
const RAST_4: Genus = &[9, 8, 5];
const BUSELIK_5: Genus = &[9, 4, 9, 9];
const BUSELIK_4: Genus = &[9, 4, 9];
const KURDI_4: Genus = &[4, 9, 9];
const USSAK_4: Genus = &[8, 5, 9];
const HUSEYNI_5: Genus = &[8, 5, 9, 9];
const HICAZ_4: Genus = &[5, 12, 5];
const SEGAH_5: Genus = &[5, 9, 8, 9];
const HUZZAM_5: Genus = &[5, 9, 5, 12];
const SABA_4: Genus = &[8, 5, 5];
const SABA_REST: Genus = &[12, 5, 9, 9];

/// One makam as the tables give it.
pub(crate) struct Makam {
    name: &'static str,
    /// Ascent, genus upon genus.
    ascent: [Genus; 2],
    /// Descent, likewise, listed from the tonic up.
    descent: [Genus; 2],
    /// Karar, commas above the perde rast.
    karar: u32,
    /// Güçlü and other resting degrees, commas above the karar.
    guclu: &'static [u32],
    seyir: Motion,
    /// Characteristic turns, commas above the karar.
    turns: &'static [&'static [i32]],
}

/// Perde rast, dügâh and segâh, commas above rast.
const RAST: u32 = 0;
const DUGAH: u32 = 9;
const SEGAH: u32 = 17;

/// The table.
pub(crate) const MAKAMS: &[Makam] = &[
    Makam {
        name: "rast",
        ascent: [RAST_5, RAST_4],
        descent: [RAST_5, BUSELIK_4],
        karar: RAST,
        guclu: &[31, 17],
        seyir: Motion::Ascending,
        turns: &[&[0, 9, 17, 9, 0], &[31, 22, 17, 9, 17, 0], &[-5, 0, 9, 17, 22, 31]],
    },
    Makam {
        name: "hicaz",
        ascent: [HICAZ_4, RAST_5],
        descent: [HICAZ_4, BUSELIK_5],
        karar: DUGAH,
        guclu: &[22],
        seyir: Motion::Mixed,
        turns: &[&[22, 17, 5, 0], &[5, 17, 22, 17, 5, 0], &[44, 35, 31, 22]],
    },
    Makam {
        name: "nihavent",
        ascent: [BUSELIK_5, HICAZ_4],
        descent: [BUSELIK_5, KURDI_4],
        karar: RAST,
        guclu: &[31],
        seyir: Motion::Mixed,
        turns: &[&[44, 35, 31, 22, 13, 9, 0], &[0, 9, 13, 22, 31], &[22, 13, 9, 0]],
    },
    Makam {
        name: "saba",
        ascent: [SABA_4, SABA_REST],
        descent: [SABA_4, SABA_REST],
        karar: DUGAH,
        guclu: &[13],
        seyir: Motion::Ascending,
        turns: &[&[0, 8, 13, 18, 13], &[18, 13, 8, 0], &[13, 18, 30, 18, 13, 8]],
    },
    Makam {
        name: "huzzam",
        ascent: [HUZZAM_5, HICAZ_4],
        descent: [HUZZAM_5, HICAZ_4],
        karar: SEGAH,
        guclu: &[14, 31],
        seyir: Motion::Mixed,
        turns: &[&[14, 19, 14, 5, 0], &[31, 19, 14], &[5, 0, -5, 0]],
    },
    Makam {
        name: "ussak",
        ascent: [USSAK_4, BUSELIK_5],
        descent: [USSAK_4, BUSELIK_5],
        karar: DUGAH,
        guclu: &[22],
        seyir: Motion::Ascending,
        turns: &[&[0, 8, 13, 8, 0], &[22, 13, 8, 0], &[-9, 0, 8, 13, 22]],
    },
    Makam {
        name: "segah",
        ascent: [SEGAH_5, HICAZ_4],
        descent: [SEGAH_5, HICAZ_4],
        karar: SEGAH,
        guclu: &[14],
        seyir: Motion::Ascending,
        turns: &[&[0, 5, 14, 5, 0], &[-5, 0, 5, 14], &[14, 22, 31, 22, 14]],
    },
    Makam {
        name: "huseyni",
        ascent: [HUSEYNI_5, USSAK_4],
        descent: [HUSEYNI_5, KURDI_4],
        karar: DUGAH,
        guclu: &[31, 22],
        seyir: Motion::Mixed,
        turns: &[&[44, 35, 31, 22, 13], &[31, 39, 44, 53], &[22, 13, 8, 0]],
    },
    Makam {
        name: "kurdilihicazkar",
        ascent: [KURDI_4, BUSELIK_5],
        descent: [KURDI_4, BUSELIK_5],
        karar: RAST,
        guclu: &[22, 31],
        seyir: Motion::Descending,
        turns: &[&[53, 44, 35, 31], &[22, 13, 4, 0], &[53, 57, 53, 44]],
    },
];

/// Ahenks a performer may play in: where the perde rast sounds, semitones above C (süpürde, bolahenk, davud, şah, mansur, kız,
/// müstahsen).
pub(crate) const AHENKS: &[f64] = &[0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 10.0];

/// The karar of makam number `index`, in cents above the perde rast.
pub(crate) fn karar_cents(index: usize) -> f64 {
    cents(MAKAMS[index].karar as i32)
}

/// The makams as modes.
pub(crate) fn modes() -> Vec<Mode> {
    MAKAMS
        .iter()
        .map(|makam| {
            let turns: Vec<Vec<f64>> =
                makam.turns.iter().map(|turn| turn.iter().map(|&commas| cents(commas)).collect()).collect();
            let rests: Vec<f64> = makam.guclu.iter().map(|&commas| cents(commas as i32)).collect();
            Mode::new(makam.name, &scale(makam.ascent), &scale(makam.descent), &rests, makam.seyir, &turns)
        })
        .collect()
}

/// Degrees of two genera joined, in cents, without the octave.
fn scale(genera: [Genus; 2]) -> Vec<f64> {
    let mut commas = 0;
    genera
        .concat()
        .into_iter()
        .map(|step| {
            let degree = cents(commas);
            commas += step as i32;
            degree
        })
        .collect()
}

fn cents(commas: i32) -> f64 {
    1200.0 * f64::from(commas) / f64::from(COMMAS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mode::check_modes;

    #[test]
    fn every_makam_fills_its_octave_of_53_commas() {
        for makam in MAKAMS {
            for genera in [makam.ascent, makam.descent] {
                assert_eq!(genera.concat().iter().sum::<u32>(), COMMAS, "{}", makam.name);
            }
        }
    }

    #[test]
    fn the_readme_has_the_same_ascents() {
        for makam in MAKAMS {
            let mut degree = 0;
            let steps = makam.ascent.concat();
            let degrees: Vec<String> = steps
                .iter()
                .map(|step| {
                    degree += step;
                    (degree - step).to_string()
                })
                .collect();
            let row = format!("| {} | {} |", makam.name, degrees.join(" "));
            assert!(include_str!("../../README.md").contains(&row), "{row}");
        }
    }

    #[test]
    fn tetrachords_have_22_commas_and_pentachords_31_but_for_saba() {
        for makam in MAKAMS.iter().filter(|makam| makam.name != "saba") {
            for genus in makam.ascent.iter().chain(&makam.descent) {
                assert_eq!(
                    genus.iter().sum::<u32>(),
                    if genus.len() == 3 { 22 } else { 31 },
                    "{}",
                    makam.name
                );
            }
        }
    }

    #[test]
    fn every_turn_and_rest_lies_on_the_scale() {
        for (makam, mode) in MAKAMS.iter().zip(modes()) {
            let rests = makam.guclu.iter().map(|&commas| commas as i32);
            for commas in makam.turns.iter().flat_map(|turn| turn.iter().copied()).chain(rests) {
                let off = mode.cents(mode.place(cents(commas))) - cents(commas);
                assert!(off.abs() < 0.01, "{}: {commas} commas is no degree", makam.name);
            }
        }
        check_modes(&modes());
    }
}
