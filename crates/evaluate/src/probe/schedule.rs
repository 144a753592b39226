//! When to lower the learning rate and when to stop.
//!
//! Plateau (torch's `ReduceLROnPlateau`, mode max, relative threshold): an epoch is better when `x > best·(1 + 1e-4)`; after more than `patience`
//! epochs in a row that are not, the rate is multiplied by `factor` and the count starts again.
//! Early stopping: better means `x > best`; training stops when `patience` epochs in a row are not. Pure; f64.

/// Relative improvement that counts (torch's default).
const THRESHOLD: f64 = 1e-4;

/// A smaller change of the rate is not made (torch's default).
const SMALLEST_CHANGE: f64 = 1e-8;

/// The learning rate of a run.
#[derive(Clone, Debug)]
pub struct Plateau {
    rate: f64,
    factor: f64,
    patience: usize,
    best: f64,
    bad: usize,
}

impl Plateau {
    /// Starts at `rate`.
    pub fn new(rate: f64, factor: f64, patience: usize) -> Self {
        Self { rate, factor, patience, best: f64::NEG_INFINITY, bad: 0 }
    }

    /// The rate now.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes the metric of an epoch.
    pub fn observe(&mut self, metric: f64) {
        if metric > self.best * (1.0 + THRESHOLD) {
            self.best = metric;
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.bad > self.patience {
            self.bad = 0;
            let lower = self.rate * self.factor;
            if self.rate - lower > SMALLEST_CHANGE {
                self.rate = lower;
            }
        }
    }
}

/// What an epoch's metric means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The best so far: keep the weights.
    pub is_best: bool,
    /// No hope left: stop.
    pub stop: bool,
}

/// Counts epochs without improvement.
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    patience: usize,
    best: f64,
    waited: usize,
}

impl EarlyStopping {
    /// Stops when `patience` epochs in a row are not better.
    pub fn new(patience: usize) -> Self {
        Self { patience, best: f64::NEG_INFINITY, waited: 0 }
    }

    /// Takes the metric of an epoch.
    pub fn observe(&mut self, metric: f64) -> Verdict {
        let is_best = metric > self.best;
        if is_best {
            self.best = metric;
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        Verdict { is_best, stop: self.waited >= self.patience }
    }
}
