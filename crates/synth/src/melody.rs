//! The melody: phrases of the rhythm's time filled by a walk through the mode.
//!
//! A phrase is given its goal, the tonic or a resting degree; the walk keeps `steps to the goal ≤ notes left`, so it always arrives. It rises only on
//! degrees of the ascent and falls only on those of the descent, and quotes the mode's turns. Where it moves follows the mode's motion
//! (*seyir*): ascending, descending or from the dominant both ways; the last phrase comes home to the tonic.

use draws::Draws;

use crate::phrase::{Tone, free_time, measured_time};
use crate::pulse::Pulse;
use crate::style::Style;
use crate::theory::{Mode, Motion};

/// A melody of the whole piece.
pub(crate) fn melody(mode: &Mode, pulse: &Pulse, style: &Style, draws: &mut Draws) -> Vec<Tone> {
    let mut phrases = if pulse.groups.is_empty() {
        free_time(pulse, style, draws)
    } else {
        measured_time(pulse, style, draws)
    };
    let n_phrases = phrases.len();
    let mut here = opening(mode);
    for (index, phrase) in phrases.iter_mut().enumerate() {
        let progress = if n_phrases > 1 { index as f64 / (n_phrases - 1) as f64 } else { 1.0 };
        let goal = if index + 1 == n_phrases { home(mode, here) } else { goal(mode, progress, draws) };
        let centre = centre(mode, progress);
        let start = if index == 0 || draws.uniform() < 0.5 { here } else { near(mode, centre, draws) };
        let places = walk(mode, style, start, goal, centre, phrase.len(), draws);
        phrase.iter_mut().zip(places).for_each(|(tone, place)| tone.place = place);
        if let Some(first) = phrase.first_mut() {
            first.first = true;
        }
        if let Some(last) = phrase.last_mut() {
            last.last = true;
        }
        here = goal;
    }
    phrases.concat()
}

/// Where the melody begins.
fn opening(mode: &Mode) -> i32 {
    match mode.motion {
        Motion::Ascending => 0,
        Motion::Descending => mode.n(),
        Motion::Mixed => mode.rests[0],
    }
}

/// The tonic a melody at `here` comes home to: the lower one, unless it is far.
fn home(mode: &Mode, here: i32) -> i32 {
    if here > mode.n() + mode.n() / 2 { mode.n() } else { 0 }
}

/// The middle of the register at `progress` through the piece.
fn centre(mode: &Mode, progress: f64) -> f64 {
    let n = f64::from(mode.n());
    let dominant = f64::from(mode.rests[0]);
    match mode.motion {
        Motion::Ascending => 0.15 * n + 2.4 * (progress - progress * progress) * n,
        Motion::Descending => n * (1.0 - 0.85 * progress),
        Motion::Mixed => dominant * (1.0 - 0.6 * progress) + 0.8 * (progress - progress * progress) * n,
    }
}

/// A goal in reach of the register.
fn goal(mode: &Mode, progress: f64, draws: &mut Draws) -> i32 {
    let centre = centre(mode, progress);
    let mut goals = vec![0, mode.n()];
    goals.extend(&mode.rests);
    goals.extend(&mode.rests);
    goals.extend(mode.rests.iter().map(|rest| rest + mode.n()));
    goals.sort_by(|a, b| (f64::from(*a) - centre).abs().total_cmp(&(f64::from(*b) - centre).abs()));
    goals[draws.below(4) as usize]
}

/// A place near the middle of the register that a phrase may begin on.
fn near(mode: &Mode, centre: f64, draws: &mut Draws) -> i32 {
    let place = (centre + draws.between(-2.5, 2.5)).round() as i32;
    let degree = mode.degree(place);
    if degree.ascending && degree.descending { place } else { mode.step(place, place <= 0) }
}

/// Steps a melody needs from `from` to `to`, which is open both ways.
fn distance(mode: &Mode, from: i32, to: i32) -> usize {
    let mut place = from;
    let mut steps = 0;
    while place != to {
        let next = mode.step(place, to > place);
        // A step that would pass the goal lands on it.
        place = if (next > to) == (to > place) && next != to { to } else { next };
        steps += 1;
    }
    steps
}

/// `n ≥ 1` places from `start` to `goal`.
fn walk(
    mode: &Mode,
    style: &Style,
    start: i32,
    goal: i32,
    centre: f64,
    n: usize,
    draws: &mut Draws,
) -> Vec<i32> {
    let mut places: Vec<i32> = Vec::with_capacity(n);
    if n > 1 {
        places.push(if distance(mode, start, goal) < n { start } else { goal });
    }
    while places.len() < n {
        let here = places.last().copied().unwrap_or(goal);
        let left = n - places.len();
        if let Some(motif) = quote(mode, style, here, goal, centre, left, draws) {
            places.extend(motif);
            continue;
        }
        places.push(next(mode, style, here, goal, centre, left, draws));
    }
    places
}

/// A turn of the mode that may follow `here` and leaves enough notes to reach the goal.
fn quote(
    mode: &Mode,
    style: &Style,
    here: i32,
    goal: i32,
    centre: f64,
    left: usize,
    draws: &mut Draws,
) -> Option<Vec<i32>> {
    if draws.uniform() > style.motif {
        return None;
    }
    let motif = &mode.motifs[draws.below(mode.motifs.len() as u64) as usize];
    let (first, last) = (*motif.first()?, *motif.last()?);
    // In the octave that is nearest.
    let shift = mode.n() * (f64::from(here - first) / f64::from(mode.n())).round() as i32;
    let near = (first + shift - here).abs() <= 3 && mode.may_follow(here, first + shift);
    let arrives = motif.len() + distance(mode, last + shift, goal) <= left;
    let inside = motif.iter().all(|&place| (f64::from(place + shift) - centre).abs() < f64::from(mode.n()));
    (near && arrives && inside).then(|| motif.iter().map(|place| place + shift).collect())
}

/// One note further.
fn next(
    mode: &Mode,
    style: &Style,
    here: i32,
    goal: i32,
    centre: f64,
    left: usize,
    draws: &mut Draws,
) -> i32 {
    if left == 1 {
        return goal;
    }
    let (up, down) = (mode.step(here, true), mode.step(here, false));
    let step = (1.0 - style.leap - style.repeat) / 2.0;
    let moves = [
        (up, step),
        (down, step),
        (here, style.repeat),
        (mode.step(up, true), style.leap / 2.0),
        (mode.step(down, false), style.leap / 2.0),
    ];
    let weighed = moves.map(|(place, weight)| {
        let reachable = distance(mode, place, goal) < left;
        // Falls by a third of a register away from its middle.
        let away = (f64::from(place) - centre).abs() / (0.45 * f64::from(mode.n()));
        let stuck = f64::from(u8::from(place == here)) * 0.5;
        if reachable { weight * libm::exp(-away * away) * (1.0 - stuck) } else { 0.0 }
    });
    let total: f64 = weighed.iter().sum();
    if total <= 0.0 {
        return if here == goal { here } else { mode.step(here, goal > here) };
    }
    let mut left = draws.uniform() * total;
    for (weight, (place, _)) in weighed.iter().zip(moves) {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    up
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tradition;
    use crate::phrase::SHORTEST;
    use crate::style::style;
    use crate::vocabulary::{modes, rhythms};

    fn melodies(check: impl Fn(&Mode, &Pulse, &[Tone])) {
        for tradition in Tradition::ALL {
            for (index, mode) in modes(tradition).iter().enumerate() {
                for seed in 0..12 {
                    let mut draws = Draws::new(seed, "melody", &[index as u64]);
                    let all = rhythms(tradition);
                    let pulse = match seed % 4 {
                        0 => Pulse::free(17.0),
                        _ => Pulse::measured(&all[seed as usize % all.len()], 20.0, 0.5, &mut draws),
                    };
                    check(mode, &pulse, &melody(mode, &pulse, &style(tradition), &mut draws));
                }
            }
        }
    }

    #[test]
    fn phrases_end_on_the_tonic_or_a_rest_and_the_piece_on_the_tonic() {
        melodies(|mode, _, tones| {
            for tone in tones.iter().filter(|tone| tone.last) {
                let degree = tone.place.rem_euclid(mode.n());
                let rests = mode.rests.iter().any(|rest| rest.rem_euclid(mode.n()) == degree);
                assert!(degree == 0 || rests, "{}: {tone:?}", mode.name);
            }
            assert_eq!(tones.last().unwrap().place.rem_euclid(mode.n()), 0, "{}", mode.name);
        });
    }

    #[test]
    fn within_a_phrase_the_melody_obeys_ascent_and_descent() {
        melodies(|mode, _, tones| {
            for pair in tones.windows(2).filter(|pair| !pair[1].first) {
                assert!(mode.may_follow(pair[0].place, pair[1].place), "{}: {pair:?}", mode.name);
            }
        });
    }

    #[test]
    fn notes_follow_each_other_inside_the_piece_and_the_register() {
        melodies(|mode, pulse, tones| {
            assert!(tones.len() > 15, "{}: {} notes", mode.name, tones.len());
            for pair in tones.windows(2) {
                assert!(pair[0].at + pair[0].units <= pair[1].at + 1e-9, "{pair:?}");
            }
            assert!(tones.iter().all(|tone| tone.units * pulse.unit > 0.9 * SHORTEST), "{}", mode.name);
            let end = tones.last().map(|tone| tone.at + tone.units).unwrap();
            assert!((end - pulse.n_units).abs() < 0.3, "{end} of {}", pulse.n_units);
            let n = mode.n();
            assert!(
                tones.iter().all(|tone| (-n..=2 * n + 2).contains(&tone.place)),
                "{}: {tones:?}",
                mode.name
            );
            let distinct: std::collections::BTreeSet<i32> =
                tones.iter().map(|tone| tone.place.rem_euclid(n)).collect();
            assert!(distinct.len() >= 3, "{} uses {distinct:?}", mode.name);
        });
    }

    #[test]
    fn notes_begin_on_units_and_their_subdivisions() {
        melodies(|mode, pulse, tones| {
            if !pulse.groups.is_empty() {
                let starts: Vec<f64> = pulse.groups().iter().map(|group| group.0).collect();
                let on = |start: &f64| tones.iter().any(|tone| (tone.at - start).abs() < 1e-9);
                assert!(starts.iter().all(on), "{}: every group begins with a note", mode.name);
            }
        });
    }
}
