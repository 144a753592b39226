//! The rules of merging, for one tensor.
//!
//! δ_i = θ_i − θ_b. Task arithmetic: θ_b + λ·Σ w_i δ_i (Ilharco 2023). Linear: Σ w_i θ_i / Σ w_i.
//! TIES: a_i = w_i·trim(δ_i); sign elected by Σ a_i ≥ 0; sum of the a_i of that sign, divided by their Σ w_i when normalised; times λ.
//! SLERP: c = cos(a, b); (sin((1−t)θ)·a + sin(tθ)·b) / sin θ with θ = arccos c, the straight line when |c| > 0.9995.
//! Sources: the papers, with mergekit 0.1.5 where it decides a constant or an order. Pure. Sums in float64, rounded once at the end.

/// Divisors nearer to 0 count as 1; mergekit's constant.
const SMALLEST_DIVISOR: f64 = 1e-8;
/// Directions closer than this are joined by a straight line.
const NEARLY_PARALLEL: f64 = 0.9995;
/// Vectors shorter than this have no direction.
const SHORTEST: f64 = 1e-8;

/// How the tensors of one name become one. Weights are in the order of the models.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorRule {
    /// Σ w θ, divided by Σ w when normalised; no base.
    Linear {
        /// w.
        weights: Vec<f64>,
        /// Whether to divide.
        normalize: bool,
    },
    /// θ_b + λ·Σ w δ, the sum divided by Σ w when normalised.
    Sum {
        /// w.
        weights: Vec<f64>,
        /// Whether to divide.
        normalize: bool,
        /// λ.
        lambda: f64,
    },
    /// The same with election of signs.
    Elect {
        /// w.
        weights: Vec<f64>,
        /// Whether to divide.
        normalize: bool,
        /// λ.
        lambda: f64,
    },
    /// Between the base and the only model.
    Slerp {
        /// 0 at the base, 1 at the model.
        t: f64,
    },
}

impl TensorRule {
    /// The same rule for its models in another order: the first is that which was at `order[0]`.
    pub(crate) fn reordered(mut self, order: &[usize]) -> Self {
        match &mut self {
            Self::Linear { weights, .. } | Self::Sum { weights, .. } | Self::Elect { weights, .. } => {
                *weights = order.iter().map(|&index| weights[index]).collect();
            }
            Self::Slerp { .. } => {}
        }
        self
    }

    /// Weight of one of its models.
    pub(crate) fn weight(&self, index: usize) -> f64 {
        match self {
            Self::Linear { weights, .. } | Self::Sum { weights, .. } | Self::Elect { weights, .. } => {
                weights[index]
            }
            Self::Slerp { t } => *t,
        }
    }
}

/// Elements that are summed together: their sums stay in the nearest cache, and the loops over them vectorise.
const BLOCK: usize = 256;

/// Σ w θ of whole models.
pub(crate) fn linear(models: &[&[f32]], weights: &[f64], normalize: bool) -> Vec<f32> {
    let divisor = if normalize { divisor(weights.iter().sum()) } else { 1.0 };
    let n = models.first().map_or(0, |model| model.len());
    weighted_sums(n, models, weights, |_, sum| (sum / divisor) as f32)
}

/// θ_b + λ·Σ w δ.
pub(crate) fn sum(
    base: &[f32],
    deltas: &[&[f32]],
    weights: &[f64],
    normalize: bool,
    lambda: f64,
) -> Vec<f32> {
    let factor = if normalize { lambda / divisor(weights.iter().sum()) } else { lambda };
    weighted_sums(base.len(), deltas, weights, |i, sum| moved(base[i], factor * sum))
}

/// A weight of the base, moved. One that nothing moves keeps its bits: −0 + 0 would be +0.
fn moved(base: f32, step: f64) -> f32 {
    if step == 0.0 { base } else { (f64::from(base) + step) as f32 }
}

fn weighted_sums(
    n: usize,
    inputs: &[&[f32]],
    weights: &[f64],
    finish: impl Fn(usize, f64) -> f32,
) -> Vec<f32> {
    let mut out = Vec::with_capacity(n);
    for begin in (0..n).step_by(BLOCK) {
        let mut sums = [0.0f64; BLOCK];
        let length = BLOCK.min(n - begin);
        for (input, w) in inputs.iter().zip(weights) {
            for (sum, &x) in sums.iter_mut().zip(&input[begin..begin + length]) {
                *sum += w * f64::from(x);
            }
        }
        out.extend(sums[..length].iter().enumerate().map(|(i, &sum)| finish(begin + i, sum)));
    }
    out
}

/// θ_b + λ·Σ of the w δ whose sign wins the election.
pub(crate) fn elect(
    base: &[f32],
    deltas: &[&[f32]],
    weights: &[f64],
    normalize: bool,
    lambda: f64,
) -> Vec<f32> {
    let mut out = Vec::with_capacity(base.len());
    for (block, base) in base.chunks(BLOCK).enumerate() {
        let begin = block * BLOCK;
        let mut votes = [Votes::default(); BLOCK];
        for (delta, &w) in deltas.iter().zip(weights) {
            for (votes, &x) in votes.iter_mut().zip(&delta[begin..begin + base.len()]) {
                votes.add(w * f64::from(x), w);
            }
        }
        out.extend(base.iter().zip(&votes).map(|(&b, votes)| moved(b, lambda * votes.winner(normalize))));
    }
    out
}

/// The a_i of one entry, those above and those below 0 kept apart.
#[derive(Clone, Copy, Default)]
struct Votes {
    all: f64,
    up: f64,
    up_weight: f64,
    down: f64,
    down_weight: f64,
}

impl Votes {
    fn add(&mut self, a: f64, w: f64) {
        self.all += a;
        self.up += if a > 0.0 { a } else { 0.0 };
        self.up_weight += if a > 0.0 { w } else { 0.0 };
        self.down += if a < 0.0 { a } else { 0.0 };
        self.down_weight += if a < 0.0 { w } else { 0.0 };
    }

    fn winner(&self, normalize: bool) -> f64 {
        let (sum, weight) =
            if self.all >= 0.0 { (self.up, self.up_weight) } else { (self.down, self.down_weight) };
        if normalize { sum / divisor(weight) } else { sum }
    }
}

/// The point at `t` on the arc from `a` to `b`.
pub fn slerp(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    if t == 0.0 {
        return a.to_vec();
    }
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let length = |x: &[f32]| Some(dot(x, x).sqrt()).filter(|&length| length > SHORTEST).unwrap_or(1.0);
    let cosine = (dot(a, b) / (length(a) * length(b))).clamp(-1.0, 1.0);
    let (from, to) = if cosine.abs() > NEARLY_PARALLEL {
        (1.0 - t, t)
    } else {
        let angle = cosine.acos();
        (((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin())
    };
    a.iter().zip(b).map(|(&a, &b)| (from * f64::from(a) + to * f64::from(b)) as f32).collect()
}

fn divisor(sum: f64) -> f64 {
    if sum.abs() < SMALLEST_DIVISOR { 1.0 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        proptest::collection::vec((-4.0f32..4.0, -4.0f32..4.0), 1..40)
            .prop_map(|both| both.into_iter().unzip())
    }

    proptest! {
        #[test]
        fn zero_lambda_is_the_base((base, delta) in pair(), w in -2.0..2.0f64, normalize: bool) {
            let base: Vec<f32> = base.iter().flat_map(|&x| [x, -0.0, 0.0, f32::from_bits(1)]).collect();
            let delta: Vec<f32> = delta.iter().flat_map(|&x| [x, -x, x, 0.0]).collect();
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&sum(&base, &[&delta], &[w], normalize, 0.0)), bits(&base));
            prop_assert_eq!(bits(&elect(&base, &[&delta], &[w], normalize, 0.0)), bits(&base));
            prop_assert_eq!(bits(&sum(&base, &[&delta], &[0.0], normalize, 1.0)), bits(&base));
        }

        #[test]
        fn negation_takes_away_what_addition_brought((base, delta) in pair(), lambda in 0.0..1.0f64) {
            let plus = sum(&base, &[&delta], &[1.0], false, lambda);
            let minus = sum(&base, &[&delta], &[-1.0], false, lambda);
            for ((b, up), down) in base.iter().zip(&plus).zip(&minus) {
                // Each is rounded once, to half a unit in the last place of numbers below 8.
                prop_assert!((f64::from(*up) + f64::from(*down) - 2.0 * f64::from(*b)).abs() <= 2.0 * 2f64.powi(-22));
            }
            prop_assert_eq!(minus, sum(&base, &[&delta], &[1.0], false, -lambda));
        }

        #[test]
        fn one_model_needs_no_election((base, delta) in pair(), w in 0.1..2.0f64) {
            prop_assert_eq!(elect(&base, &[&delta], &[w], false, 0.7), sum(&base, &[&delta], &[w], false, 0.7));
        }

        #[test]
        fn opposite_votes_do_not_cancel((base, delta) in pair()) {
            let against: Vec<f32> = delta.iter().map(|x| -0.5 * x).collect();
            prop_assert_eq!(elect(&base, &[&delta, &against], &[1.0, 1.0], true, 1.0), sum(&base, &[&delta], &[1.0], true, 1.0));
        }

        #[test]
        fn slerp_starts_and_ends_at_its_models((a, b) in pair()) {
            for (t, end) in [(0.0, &a), (1.0, &b)] {
                for (x, y) in slerp(&a, &b, t).iter().zip(end) {
                    prop_assert!((x - y).abs() < 1e-5);
                }
            }
        }
    }
}
