//! Products of vectors with the instructions that the processor has, for who compares one with all.

use pulp::{Arch, Simd, WithSimd};

/// Sums that are added up side by side: a product of one depends on none of the others.
const LANES: usize = 4;

/// The product of two vectors of one length.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    Arch::new().dispatch(Dot { one, other })
}

/// Shows the product of a query with each of the vectors that lie behind each other.
pub(crate) fn dots(query: &[f32], vectors: &[f32], look: impl FnMut(usize, f32)) {
    Arch::new().dispatch(Dots { query, vectors, look });
}

struct Dot<'a> {
    one: &'a [f32],
    other: &'a [f32],
}

impl WithSimd for Dot<'_> {
    type Output = f32;

    #[expect(clippy::inline_always, reason = "else it lacks the instructions of its caller")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        product(simd, self.one, self.other)
    }
}

struct Dots<'a, F> {
    query: &'a [f32],
    vectors: &'a [f32],
    look: F,
}

impl<F: FnMut(usize, f32)> WithSimd for Dots<'_, F> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "else it lacks the instructions of its caller")]
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for (index, vector) in self.vectors.chunks_exact(self.query.len()).enumerate() {
            (self.look)(index, product(simd, self.query, vector));
        }
    }
}

#[expect(clippy::inline_always, reason = "else it lacks the instructions of its caller")]
#[inline(always)]
fn product<S: Simd>(simd: S, one: &[f32], other: &[f32]) -> f32 {
    let (one, one_rest) = S::as_simd_f32s(one);
    let (other, other_rest) = S::as_simd_f32s(other);
    let mut sums = [simd.splat_f32s(0.0); LANES];
    let (ones, one) = one.as_chunks::<LANES>();
    let (others, other) = other.as_chunks::<LANES>();
    for (one, other) in ones.iter().zip(others) {
        for (sum, (one, other)) in sums.iter_mut().zip(one.iter().zip(other)) {
            *sum = simd.mul_add_e_f32s(*one, *other, *sum);
        }
    }
    for (one, other) in one.iter().zip(other) {
        sums[0] = simd.mul_add_e_f32s(*one, *other, sums[0]);
    }
    let halves = [simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3])];
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(one, other)| one * other).sum();
    simd.reduce_sum_f32s(simd.add_f32s(halves[0], halves[1])) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_plain_sums_at_every_length() {
        let mut random = fastrand::Rng::with_seed(3);
        for length in 1..=130 {
            let mut vector = || -> Vec<f32> { (0..length).map(|_| random.f32() - 0.5).collect() };
            let (one, other) = (vector(), vector());
            let plain: f32 = one.iter().zip(&other).map(|(one, other)| one * other).sum();
            assert!((dot(&one, &other) - plain).abs() < 1e-5);
            let mut seen = Vec::new();
            dots(&one, &[&*other, &*one].concat(), |index, product| seen.push((index, product)));
            assert_eq!(seen.len(), 2);
            assert!((seen[0].1 - plain).abs() < 1e-5);
        }
    }
}
