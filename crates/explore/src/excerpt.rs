//! What may be heard: licences, a limit on the whole, and clean ends.

use std::collections::BTreeMap;

use draws::Draws;
use weights::Terms;

/// Whether an item can be heard on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sound {
    /// An excerpt lies beside the page.
    Excerpt {
        /// Its length.
        seconds: f64,
    },
    /// Its licence does not allow one.
    Licence,
    /// The limit for all excerpts was reached before it.
    Limit,
    /// The page was made without sound.
    Off,
}

/// Whether a licence, as stated, allows an excerpt, and why: a clause for people. What states nothing, or nothing that is understood, allows none.
pub fn sound_of(licence: Option<&str>) -> (bool, String) {
    let Some(licence) = licence else { return (false, "no licence is stated".into()) };
    let terms = Terms::of(licence);
    match (terms.forbid_excerpt(), terms) {
        (Some(refusal), _) => (false, format!("its licence {refusal}")),
        (None, Terms::Conditions { non_commercial: true, .. }) => {
            (true, "may be passed on with its authors named, not commercially".into())
        }
        (None, Terms::Conditions { .. }) => (true, "may be passed on with its authors named".into()),
        (None, _) => (true, "may be passed on".into()),
    }
}

/// File of an item's excerpt, relative to the page.
pub fn excerpt_name(index: usize) -> String {
    format!("audio/{index:05}.wav")
}

/// Which of the items get an excerpt when all of them together may have `limit` bytes: drawn one of each culture in turn, so that none is silent
/// because others are large. Items of zero bytes get none.
///
/// # Panics
/// When `cultures` are not one an item.
pub fn within(bytes: &[u64], cultures: &[&str], limit: u64, seed: u64) -> Vec<bool> {
    assert_eq!(bytes.len(), cultures.len(), "a culture for every item");
    let mut by_culture: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, culture) in cultures.iter().enumerate().filter(|(index, _)| bytes[*index] > 0) {
        by_culture.entry(culture).or_default().push(index);
    }
    for (at, items) in by_culture.values_mut().enumerate() {
        Draws::new(seed, "excerpts", &[at as u64]).shuffle(items);
    }
    let longest = by_culture.values().map(Vec::len).max().unwrap_or(0);
    let in_turn =
        (0..longest).flat_map(|round| by_culture.values().filter_map(move |items| items.get(round)));
    let (mut chosen, mut left) = (vec![false; bytes.len()], limit);
    for &index in in_turn {
        if bytes[index] <= left {
            left -= bytes[index];
            chosen[index] = true;
        }
    }
    chosen
}

/// Samples of a fade at either end: 10 ms at 24 kHz, so that an excerpt begins and ends without a click.
const FADE: usize = 240;

/// The samples with their ends faded.
pub fn faded(mut samples: Vec<f32>) -> Vec<f32> {
    let n = samples.len();
    let fade = FADE.min(n / 2);
    for i in 0..fade {
        let share = i as f32 / fade as f32;
        samples[i] *= share;
        samples[n - 1 - i] *= share;
    }
    samples
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_a_licence_is_known_to_allow_is_heard() {
        for (licence, plays) in [
            ("CC0-1.0", true),
            ("public domain", true),
            ("CC BY 4.0", true),
            ("CC BY-NC-SA 4.0", true),
            ("CC BY-ND 4.0", false),
            ("CC BY-NC-ND 4.0", false),
            ("for research, on request", false),
            ("all rights reserved", false),
            ("as the artist chose", false),
            ("", false),
        ] {
            let (allowed, why) = sound_of(Some(licence));
            assert_eq!(allowed, plays, "{licence}: {why}");
            assert!(!why.is_empty());
        }
        assert_eq!(sound_of(None), (false, "no licence is stated".into()));
        assert!(sound_of(Some("CC BY-NC 4.0")).1.contains("not commercially"));
    }

    proptest! {
        #[test]
        fn excerpts_stay_within_the_limit_and_cultures_take_turns(
            bytes in prop::collection::vec(0_u64..50, 0..60),
            limit in 0_u64..900,
            seed: u64,
        ) {
            let names = ["a", "b", "c"];
            let cultures: Vec<&str> = (0..bytes.len()).map(|i| names[i % 3]).collect();
            let chosen = within(&bytes, &cultures, limit, seed);
            let used: u64 = bytes.iter().zip(&chosen).filter(|(_, is)| **is).map(|(b, _)| b).sum();
            prop_assert!(used <= limit);
            for (index, &is_chosen) in chosen.iter().enumerate() {
                // What was left out would not have fitted, or has nothing to play.
                prop_assert!(is_chosen || bytes[index] == 0 || used + bytes[index] > limit);
                prop_assert!(!is_chosen || bytes[index] > 0);
            }
            prop_assert_eq!(within(&bytes, &cultures, limit, seed), chosen);
        }

        #[test]
        fn ends_are_silent_and_the_middle_is_as_it_was(n in 0_usize..2000) {
            let out = faded(vec![1.0; n]);
            prop_assert!(out.first().is_none_or(|&x| n == 1 || x == 0.0));
            prop_assert!(out.last().is_none_or(|&x| n == 1 || x == 0.0));
            if n > 2 * FADE {
                prop_assert!(out[FADE..n - FADE].iter().all(|&x| x.to_bits() == 1.0_f32.to_bits()));
            }
        }
    }

    #[test]
    fn with_equal_sizes_cultures_get_equally_many() {
        let cultures = ["a", "a", "a", "a", "a", "a", "b", "b", "b"];
        let chosen = within(&[10; 9], &cultures, 60, 3);
        assert_eq!(chosen[..6].iter().filter(|is| **is).count(), 3);
        assert_eq!(chosen[6..].iter().filter(|is| **is).count(), 3);
    }
}
