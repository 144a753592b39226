//! The few statistics that results and findings need, in float64.
//!
//! Mean `m = Σx/n`; standard deviation `s = sqrt(Σ(x − m)²/(n − 1))`, 0 for one value.
//! Student's t: for whole degrees of freedom its distribution is a finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4). Pure.

/// Mean of `values`; 0 for none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Sample standard deviation (n − 1 below the line); 0 for fewer than two values.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let m = mean(values);
    let squares: f64 = values.iter().map(|x| (x - m).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The `share` quantile (0.5 to below 1) of Student's t with `freedom` degrees of freedom, by halving.
pub(crate) fn student_t(share: f64, freedom: usize) -> f64 {
    let two_sided = 2.0 * share - 1.0;
    let (mut low, mut high) = (0.0, 1.0);
    while within(high, freedom) < two_sided && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if within(middle, freedom) < two_sided {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Probability that Student's t lies between `-t` and `t`.
fn within(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    // 1 + (1/2) cos² + (1·3)/(2·4) cos⁴ + … for an even number, cos + (2/3) cos³ + (2·4)/(3·5) cos⁵ + … for an odd one.
    let odd = freedom % 2;
    let mut term = if odd == 1 { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut next = 2 + odd;
    while next <= freedom {
        sum += term;
        term *= cosine * cosine * (next - 1) as f64 / next as f64;
        next += 2;
    }
    if odd == 1 { std::f64::consts::FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_of_known_values() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert!((mean(&values) - 5.0).abs() < 1e-12);
        assert!((deviation(&values) - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!((mean(&[]), deviation(&[3.0])), (0.0, 0.0));
    }

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (freedom, expected) in
            [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (9, 2.26216), (30, 2.04227)]
        {
            let found = student_t(0.975, freedom);
            assert!((found - expected).abs() < 5e-5 * expected, "{freedom}: {found}");
        }
        assert!((student_t(0.975, 100_000) - 1.959_98).abs() < 1e-4, "the normal distribution's");
        assert!((student_t(0.9, 5) - 1.475_88).abs() < 1e-4);
    }
}
