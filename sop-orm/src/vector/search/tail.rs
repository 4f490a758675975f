//! The far end of the normal distribution, by a table.

use std::sync::LazyLock;

/// Here the table begins; below is everything.
const FIRST: f64 = -8.0;

/// Here it ends; above is nothing.
const LAST: f64 = 16.0;

/// Entries of the table for each deviation. What is read between two of them is too much by a
/// thousandth at four deviations and by a hundredth at twelve.
const EACH: f64 = 32.0;

/// The roots of shares, for which a search asks of each cell a few dozen times.
static ROOTS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let mut at = FIRST;
    std::iter::from_fn(|| {
        let root = (at <= LAST).then(|| above(at).sqrt());
        at += 1.0 / EACH;
        root
    })
    .collect()
});

/// The root of the share that lies further above the mean than so many deviations. By a table.
/// Nothing of what is no number.
#[inline]
pub(super) fn root_above(deviations: f64) -> f64 {
    let place = ((deviations - FIRST) * EACH).max(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let below = place as usize;
    match ROOTS.get(below..).and_then(|behind| behind.first_chunk()) {
        Some([one, other]) if !deviations.is_nan() => one + (other - one) * place.fract(),
        _ => 0.0,
    }
}

/// That share: half the complementary error function, by Abramowitz and Stegun 7.1.26, to seven
/// digits.
fn above(deviations: f64) -> f64 {
    let x = deviations.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let coefficients =
        [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = coefficients.iter().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    let tail = sum * (-x * x).exp() / 2.0;
    if deviations < 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_normal_distribution() {
        for (deviations, share) in
            [(0.0, 0.5), (1.0, 0.158_655), (1.644_85, 0.05), (3.0, 0.001_35), (-1.0, 0.841_345)]
        {
            assert!((above(deviations) - share).abs() < 1e-5, "{deviations}");
        }
        assert!((above(-40.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_table_says_what_the_formula_says() {
        let places = (-2_000..3_000).map(|at| f64::from(at) * 0.005_37);
        for deviations in places.filter(|at| *at < LAST - 1.0) {
            let (exact, read) = (above(deviations).sqrt(), root_above(deviations));
            assert!((read - exact).abs() <= exact * 0.02, "{deviations}: {read} for {exact}");
        }
        for (beyond, all) in [(f64::INFINITY, 0.0), (f64::NEG_INFINITY, 1.0), (f64::NAN, 0.0)] {
            assert!((root_above(beyond) - all).abs() < 1e-6, "{beyond}");
        }
    }
}
