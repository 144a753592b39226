//! Looking for λ: which vectors are worth a measurement, and which measured one is taken. Knows nothing of what is measured.
//!
//! Coordinate search: from a start, one model after the other is moved by each step up and down while the others stay; the best of these
//! replaces the current vector if it is better. A round visits every model once; a round that changes nothing ends the search.
//! Moves are whole millionths from the start, so a vector that is reached again is known to be the same, and none is measured twice. The order of visits
//! is that of the coordinates: whoever wants the order of models to change nothing sorts them. Ties keep what is there. Pure.

use std::collections::BTreeMap;

use crate::WeightsError;

/// Moves are counted in this part of 1.
const PER_UNIT: f64 = 1e6;

/// Decimals beyond this are rounding of sums, not meant.
const DECIMALS: f64 = 1e9;

/// How to look, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct CoordinateSearch {
    /// Lengths of the moves, millionths, ascending.
    steps: Vec<i64>,
    n_rounds: usize,
}

/// A vector to be measured, and where the search stands.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// The vector, one λ a coordinate.
    pub lambdas: &'a [f64],
    /// The round it belongs to, from 1; 0 for the start.
    pub round: usize,
    /// Its place among the moves of the round, from 0.
    pub index: usize,
    /// Moves of a round; those whose vectors are known are skipped.
    pub of: usize,
}

/// Where a round ended.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRound {
    /// The vector after it.
    pub lambdas: Vec<f64>,
    /// Its score.
    pub score: f64,
    /// Vectors that had to be measured in it.
    pub n_measured: usize,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Searched {
    /// Score of the start.
    pub start_score: f64,
    /// All rounds, the last one without a change where the search has converged.
    pub rounds: Vec<SearchRound>,
    /// Whether a round changed nothing; if not, the rounds were used up.
    pub converged: bool,
}

impl CoordinateSearch {
    /// Moves of these lengths, each up and down, in at most so many rounds.
    pub fn new(steps: &[f64], n_rounds: usize) -> Result<Self, WeightsError> {
        let refuse = |reason: String| Err(WeightsError::Search(reason));
        if steps.is_empty() {
            return refuse("it has no steps".into());
        }
        if n_rounds == 0 {
            return refuse("it has no rounds".into());
        }
        let mut whole = Vec::new();
        for &step in steps {
            let millionths = (step * PER_UNIT).round();
            let is_whole = (step * PER_UNIT - millionths).abs() < 1e-6;
            if !(step.is_finite() && is_whole && (1.0..=1e12).contains(&millionths)) {
                return refuse(format!("the step {step} is no multiple of 0.000001 above 0"));
            }
            whole.push(millionths as i64);
        }
        whole.sort_unstable();
        whole.dedup();
        Ok(Self { steps: whole, n_rounds })
    }

    /// Moves that a round over so many coordinates has.
    pub fn moves(&self, n_coordinates: usize) -> usize {
        2 * self.steps.len() * n_coordinates
    }

    /// Searches from `start` for the largest value of `measure`, which is asked once for every vector, and not at all after it failed.
    pub fn run<E>(
        &self,
        start: &[f64],
        mut measure: impl FnMut(&Proposal<'_>) -> Result<f64, E>,
    ) -> Result<Searched, E> {
        let of = self.moves(start.len());
        let mut at = vec![0i64; start.len()];
        let mut known: BTreeMap<Vec<i64>, f64> = BTreeMap::new();
        let start_score = measure(&Proposal { lambdas: start, round: 0, index: 0, of })?;
        known.insert(at.clone(), start_score);
        let mut score = start_score;
        let (mut rounds, mut converged) = (Vec::new(), false);
        while rounds.len() < self.n_rounds && !converged {
            let (before, n_known) = (at.clone(), known.len());
            let mut index = 0;
            for coordinate in 0..start.len() {
                let (mut best, mut best_score) = (at.clone(), score);
                for step in self.steps.iter().flat_map(|&step| [-step, step]) {
                    let mut moved = at.clone();
                    moved[coordinate] += step;
                    let found = if let Some(&found) = known.get(&moved) {
                        found
                    } else {
                        let lambdas = moved_from(start, &moved);
                        let proposal = Proposal { lambdas: &lambdas, round: rounds.len() + 1, index, of };
                        let found = measure(&proposal)?;
                        known.insert(moved.clone(), found);
                        found
                    };
                    index += 1;
                    if found > best_score {
                        (best, best_score) = (moved, found);
                    }
                }
                (at, score) = (best, best_score);
            }
            converged = at == before;
            let n_measured = known.len() - n_known;
            rounds.push(SearchRound { lambdas: moved_from(start, &at), score, n_measured });
        }
        Ok(Searched { start_score, rounds, converged })
    }
}

/// The vector that lies so many millionths from the start; the start's own bits where it was not moved.
fn moved_from(start: &[f64], by: &[i64]) -> Vec<f64> {
    let moved = |(&from, &by): (&f64, &i64)| match by {
        0 => from,
        // Adding 0 makes the zero positive.
        by => ((from + by as f64 / PER_UNIT) * DECIMALS).round() / DECIMALS + 0.0,
    };
    start.iter().zip(by).map(moved).collect()
}

/// The place of the vector with the highest score. Of several the one that moves least from the base (`Σ|λ|`), then the first in the order
/// of numbers: the order of the list decides nothing. Scores that are not finite are never taken.
pub fn best_lambdas<'a>(scored: impl IntoIterator<Item = (&'a [f64], f64)>) -> Option<usize> {
    let size = |lambdas: &[f64]| lambdas.iter().map(|lambda| lambda.abs()).sum::<f64>();
    let by_number = |a: &[f64], b: &[f64]| {
        let first = a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne());
        first.unwrap_or(std::cmp::Ordering::Equal)
    };
    let finite = scored.into_iter().enumerate().filter(|(_, (_, score))| score.is_finite());
    let best = finite.min_by(|(_, (a, of_a)), (_, (b, of_b))| {
        of_b.total_cmp(of_a).then_with(|| size(a).total_cmp(&size(b))).then_with(|| by_number(a, b))
    });
    best.map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// Runs a search, counts what is asked, and gives every vector asked for.
    fn searched(
        search: &CoordinateSearch,
        start: &[f64],
        of: impl Fn(&[f64]) -> f64,
    ) -> (Searched, Vec<Vec<f64>>) {
        let mut asked = Vec::new();
        let found = search.run(start, |proposal| {
            asked.push(proposal.lambdas.to_vec());
            Ok::<f64, Infallible>(of(proposal.lambdas))
        });
        (found.unwrap(), asked)
    }

    fn bits(lambdas: &[f64]) -> Vec<u64> {
        lambdas.iter().map(|lambda| lambda.to_bits()).collect()
    }

    proptest! {
        /// A concave function of each coordinate alone is climbed to its highest point on the grid, from wherever.
        #[test]
        fn the_optimum_of_separable_concave_functions_is_found_and_nothing_is_asked_twice(
            peaks in prop::collection::vec((-10i64..=10, 1.0f64..5.0), 1..5),
            start in prop::collection::vec(-10i64..=10, 5),
        ) {
            let tenth = |n: i64| n as f64 / 10.0;
            let start: Vec<f64> = start[..peaks.len()].iter().map(|&n| tenth(n)).collect();
            let of = |lambdas: &[f64]| -> f64 {
                lambdas.iter().zip(&peaks).map(|(x, (peak, steep))| -steep * (x - tenth(*peak)).powi(2)).sum()
            };
            let search = CoordinateSearch::new(&[0.1, 0.4], 100).unwrap();
            let (found, asked) = searched(&search, &start, of);
            prop_assert!(found.converged);
            let last = found.rounds.last().unwrap();
            for (lambda, (peak, _)) in last.lambdas.iter().zip(&peaks) {
                prop_assert!((lambda - tenth(*peak)).abs() < 1e-9, "{:?} for {:?}", last.lambdas, peaks);
            }
            prop_assert_eq!(asked.iter().map(|lambdas| bits(lambdas)).collect::<BTreeSet<_>>().len(), asked.len());
            let n_measured: usize = found.rounds.iter().map(|round| round.n_measured).sum();
            prop_assert_eq!(asked.len(), 1 + n_measured);
            let place = best_lambdas(asked.iter().map(|lambdas| (lambdas.as_slice(), of(lambdas)))).unwrap();
            prop_assert_eq!(&asked[place], &last.lambdas);
        }

        /// Which of several is taken does not depend on how they are listed.
        #[test]
        fn the_order_of_a_list_decides_nothing(
            scores in prop::collection::vec((0i8..4, 0i8..3, 0i8..4), 1..12), turn in 0usize..12
        ) {
            let points: Vec<([f64; 2], f64)> =
                scores.iter().map(|&(a, b, score)| ([f64::from(a), f64::from(b)], f64::from(score))).collect();
            let pick = |points: &[([f64; 2], f64)]| {
                points[best_lambdas(points.iter().map(|(at, score)| (at.as_slice(), *score))).unwrap()]
            };
            let mut turned = points.clone();
            turned.rotate_left(turn % points.len());
            prop_assert_eq!(pick(&points), pick(&turned));
            turned.reverse();
            prop_assert_eq!(pick(&points), pick(&turned));
        }
    }

    #[test]
    fn vectors_are_the_numbers_that_are_written() {
        let search = CoordinateSearch::new(&[0.1], 4).unwrap();
        let (found, asked) = searched(&search, &[0.2, 0.1234567890123], |lambdas| lambdas[0]);
        assert_eq!(found.rounds.len(), 4);
        assert!(!found.converged, "it climbs for ever");
        let firsts: Vec<f64> = found.rounds.iter().map(|round| round.lambdas[0]).collect();
        assert_eq!(firsts, [0.3, 0.4, 0.5, 0.6]);
        assert!(
            asked.iter().any(|lambdas| lambdas[1].to_bits() == 0.1234567890123_f64.to_bits()),
            "an unmoved start keeps its bits"
        );
        let (_, asked) = searched(&search, &[0.1], |lambdas| -lambdas[0]);
        assert!(asked.iter().any(|lambdas| lambdas[0].to_bits() == 0), "{asked:?}");
    }

    #[test]
    fn a_flat_function_stays_and_an_error_ends_the_search() {
        let search = CoordinateSearch::new(&[0.1], 9).unwrap();
        let (found, asked) = searched(&search, &[0.2, 0.2], |_| 0.5);
        assert_eq!((found.rounds.len(), found.converged, asked.len()), (1, true, 5));
        assert_eq!(found.rounds[0].lambdas, [0.2, 0.2]);
        let (not_a_number, _) =
            searched(&search, &[0.2], |lambdas| if lambdas[0] > 0.25 { f64::NAN } else { 0.5 });
        assert_eq!(not_a_number.rounds[0].lambdas, [0.2]);
        let mut n = 0;
        let failed = search.run(&[0.0], |_| {
            n += 1;
            if n == 2 { Err("stopped") } else { Ok(0.0) }
        });
        assert_eq!((failed, n), (Err("stopped"), 2));
    }

    #[test]
    fn searches_that_cannot_be_are_refused() {
        for steps in
            [&[][..], &[0.0][..], &[-0.1][..], &[f64::NAN][..], &[1e-7][..], &[0.1, f64::INFINITY][..]]
        {
            assert!(CoordinateSearch::new(steps, 1).is_err(), "{steps:?}");
        }
        assert!(CoordinateSearch::new(&[0.1], 0).is_err());
        assert_eq!(best_lambdas([]), None);
        assert_eq!(best_lambdas([(&[0.0][..], f64::NAN)]), None);
    }
}
