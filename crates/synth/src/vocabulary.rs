//! What each tradition has to choose from: modes, rhythms, instruments, and the words its tags use for them.
//!
//! The first entries of a table are the ones a small plan keeps.

use crate::Tradition;
use crate::instrument::{Drone, Instrument, Kit};
use crate::theory::{Mode, Rhythm, carnatic, carnatic_tala, dance, hindustani, makam, metre, theka, usul};
use crate::theory::{greek, western};

/// The choices of one tradition.
#[derive(Clone, Debug)]
pub(crate) struct Vocabulary {
    pub(crate) tradition: Tradition,
    /// `makam`, `raga`, `dromos` or `mode`.
    pub(crate) mode_namespace: &'static str,
    pub(crate) modes: Vec<&'static str>,
    /// `usul`, `tala` or `rhythm`.
    pub(crate) rhythm_namespace: &'static str,
    pub(crate) rhythms: Vec<&'static str>,
    /// Name of the unmeasured form (`form:taksim`); empty where there is none.
    pub(crate) unmeasured: &'static str,
    pub(crate) instruments: Vec<Instrument>,
    pub(crate) kits: Vec<Option<Kit>>,
    pub(crate) drones: Vec<Option<Drone>>,
}

/// The whole vocabulary of `tradition`.
pub(crate) fn vocabulary(tradition: Tradition) -> Vocabulary {
    use Instrument::{
        Bansuri, Bouzouki, Clarinet, Flute, Guitar, Kanun, Kemence, Laouto, Lyra, Ney, Oud, Piano, Sarangi,
        Sitar, Strings, Tanbur, Veena, Venu, Violin, Voice,
    };
    let (mode_namespace, rhythm_namespace, unmeasured) = match tradition {
        Tradition::TurkishMakam => ("makam", "usul", "taksim"),
        Tradition::Hindustani => ("raga", "tala", "alap"),
        Tradition::Carnatic => ("raga", "tala", "alapana"),
        Tradition::Greek => ("dromos", "rhythm", "taximi"),
        Tradition::Western => ("mode", "rhythm", ""),
    };
    let (instruments, kits, drones) = match tradition {
        Tradition::TurkishMakam => {
            (vec![Ney, Tanbur, Kemence, Kanun, Oud], vec![Some(Kit::Kudum), Some(Kit::Bendir)], vec![None])
        }
        Tradition::Hindustani => (
            vec![Sitar, Bansuri, Voice, Sarangi],
            vec![Some(Kit::Tabla)],
            vec![Some(Drone::Tanpura), Some(Drone::Harmonium)],
        ),
        Tradition::Carnatic => (
            vec![Violin, Voice, Veena, Venu],
            vec![Some(Kit::Mridangam)],
            vec![Some(Drone::Tanpura), Some(Drone::ShrutiBox)],
        ),
        Tradition::Greek => {
            (vec![Bouzouki, Lyra, Clarinet, Laouto], vec![Some(Kit::Toumbeleki), None], vec![None])
        }
        Tradition::Western => (vec![Piano, Guitar, Strings, Flute], vec![Some(Kit::Drums), None], vec![None]),
    };
    Vocabulary {
        tradition,
        mode_namespace,
        modes: modes(tradition).iter().map(|mode| mode.name).collect(),
        rhythm_namespace,
        rhythms: rhythms(tradition).iter().map(|rhythm| rhythm.name).collect(),
        unmeasured,
        instruments,
        kits,
        drones,
    }
}

/// The modes of `tradition`, from their theory.
pub(crate) fn modes(tradition: Tradition) -> Vec<Mode> {
    match tradition {
        Tradition::TurkishMakam => makam::modes(),
        Tradition::Hindustani => hindustani::modes(),
        Tradition::Carnatic => carnatic::modes(),
        Tradition::Greek => greek::modes(),
        Tradition::Western => western::modes(),
    }
}

/// The rhythms of `tradition`, from their theory.
pub(crate) fn rhythms(tradition: Tradition) -> &'static [Rhythm] {
    match tradition {
        Tradition::TurkishMakam => usul::USULS,
        Tradition::Hindustani => theka::TALAS,
        Tradition::Carnatic => carnatic_tala::TALAS,
        Tradition::Greek => dance::RHYTHMS,
        Tradition::Western => metre::METRES,
    }
}

impl Vocabulary {
    /// Rhythms to deal, the unmeasured form counted as one more.
    pub(crate) fn n_rhythms(&self) -> usize {
        self.rhythms.len() + usize::from(!self.unmeasured.is_empty())
    }

    /// Keeps what a split of `n_pieces ≥ 1` pieces can hold at least once.
    pub(crate) fn limited_to(mut self, n_pieces: usize) -> Self {
        self.modes.truncate(n_pieces);
        if n_pieces <= self.rhythms.len() {
            self.rhythms.truncate(n_pieces);
            self.unmeasured = "";
        }
        self.instruments.truncate(2 * n_pieces);
        self.kits.truncate(n_pieces);
        self.drones.truncate(n_pieces);
        self
    }

    /// Every tag these choices can give, sorted.
    pub(crate) fn tags(&self) -> Vec<String> {
        let instruments = self.instruments.iter().map(|instrument| instrument.name());
        let kits = self.kits.iter().flatten().map(|kit| kit.name());
        let drones = self.drones.iter().flatten().map(|drone| drone.name());
        let mut tags: Vec<String> = std::iter::once(format!("tradition:{}", self.tradition))
            .chain(self.modes.iter().map(|mode| format!("{}:{mode}", self.mode_namespace)))
            .chain(self.rhythms.iter().map(|rhythm| format!("{}:{rhythm}", self.rhythm_namespace)))
            .chain((!self.unmeasured.is_empty()).then(|| format!("form:{}", self.unmeasured)))
            .chain(instruments.chain(kits).chain(drones).map(|name| format!("instrument:{name}")))
            .collect();
        tags.sort();
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_plain_and_unique_within_a_tradition() {
        for tradition in Tradition::ALL {
            let tags = vocabulary(tradition).tags();
            assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), tags.len());
            for tag in &tags {
                assert!(
                    tag.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b":-_".contains(&b)),
                    "{tag}"
                );
            }
        }
    }

    #[test]
    fn the_tables_are_as_wide_as_promised() {
        let widths = Tradition::ALL.map(|tradition| (modes(tradition).len(), rhythms(tradition).len()));
        assert!(widths[..3].iter().all(|&(modes, _)| modes >= 6) && widths[3].0 >= 5 && widths[4].0 >= 2);
        assert!(widths.iter().all(|&(_, rhythms)| rhythms >= 2));
    }
}
