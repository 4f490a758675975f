//! Codes of four bits an element that estimate products without bias, and say how well.
//!
//! After Gao and Long ("`RaBitQ`: Quantizing High-Dimensional Vectors with a Theoretical Error Bound
//! for Approximate Nearest Neighbor Search", SIGMOD 2024) and Gao et al. ("Practical and
//! Asymptotically Optimal Quantization of High-Dimensional Vectors in Euclidean Space for
//! Approximate Nearest Neighbor Search", SIGMOD 2025). A vector `o` is rotated; the code `x`, whose
//! elements are -7.5, -6.5, .. 7.5, is a point of a grid in nearly the same direction. With `c` the
//! cosine between `o` and `x`, the product of `o` and a query `q` is estimated as
//! `dot(x, q) * |o|^2 / dot(x, o)`; over random rotations that has no bias and a deviation of at
//! most `|o| |q| sqrt((1 - c^2) / c^2) / sqrt(P - 1)`. The scale of the grid is searched for.
//!
//! A code of a vector with `P` rotated coordinates is, all little-endian:
//!
//! | bytes   | content                                                                        |
//! |---------|--------------------------------------------------------------------------------|
//! | `P / 2` | a block of 32 bytes for each 64 coordinates: byte `i` has coordinate `i` in its low nibble and `32 + i` in its high one, as `x + 7.5` |
//! | 4       | `f32` factor: `dot(o, q)` is about the factor times `dot(x, q)`                |
//! | 4       | `f32` squared norm of the vector                                               |
//! | 4       | `f32` spread: the standard deviation of that product for a query of length 1   |
//!
//! A code is the same on every machine. Codes are compared by a [`Question`].

mod question;
#[cfg(test)]
mod tests;

pub(crate) use question::{Estimate, Question};

use super::{
    kernel::{LANES, total},
    rotation::Rotation,
};
use pulp::{Arch, NullaryFnOnce};

/// Bytes behind the nibbles.
const TAIL: usize = 12;

/// Coordinates of a block of the code.
const BLOCK: usize = 64;

/// From here on, the last bits of a number are whole ones.
const WHOLE: f32 = 8_388_608.0;

/// What lies between zero and the greatest value of the grid.
const HALF: f32 = 7.5;

/// The steps of the grid that are tried, in deviations of a coordinate. For a normal distribution
/// about 0.335 is best; a vector has its own best one near that.
const STEPS: [f32; 10] = [0.25, 0.27, 0.29, 0.305, 0.32, 0.335, 0.35, 0.365, 0.385, 0.41];

/// Makes the codes of vectors of one dimension.
#[derive(Clone, Debug)]
pub(crate) struct Coder {
    rotation: Rotation,
}

/// How well a grid fits.
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    /// Coordinates times this are in steps of the grid.
    scale: f32,
    /// The product of the vector and its point of the grid.
    dot: f32,
    /// The squared norm of that point.
    norm2: f32,
}

impl Coder {
    /// A coder of vectors of `dim` elements. Made once for an index.
    pub(crate) fn new(dim: usize) -> Self {
        Self { rotation: Rotation::new(dim) }
    }

    /// How many bytes a code takes.
    pub(crate) fn len(&self) -> usize {
        self.rotation.padded() / 2 + TAIL
    }

    /// The code of `vector`. Elements beyond the dimension are passed over, missing ones are zero.
    ///
    /// A vector whose squared norm is zero gets factor, norm and spread 0. If that norm is no
    /// number or beyond `f32`, so are they, and nothing can be said of it by estimate.
    pub(crate) fn encode(&self, vector: &[f32]) -> Vec<u8> {
        let mut rotated = Vec::new();
        self.rotation.rotate(vector, &mut rotated);
        let mut code = Vec::with_capacity(self.len());
        Arch::new().dispatch(Encode { rotated: &rotated, code: &mut code });
        code
    }
}

/// A rotated vector on its way to the instructions of the processor.
struct Encode<'a> {
    rotated: &'a [f32],
    code: &'a mut Vec<u8>,
}

impl NullaryFnOnce for Encode<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
    #[inline(always)]
    fn call(self) {
        encode(self.rotated, self.code);
    }
}

/// Appends the code of a rotated vector.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn encode(rotated: &[f32], code: &mut Vec<u8>) {
    let norm2 = total(sums(rotated, |x| [x * x, 0.0])[0]);
    let best = if norm2 > 0.0 { fit(rotated, norm2) } else { Fit::default() };
    for block in rotated.as_chunks::<BLOCK>().0 {
        let (low, high) = block.split_at(BLOCK / 2);
        let mut bytes = [0; BLOCK / 2];
        // Not `array::from_fn`: what that calls is not compiled for the processor it runs on.
        for ((byte, low), high) in bytes.iter_mut().zip(low).zip(high) {
            *byte = nibble(*low, best.scale) | nibble(*high, best.scale) << 4;
        }
        code.extend_from_slice(&bytes);
    }
    let (factor, spread) =
        if norm2 == 0.0 { (0.0, 0.0) } else { quality(rotated.len(), norm2, best) };
    for number in [factor, norm2, spread] {
        code.extend_from_slice(&number.to_le_bytes());
    }
}

/// The factor and the spread of a vector of `len` coordinates.
fn quality(len: usize, norm2: f32, fit: Fit) -> (f32, f32) {
    let norm = norm2.sqrt();
    // 1 / cos^2, each part of it near one.
    let inverse = norm / fit.dot;
    let tan2 = (inverse * inverse * fit.norm2 - 1.0).max(0.0);
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^24")]
    let freedom = (len - 1) as f32;
    (norm2 / fit.dot, norm * (tan2 / freedom).sqrt())
}

/// The grid, among those tried, that comes nearest to the direction of the vector.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn fit(rotated: &[f32], norm2: f32) -> Fit {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^24")]
    let deviation = (norm2 / rotated.len() as f32).sqrt();
    let mut best = Fit::default();
    let mut best_cosine = f32::NEG_INFINITY;
    for step in STEPS {
        let scale = 1.0 / (step * deviation);
        let sums = sums(rotated, |x| {
            let value = level(x, scale) - HALF;
            [value * x, value * value]
        });
        let fit = Fit { scale, dot: total(sums[0]), norm2: total(sums[1]) };
        let cosine = fit.dot / fit.norm2.sqrt();
        if cosine > best_cosine {
            (best, best_cosine) = (fit, cosine);
        }
    }
    best
}

/// The level from 0 to 15 that is nearest to a coordinate.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn level(x: f32, scale: f32) -> f32 {
    #[expect(clippy::manual_clamp, reason = "what is no number becomes 0")]
    let level = (x * scale + 8.0).floor().max(0.0).min(2.0 * HALF);
    level
}

#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn nibble(x: f32, scale: f32) -> u8 {
    (level(x, scale) + WHOLE).to_bits().to_le_bytes()[0] & 15
}

/// The sums of two terms of all coordinates, lane by lane, in an order that no machine changes; a
/// multiple of 64 of them.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn sums(rotated: &[f32], term: impl Fn(f32) -> [f32; 2]) -> [[f32; LANES]; 2] {
    let mut sums = [[0.0; LANES]; 2];
    for x in rotated.as_chunks::<LANES>().0 {
        for at in 0..LANES {
            let [first, second] = term(x[at]);
            sums[0][at] += first;
            sums[1][at] += second;
        }
    }
    sums
}
