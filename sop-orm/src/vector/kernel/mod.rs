//! Products of a query and a stored vector, read from its bytes as they lie in a page.
//!
//! [`sums`] has the loops, once, over a machine of eight lanes; [`machine`] has the machines:
//! AVX2 where the processor has it, and plain Rust everywhere. [`nibbles`] is the product of a
//! code and a query in whole numbers.

mod machine;
mod nibbles;
mod sums;
#[cfg(test)]
mod tests;

pub(crate) use machine::LANES;
use std::fmt;

use half::f16;
pub(crate) use nibbles::NibbleDot;

/// How the elements of a stored vector are written, each in little-endian order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Four bytes, IEEE binary32.
    F32,
    /// Two bytes, IEEE binary16.
    F16,
    /// One byte, a whole number from -128 to 127.
    I8,
}

impl Element {
    /// How many bytes an element takes.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::I8 => 1,
        }
    }

    /// The elements in `bytes` as numbers to calculate with; without a last one that is not whole.
    pub(crate) fn numbers(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
            Self::F16 => {
                bytes.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two).to_f32()).collect()
            }
            Self::I8 => bytes.iter().map(|one| f32::from(one.cast_signed())).collect(),
        }
    }

    /// Whether `bytes` are exactly `dim` elements.
    fn fits(self, dim: usize, bytes: &[u8]) -> bool {
        dim.checked_mul(self.size()) == Some(bytes.len())
    }
}

/// As signatures name it.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
        })
    }
}

/// What the distances of a query and a vector are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Products {
    /// The product of query and vector.
    pub(crate) dot: f32,
    /// The squared norm of the vector.
    pub(crate) norm2: f32,
}

/// The products of `query` and the stored vector in `bytes`, which need not be aligned. `None` if
/// they are not equally long.
///
/// The order of summation depends on the processor, and so do the last digits.
pub(crate) fn products(kind: Element, query: &[f32], bytes: &[u8]) -> Option<Products> {
    kind.fits(query.len(), bytes).then(|| sums::products(kind, query, bytes))
}

/// The squared length of the difference of `query` and the stored vector in `bytes`, which need
/// not be aligned. `None` if they are not equally long.
pub(crate) fn squared_distance(kind: Element, query: &[f32], bytes: &[u8]) -> Option<f32> {
    kind.fits(query.len(), bytes).then(|| sums::squared_distance(kind, query, bytes))
}

/// The sum of eight lanes, always in the same order.
#[inline]
pub(crate) fn total(lanes: [f32; LANES]) -> f32 {
    let (low, high) = (&lanes[..4], &lanes[4..]);
    ((low[0] + high[0]) + (low[1] + high[1])) + ((low[2] + high[2]) + (low[3] + high[3]))
}
