//! A rotation that spreads a vector evenly over its coordinates, without a matrix.
//!
//! Codes of few bits an element need coordinates of like size whatever the vectors are. A random
//! rotation gives that. This one is four rounds of random signs and a fast Walsh-Hadamard
//! transform, after Ailon and Chazelle ("The Fast Johnson-Lindenstrauss Transform", SIAM J. Comput.
//! 39, 2009) and Andoni et al. ("Practical and Optimal LSH for Angular Distance", NIPS 2015). A
//! transform covers a power of two of coordinates, so rounds take the first and the last ones in
//! turn, and a step of Kac's walk over both halves follows, as in the library of `RaBitQ`'s authors.
//! They take that step after each round; here it is after every second one. A transform leaves
//! coordinates alone, and the step would carry those to where the next transform does so too: of
//! 384 coordinates some would keep a quarter of their size to the end.
//!
//! The rotation is part of the format on disk: it depends on the dimension only, consists of
//! additions and multiplications in a fixed order, and gives the same bits on every machine.

use pulp::{Arch, NullaryFnOnce};

/// How many coordinates a rotated vector is rounded up to a multiple of.
pub(crate) const MULTIPLE: usize = 64;

/// Rounds of signs and transform.
const ROUNDS: usize = 4;

/// Where the signs come from. Never changes.
const SEED: u64 = 0x5350_4f54_4154_4531;

/// Coordinates that are transformed in registers.
const LANES: usize = 8;

/// The rotation of vectors of one dimension. Made once for an index.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    dim: usize,
    padded: usize,
    /// The greatest power of two that is not above `padded`.
    span: usize,
    /// For each round and coordinate a sign, times all that keeps lengths in that round.
    factors: Vec<f32>,
}

impl Rotation {
    /// The rotation of vectors of `dim` elements.
    pub(crate) fn new(dim: usize) -> Self {
        let padded = padded(dim);
        let span = 1 << padded.ilog2();
        let mut state = SEED;
        let mut factors = Vec::with_capacity(ROUNDS * padded);
        for round in 0..ROUNDS {
            let (part, walks) = (part(round, padded, span), walks(round, padded, span));
            for word in (0..padded).step_by(MULTIPLE) {
                // One bit of each number is the sign of one coordinate, the lowest first.
                let signs = splitmix64(&mut state);
                factors.extend((0..MULTIPLE).map(|bit| {
                    let size = size(part.contains(&(word + bit)), walks, span);
                    [size, -size][usize::from(signs >> bit & 1 == 1)]
                }));
            }
        }
        Self { dim, padded, span, factors }
    }

    /// How many coordinates a rotated vector has: the dimension, rounded up to 64.
    pub(crate) fn padded(&self) -> usize {
        self.padded
    }

    /// The dimension of vectors before.
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// Puts `vector`, rotated, into `out`, whatever was there. Missing elements count as zero,
    /// those beyond the dimension are passed over.
    pub(crate) fn rotate(&self, vector: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend(vector.iter().take(self.dim));
        out.resize(self.padded, 0.0);
        Arch::new().dispatch(Turn { rotation: self, out });
    }

    #[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
    #[inline(always)]
    fn turn(&self, x: &mut [f32]) {
        for (round, factors) in self.factors.chunks_exact(self.padded).enumerate() {
            for (x, factor) in x.iter_mut().zip(factors) {
                *x *= factor;
            }
            if let Some(part) = x.get_mut(part(round, self.padded, self.span)) {
                hadamard(part);
            }
            if walks(round, self.padded, self.span) {
                let (left, right) = x.split_at_mut(self.padded / 2);
                butterfly(left, right);
            }
        }
    }
}

/// A rotation on its way to the instructions of the processor.
struct Turn<'a> {
    rotation: &'a Rotation,
    out: &'a mut [f32],
}

impl NullaryFnOnce for Turn<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
    #[inline(always)]
    fn call(self) {
        self.rotation.turn(self.out);
    }
}

/// How many coordinates a vector of `dim` elements has when it is rotated.
pub(crate) fn padded(dim: usize) -> usize {
    // Beyond memory anyway if it does not fit.
    dim.max(1).checked_next_multiple_of(MULTIPLE).unwrap_or(MULTIPLE)
}

/// The coordinates that a round transforms: the first or the last `span`.
fn part(round: usize, padded: usize, span: usize) -> std::ops::Range<usize> {
    if round.is_multiple_of(2) { 0..span } else { padded - span..padded }
}

/// Whether a step of the walk ends a round: where two transforms leave nothing as it was, and the
/// halves are mixed by their overlap alone.
fn walks(round: usize, padded: usize, span: usize) -> bool {
    span != padded && !round.is_multiple_of(2)
}

/// What a coordinate is multiplied by in a round, so that the sums after that keep lengths.
fn size(is_transformed: bool, walks: bool, span: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let transform = if is_transformed { 1.0 / (span as f32).sqrt() } else { 1.0 };
    let walk = if walks { std::f32::consts::FRAC_1_SQRT_2 } else { 1.0 };
    transform * walk
}

/// The generator of Steele, Lea and Flood ("Fast Splittable Pseudorandom Number Generators").
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Sums and differences of two equally long parts.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn butterfly(left: &mut [f32], right: &mut [f32]) {
    for (a, b) in left.iter_mut().zip(right) {
        (*a, *b) = (*a + *b, *a - *b);
    }
}

/// The Walsh-Hadamard transform of a power of two of coordinates, at least 64, times the square root
/// of how many there are.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn hadamard(x: &mut [f32]) {
    for lanes in x.as_chunks_mut::<LANES>().0 {
        *lanes = within::<1>(within::<2>(within::<4>(*lanes)));
    }
    let mut half = LANES;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            butterfly(left, right);
        }
        half *= 2;
    }
}

/// Sums and differences of the lanes that are `H` apart.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn within<const H: usize>(x: [f32; LANES]) -> [f32; LANES] {
    std::array::from_fn(|at| {
        let other = x[at ^ H];
        if at & H == 0 { x[at] + other } else { other - x[at] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMS: [usize; 9] = [1, 3, 64, 100, 128, 200, 384, 768, 1000];

    fn random(dim: usize, rng: &mut fastrand::Rng) -> Vec<f32> {
        (0..dim).map(|_| rng.f32() - 0.5).collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    fn rotated(dim: usize, vector: &[f32]) -> Vec<f32> {
        let mut out = vec![1.0; 3];
        Rotation::new(dim).rotate(vector, &mut out);
        out
    }

    #[test]
    fn products_and_norms_are_kept() {
        let mut rng = fastrand::Rng::with_seed(11);
        for dim in DIMS {
            let (a, b) = (random(dim, &mut rng), random(dim, &mut rng));
            let (ra, rb) = (rotated(dim, &a), rotated(dim, &b));
            let scale = (dot(&a, &a) * dot(&b, &b)).sqrt();
            assert_eq!(ra.len(), dim.next_multiple_of(MULTIPLE));
            assert!((dot(&ra, &rb) - dot(&a, &b)).abs() < 1e-6 * scale, "{dim}");
            assert!((dot(&ra, &ra) - dot(&a, &a)).abs() < 1e-6 * dot(&a, &a), "{dim}");
        }
    }

    #[test]
    fn every_element_is_spread_over_all_coordinates() {
        for dim in [64, 100, 384, 768, 1000] {
            for at in 0..dim {
                let mut unit = vec![0.0; dim];
                unit[at] = 1.0;
                let out = rotated(dim, &unit);
                let greatest = out.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
                let bound = 6.0 / f32::from(u16::try_from(out.len()).unwrap()).sqrt();
                assert!(greatest < bound, "{dim} {at}: {greatest} >= {bound}");
            }
        }
    }

    #[test]
    fn every_processor_gives_the_same_bits() {
        let mut rng = fastrand::Rng::with_seed(12);
        for dim in DIMS {
            let rotation = Rotation::new(dim);
            let vector = random(dim, &mut rng);
            let mut plain = vector.clone();
            plain.resize(rotation.padded(), 0.0);
            rotation.turn(&mut plain);
            assert_eq!(rotated(dim, &vector), plain);
        }
    }

    #[test]
    fn a_vector_of_another_length_is_cut_or_filled_with_zeros() {
        let vector = [1.0, 2.0, 3.0];
        assert_eq!(rotated(5, &vector), rotated(5, &[1.0, 2.0, 3.0, 0.0, 0.0]));
        assert_eq!(rotated(2, &vector), rotated(2, &[1.0, 2.0]));
        assert_eq!(rotated(0, &vector), vec![0.0; MULTIPLE]);
    }
}
