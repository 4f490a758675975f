//! A query, prepared to be compared with many codes.

use super::{
    super::{
        kernel::{LANES, NibbleDot, total},
        metric::Metric,
    },
    BLOCK, Coder, TAIL,
};
use pulp::{Arch, NullaryFnOnce};

/// The greatest element of a query in whole numbers. Not -128: see [`NibbleDot`].
const GREATEST: f32 = 127.0;

/// Half of the numbers whose last bits are whole ones.
const WHOLE: f32 = 12_582_912.0;

/// How far a code's vector probably is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The distance by the metric of the question. Always finite.
    pub(crate) distance: f32,
    /// One standard deviation of that. Always finite, never negative.
    pub(crate) error: f32,
}

impl Estimate {
    /// What is said of a code whose numbers are none, or too great. It comes last by distance,
    /// while `distance - 3 * error` comes first: such a vector is looked at, and never trusted.
    pub(crate) const UNKNOWN: Self = Self { distance: f32::MAX, error: f32::MAX };

    /// The estimate, if both are numbers.
    #[inline]
    fn or_unknown(self) -> Self {
        let is_known = self.distance.is_finite() && self.error.is_finite();
        if is_known { self } else { Self::UNKNOWN }
    }
}

/// A query, rotated and in whole numbers.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    metric: Metric,
    /// As many as rotated coordinates.
    query: Vec<i8>,
    /// What a whole number of the query stands for.
    scale: f32,
    /// The sum of `query`, times what a nibble of 0 stands for, without its sign.
    offset: f32,
    norm2: f32,
    /// The root of `norm2`.
    norm: f32,
    /// The variance of a product is this times the squared spread of the code ..
    by_spread: f32,
    /// .. and this times its squared norm.
    pub(super) by_norm: f32,
    kernel: NibbleDot,
}

impl Question {
    /// Asks for the distances from `query`. `None` if it has not the dimension of the coder.
    pub(crate) fn new(coder: &Coder, metric: Metric, query: &[f32]) -> Option<Self> {
        if query.len() != coder.rotation.dim() {
            return None;
        }
        let mut rotated = Vec::new();
        coder.rotation.rotate(query, &mut rotated);
        let whole = Arch::new().dispatch(Quantise { rotated: &rotated });
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^24")]
        let len = rotated.len() as f32;
        // What rounding the query adds is as random as the rotation: its product with a code's
        // point of the grid, which is scaled to `norm2 + spread^2 * (len - 1)`.
        let by_norm = whole.residue2 / len;
        Some(Self {
            metric,
            query: whole.query,
            scale: whole.scale,
            offset: super::HALF * whole.sum,
            norm2: whole.norm2,
            norm: whole.norm2.sqrt(),
            by_spread: whole.norm2 + by_norm * (len - 1.0),
            by_norm,
            kernel: NibbleDot::new(),
        })
    }

    /// How many bytes a code has that this question can be asked of.
    pub(crate) fn code_len(&self) -> usize {
        self.query.len() / 2 + TAIL
    }

    /// How far the vector of `code` probably is. `None` if the code has another length. Any bytes
    /// of that length have an estimate: [`Estimate::UNKNOWN`] if they cannot be one.
    #[inline]
    pub(crate) fn estimate(&self, code: &[u8]) -> Option<Estimate> {
        (code.len() == self.code_len()).then(|| self.of(code))
    }

    #[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
    #[inline(always)]
    fn of(&self, code: &[u8]) -> Estimate {
        let Some((nibbles, tail)) = code.split_last_chunk::<TAIL>() else {
            return Estimate::UNKNOWN;
        };
        self.of_product(self.kernel.of(nibbles, &self.query), tail)
    }

    /// How far the vectors of many codes probably are, in `estimates`: the same as
    /// [`estimate`](Self::estimate) says of each, and [`Estimate::UNKNOWN`] of codes without bytes.
    /// `None` if any other has another length.
    pub(crate) fn estimate_each(
        &self,
        codes: &[&[u8]],
        estimates: &mut Vec<Estimate>,
    ) -> Option<()> {
        let len = self.code_len();
        if codes.iter().any(|code| code.len() != len && !code.is_empty()) {
            return None;
        }
        let nibbles = codes.iter().map(|code| code.get(..len - TAIL).unwrap_or_default());
        let mut tails = codes.iter().map(|code| code.last_chunk::<TAIL>());
        estimates.clear();
        estimates.reserve(codes.len());
        self.kernel.of_each(nibbles, &self.query, |product| {
            let tail = tails.next().flatten();
            estimates.push(tail.map_or(Estimate::UNKNOWN, |tail| self.of_product(product, tail)));
        });
        Some(())
    }

    #[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
    #[inline(always)]
    fn of_product(&self, product: i32, tail: &[u8; TAIL]) -> Estimate {
        let [factor, norm2, spread] = numbers(tail);
        #[expect(clippy::cast_precision_loss, reason = "what is lost is far below the error")]
        let product = product as f32;
        let dot = (product - self.offset) * (factor * self.scale);
        let variance = spread * spread * self.by_spread + norm2 * self.by_norm;
        self.in_metric(dot, norm2, variance).or_unknown()
    }

    /// The distance and its deviation that follow from a product and its variance.
    #[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
    #[inline(always)]
    fn in_metric(&self, dot: f32, norm2: f32, variance: f32) -> Estimate {
        match self.metric {
            Metric::Cosine => {
                let norms = norm2.sqrt() * self.norm;
                if norms == 0.0 {
                    return Estimate { distance: 1.0, error: 0.0 };
                }
                Estimate { distance: 1.0 - dot / norms, error: variance.sqrt() / norms }
            }
            Metric::Dot => Estimate { distance: 0.0 - dot, error: variance.sqrt() },
            Metric::Euclidean => euclidean(norm2 + self.norm2 - 2.0 * dot, 2.0 * variance.sqrt()),
        }
    }
}

/// The root of a squared distance, and the deviation of that.
///
/// Far from zero that is by the derivative, `deviation / (2 * distance)`. Near it the derivative has
/// no bound. The error given is such that three of it reach down as far as three deviations of the
/// square do, and it is at most the root of the deviation.
#[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
#[inline(always)]
fn euclidean(squared: f32, deviation: f32) -> Estimate {
    // Not `max`, which would make a number of what is none.
    let distance = if squared < 0.0 { 0.0 } else { squared.sqrt() };
    if deviation == 0.0 {
        return Estimate { distance, error: 0.0 };
    }
    let below = (squared - 3.0 * deviation).max(0.0).sqrt();
    // A division by zero is infinite, and the other bound holds.
    let error = deviation.sqrt().min(deviation / (distance + below));
    Estimate { distance, error: if deviation.is_nan() { deviation } else { error } }
}

/// Three numbers as they are stored.
#[inline]
fn numbers(tail: &[u8; TAIL]) -> [f32; 3] {
    let (numbers, _) = tail.as_chunks::<4>();
    std::array::from_fn(|at| f32::from_le_bytes(numbers[at]))
}

/// A query on its way there.
struct Quantise<'a> {
    rotated: &'a [f32],
}

/// A query in whole numbers.
struct Quantised {
    query: Vec<i8>,
    scale: f32,
    sum: f32,
    norm2: f32,
    /// The squared length of what was rounded away.
    residue2: f32,
}

impl NullaryFnOnce for Quantise<'_> {
    type Output = Quantised;

    #[expect(clippy::inline_always, reason = "to be compiled for the processor it runs on")]
    #[inline(always)]
    fn call(self) -> Quantised {
        let mut greatest = [0.0_f32; LANES];
        for x in self.rotated.as_chunks::<{ LANES }>().0 {
            for (greatest, x) in greatest.iter_mut().zip(x) {
                *greatest = greatest.max(x.abs());
            }
        }
        let scale = greatest.into_iter().fold(0.0, f32::max) / GREATEST;
        // A query of nothing but zeros stays one.
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        #[expect(clippy::manual_clamp, reason = "what is no number becomes one")]
        let whole = |x: f32| (x * inverse).round_ties_even().max(-GREATEST).min(GREATEST);
        let mut query = vec![0; self.rotated.len()];
        for (to, from) in
            query.as_chunks_mut::<BLOCK>().0.iter_mut().zip(self.rotated.as_chunks::<BLOCK>().0)
        {
            for (to, from) in to.iter_mut().zip(from) {
                // From 2^23 on, the last bits of a number are whole ones.
                *to = i8::from_le_bytes([(whole(*from) + WHOLE).to_bits().to_le_bytes()[0]]);
            }
        }
        let [sums, residues] = super::sums(self.rotated, |x| {
            let residue = x - whole(x) * scale;
            [whole(x), residue * residue]
        });
        let [norms, _] = super::sums(self.rotated, |x| [x * x, 0.0]);
        Quantised { query, scale, sum: total(sums), norm2: total(norms), residue2: total(residues) }
    }
}
