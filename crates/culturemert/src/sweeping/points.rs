//! The points of a sweep as they come: each measured once, recalled where it is kept, told on the way.

use std::time::{Duration, Instant};

use study::sweep::{Metric, Origin, Side, SweptPoint, TaskScores};

use super::ground::{Answered, Ground, Measured};
use super::kept::Kept;
use crate::exit::Interrupted;
use crate::terminal::{PartsBar, Terminal};

/// λ this close to 0 or to each other are the same: adding 0 makes the zero positive.
fn plain(lambdas: &[f64]) -> Vec<f64> {
    lambdas.iter().map(|lambda| lambda + 0.0).collect()
}

/// A point that was measured.
pub(super) struct Point {
    pub(super) lambdas: Vec<f64>,
    origins: Vec<Origin>,
    measured: Measured,
    /// Its validation score.
    pub(super) score: f64,
}

/// All points so far.
pub(super) struct Points<'a> {
    ground: &'a Ground<'a>,
    names: &'a [String],
    metric: Metric,
    kept: Kept,
    terminal: &'a Terminal,
    pub(super) all: Vec<Point>,
    /// Points that were measured here and not recalled, and the time they took.
    n_measured: usize,
    spent: Duration,
}

/// Where a series of measurements stands.
#[derive(Clone, Copy)]
pub(super) struct Progress<'b> {
    pub(super) bar: &'b PartsBar,
    /// Which of the series.
    pub(super) index: usize,
    /// How many there may be.
    pub(super) of: usize,
}

impl<'a> Points<'a> {
    pub(super) fn new(
        ground: &'a Ground<'a>,
        names: &'a [String],
        metric: Metric,
        kept: Kept,
        terminal: &'a Terminal,
    ) -> Self {
        if let (Some(file), n @ 1..) = (kept.file(), kept.len()) {
            terminal.say(format!("{n} measurements of this sweep are kept in `{}`", file.display()));
        }
        let (all, n_measured, spent) = (Vec::new(), 0, Duration::ZERO);
        Self { ground, names, metric, kept, terminal, all, n_measured, spent }
    }

    /// The place of the point with these λ. A point that is known is measured again only for test scores that it lacks.
    pub(super) fn at(
        &mut self,
        lambdas: &[f64],
        origin: Origin,
        with_test: bool,
        progress: Progress<'_>,
    ) -> anyhow::Result<usize> {
        let lambdas = plain(lambdas);
        let same =
            |point: &Point| point.lambdas.iter().zip(&lambdas).all(|(a, b)| a.to_bits() == b.to_bits());
        if let Some(place) = self.all.iter().position(same) {
            if !self.all[place].origins.contains(&origin) {
                self.all[place].origins.push(origin);
            }
            if with_test {
                self.test(place, progress)?;
            }
            return Ok(place);
        }
        let measured = self.measured(&lambdas, with_test, progress)?;
        let score = side(self.metric, &measured, |answered| Some(&answered.validation))
            .ok_or_else(|| anyhow::anyhow!("no seed was measured"))?
            .mean
            .mean;
        let left = self.time_left(progress);
        let (words, metric) = (self.words(&lambdas), self.metric.label());
        progress.bar.suspend(|| {
            self.terminal.say(format!("{words}: validation {metric} {score:.4}{left}"));
        });
        self.all.push(Point { lambdas, origins: vec![origin], measured, score });
        Ok(self.all.len() - 1)
    }

    /// Measures a point on the test recordings too, unless that is done. Its validation scores are the same again.
    pub(super) fn test(&mut self, place: usize, progress: Progress<'_>) -> anyhow::Result<()> {
        if self.all[place].measured.has_test() {
            return Ok(());
        }
        let lambdas = self.all[place].lambdas.clone();
        let measured = self.measured(&lambdas, true, progress)?;
        anyhow::ensure!(
            measured.of_validation() == self.all[place].measured,
            "{} gave other validation scores when measured again",
            self.words(&lambdas)
        );
        self.all[place].measured = measured;
        Ok(())
    }

    /// Where progress is told.
    pub(super) fn terminal(&self) -> &'a Terminal {
        self.terminal
    }

    fn measured(
        &mut self,
        lambdas: &[f64],
        with_test: bool,
        progress: Progress<'_>,
    ) -> anyhow::Result<Measured> {
        if let Some(measured) = self.kept.find(lambdas, with_test) {
            progress.bar.at(progress.index + 1, 0.0);
            // What else is known of it changes nothing of what is reported.
            return Ok(if with_test { measured.clone() } else { measured.of_validation() });
        }
        let begun = Instant::now();
        let done = |share: f64| progress.bar.at(progress.index, share);
        let measured = self
            .ground
            .measure(lambdas, with_test, &done)
            .map_err(|error| if error.is::<Interrupted>() { self.interrupted() } else { error })?;
        self.kept.add(lambdas, &measured)?;
        self.n_measured += 1;
        self.spent += begun.elapsed();
        Ok(measured)
    }

    fn interrupted(&self) -> anyhow::Error {
        let message = match self.kept.file() {
            Some(file) => format!(
                "{} measurements are kept in `{}`; the same command goes on",
                self.kept.len(),
                file.display()
            ),
            None => "nothing was kept; with `--keep FILE` the same command would go on".into(),
        };
        Interrupted(message).into()
    }

    /// `; at most 40 s left for 3 points`, from what points took so far.
    fn time_left(&self, progress: Progress<'_>) -> String {
        let n_left = progress.of.saturating_sub(progress.index + 1);
        if n_left == 0 || self.n_measured == 0 {
            return String::new();
        }
        let seconds = self.spent.as_secs_f64() / self.n_measured as f64 * n_left as f64;
        let time =
            if seconds < 100.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) };
        let points = if n_left == 1 { "1 point".into() } else { format!("{n_left} points") };
        format!("; at most {time} left for {points}")
    }

    /// `λ makam 0.2, carnatic 0.3`.
    pub(super) fn words(&self, lambdas: &[f64]) -> String {
        let each = self.names.iter().zip(lambdas).map(|(name, lambda)| format!("{name} {lambda}"));
        format!("λ {}", each.collect::<Vec<_>>().join(", "))
    }

    /// The place of the point that `among` allows with the best validation score.
    pub(super) fn best(&self, among: impl Fn(&Point) -> bool) -> Option<usize> {
        let scored = self.all.iter().map(|point| {
            let score = if among(point) { point.score } else { f64::NAN };
            (point.lambdas.as_slice(), score)
        });
        weights::best_lambdas(scored)
    }

    /// Tags that no probe can learn, by question.
    pub(super) fn left_out(&self, question: &str) -> Vec<String> {
        let first = self.all.first().and_then(|point| point.measured.questions.get(question));
        first.map(|answered| answered.left_out.clone()).unwrap_or_default()
    }

    /// All points, as they are reported.
    pub(super) fn report(&self) -> Vec<SweptPoint> {
        self.all.iter().filter_map(|point| self.reported(point)).collect()
    }

    fn reported(&self, point: &Point) -> Option<SweptPoint> {
        Some(SweptPoint {
            lambdas: self.names.iter().cloned().zip(point.lambdas.iter().copied()).collect(),
            shared: shared(&point.lambdas),
            origins: point.origins.clone(),
            content_hash: point.measured.content_hash.clone(),
            validation: side(self.metric, &point.measured, |answered| Some(&answered.validation))?,
            test: side(self.metric, &point.measured, |answered| answered.test.as_ref()),
        })
    }
}

/// λ, where it is one for all.
pub(super) fn shared(lambdas: &[f64]) -> Option<f64> {
    let first = *lambdas.first()?;
    lambdas.iter().all(|lambda| lambda.to_bits() == first.to_bits()).then_some(first)
}

/// The scores of one side; none unless every question has them.
fn side(
    metric: Metric,
    measured: &Measured,
    of: impl Fn(&Answered) -> Option<&Vec<study::results::SeedScore>>,
) -> Option<Side> {
    let scores =
        |(name, answered): (&String, &Answered)| Some((name.clone(), TaskScores::of(of(answered)?.clone())?));
    Side::of(metric, measured.questions.iter().map(scores).collect::<Option<_>>()?)
}
