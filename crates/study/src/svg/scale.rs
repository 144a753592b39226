//! A linear scale and its ticks.
//!
//! `p(x) = p0 + (x − x0)/(x1 − x0) · (p1 − p0)`; ticks stand at multiples of 1, 2 or 5 times a power of ten.

/// Maps values to positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// Maps `from.0..from.1` to `to.0..to.1`; an empty domain is widened.
    pub(super) fn new(from: (f64, f64), to: (f64, f64)) -> Self {
        let from = if from.1 > from.0 { from } else { (from.0 - 0.5, from.0 + 0.5) };
        Self { from, to }
    }

    pub(super) fn at(&self, x: f64) -> f64 {
        let along = (x - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + along * (self.to.1 - self.to.0)
    }

    /// About `n` ticks inside the domain, with the number of digits their labels need.
    pub(super) fn ticks(&self, n: usize) -> (Vec<f64>, usize) {
        let step = nice_step(self.from, n);
        let (first, last) =
            ((self.from.0 / step - 1e-9).ceil() as i64, (self.from.1 / step + 1e-9).floor() as i64);
        let ticks = (first..=last).map(|i| i as f64 * step).collect();
        (ticks, (-step.log10() + 1e-9).ceil().max(0.0) as usize)
    }
}

/// The domain widened to whole ticks.
pub(super) fn rounded(domain: (f64, f64), n: usize) -> (f64, f64) {
    let step = nice_step(domain, n);
    ((domain.0 / step + 1e-9).floor() * step, (domain.1 / step - 1e-9).ceil() * step)
}

fn nice_step((low, high): (f64, f64), n: usize) -> f64 {
    let raw = ((high - low) / n.max(1) as f64).max(1e-12);
    let power = 10_f64.powf(raw.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= raw * 0.999).unwrap_or(10.0);
    times * power
}

/// Smallest and largest of `values`; `None` for none.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |found, x| match found {
        None => Some((x, x)),
        Some((low, high)) => Some((low.min(x), high.max(x))),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let (ticks, digits) = Scale::new((0.0, 1.0), (0.0, 100.0)).ticks(5);
        assert_eq!(digits, 1);
        assert!(ticks.iter().zip([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(Scale::new((0.0, 2000.0), (0.0, 1.0)).ticks(4).1, 0);
        assert_eq!(rounded((61.2, 68.9), 4), (60.0, 70.0));
    }

    proptest! {
        #[test]
        fn ticks_are_few_and_inside(low in -1e6_f64..1e6, width in 1e-6_f64..1e6, n in 2_usize..8) {
            let scale = Scale::new((low, low + width), (0.0, 1.0));
            let (ticks, _) = scale.ticks(n);
            prop_assert!(ticks.len() <= n + 2);
            prop_assert!(ticks.iter().all(|&tick| (-1e-6..=1.0 + 1e-6).contains(&scale.at(tick))));
        }
    }
}
