//! The search of a sweep: where it starts, and how its proposals become points. It sees validation scores and nothing else.

use std::str::FromStr;

use study::sweep::{Origin, SearchTrace, TracedRound};
use weights::CoordinateSearch;

use super::points::{Points, Progress};

/// A search of every model's own λ.
pub(crate) struct Search {
    pub(crate) start: Start,
    pub(crate) how: CoordinateSearch,
    /// Lengths of its moves, as they were given.
    pub(crate) steps: Vec<f64>,
}

/// Where a search starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Start {
    /// At the best shared λ.
    Uniform,
    /// At λ by similarity.
    Guided,
    /// At these, in the order of the names.
    Given(Vec<f64>),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        Ok(match text {
            "uniform" => Self::Uniform,
            "guided" => Self::Guided,
            numbers => {
                Self::Given(
                    numbers.split(',').map(number).collect::<Option<_>>().ok_or(
                        "neither `uniform`, nor `guided`, nor finite numbers with commas between them",
                    )?,
                )
            }
        })
    }
}

/// Searches from `start`; every vector becomes a point, and points that are known are not measured again.
pub(super) fn searched(
    search: &Search,
    word: &str,
    start: &[f64],
    points: &mut Points<'_>,
    names: &[String],
) -> anyhow::Result<SearchTrace> {
    let terminal = points.terminal();
    let mut bar = None;
    let mut round = usize::MAX;
    let found = search.how.run(start, |proposal| {
        if round != proposal.round || bar.is_none() {
            round = proposal.round;
            let name = if round == 0 { "start".to_owned() } else { format!("round {round}") };
            bar = Some(terminal.parts_bar(&name, if round == 0 { 1 } else { proposal.of }));
        }
        let bar = bar.as_ref().expect("every round has a bar");
        let of = if proposal.round == 0 { 1 } else { proposal.of };
        let origin = if proposal.round == 0 { Origin::Start } else { Origin::Search };
        let at = points.at(proposal.lambdas, origin, false, Progress { bar, index: proposal.index, of })?;
        anyhow::Ok(points.all[at].score)
    })?;
    if let Some(bar) = bar {
        bar.finish();
    }
    let by_name = |lambdas: Vec<f64>| names.iter().cloned().zip(lambdas).collect();
    Ok(SearchTrace {
        start: word.into(),
        steps: search.steps.clone(),
        start_score: found.start_score,
        rounds: found
            .rounds
            .into_iter()
            .map(|round| TracedRound {
                lambdas: by_name(round.lambdas),
                score: round.score,
                n_new: round.n_measured,
            })
            .collect(),
        converged: found.converged,
    })
}
