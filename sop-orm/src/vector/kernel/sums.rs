//! The loops over a query and a stored vector, for any machine and any kind of element.

use super::{
    Element, Products,
    machine::{LANES, Machine, Work, dispatch},
    total,
};

/// How many sums run side by side, since an addition takes longer than the next one waits.
const SUMS: usize = 4;

/// The products of `query` and as many stored elements.
pub(super) fn products(kind: Element, query: &[f32], bytes: &[u8]) -> Products {
    let [dot, norm2] = by_kind::<DotAndNorm>(kind, query, bytes);
    Products { dot, norm2 }
}

/// The squared length of the difference of `query` and as many stored elements.
pub(super) fn squared_distance(kind: Element, query: &[f32], bytes: &[u8]) -> f32 {
    let [sum, _] = by_kind::<Difference>(kind, query, bytes);
    sum
}

fn by_kind<T: Term>(kind: Element, query: &[f32], bytes: &[u8]) -> [f32; 2] {
    let on = On { query, bytes };
    match kind {
        Element::F32 => dispatch(Sum::<T, OfF32>::new(on)),
        Element::F16 => dispatch(Sum::<T, OfF16>::new(on)),
        Element::I8 => dispatch(Sum::<T, OfI8>::new(on)),
    }
}

/// What is summed up.
pub(super) trait Term {
    /// Adds the terms of eight elements to two sums.
    fn add<M: Machine>(m: M, sums: [M::Lanes; 2], q: M::Lanes, v: M::Lanes) -> [M::Lanes; 2];
}

/// `q * v` and `v * v`.
pub(super) struct DotAndNorm;

#[expect(clippy::inline_always, reason = "else the instructions are calls")]
impl Term for DotAndNorm {
    #[inline(always)]
    fn add<M: Machine>(m: M, sums: [M::Lanes; 2], q: M::Lanes, v: M::Lanes) -> [M::Lanes; 2] {
        [m.mul_add(q, v, sums[0]), m.mul_add(v, v, sums[1])]
    }
}

/// The square of `q - v`, and nothing.
pub(super) struct Difference;

#[expect(clippy::inline_always, reason = "else the instructions are calls")]
impl Term for Difference {
    #[inline(always)]
    fn add<M: Machine>(m: M, sums: [M::Lanes; 2], q: M::Lanes, v: M::Lanes) -> [M::Lanes; 2] {
        let difference = m.sub(q, v);
        [m.mul_add(difference, difference, sums[0]), sums[1]]
    }
}

/// A kind of element.
pub(super) trait Stored {
    /// The bytes of eight elements.
    type Block: Copy + for<'a> TryFrom<&'a [u8]>;
    /// Bytes of one element.
    const SIZE: usize;

    /// Eight elements as numbers.
    fn load<M: Machine>(m: M, block: &Self::Block) -> M::Lanes;
}

pub(super) struct OfF32;
pub(super) struct OfF16;
pub(super) struct OfI8;

#[expect(clippy::inline_always, reason = "else the instructions are calls")]
impl Stored for OfF32 {
    type Block = [u8; 32];
    const SIZE: usize = 4;

    #[inline(always)]
    fn load<M: Machine>(m: M, block: &[u8; 32]) -> M::Lanes {
        m.load_f32(block)
    }
}

#[expect(clippy::inline_always, reason = "else the instructions are calls")]
impl Stored for OfF16 {
    type Block = [u8; 16];
    const SIZE: usize = 2;

    #[inline(always)]
    fn load<M: Machine>(m: M, block: &[u8; 16]) -> M::Lanes {
        m.load_f16(block)
    }
}

#[expect(clippy::inline_always, reason = "else the instructions are calls")]
impl Stored for OfI8 {
    type Block = [u8; 8];
    const SIZE: usize = 1;

    #[inline(always)]
    fn load<M: Machine>(m: M, block: &[u8; 8]) -> M::Lanes {
        m.load_i8(*block)
    }
}

/// A query and as many stored elements.
#[derive(Clone, Copy)]
pub(super) struct On<'a> {
    pub(super) query: &'a [f32],
    pub(super) bytes: &'a [u8],
}

/// The sums of the terms `T` over elements of the kind `E`.
pub(super) struct Sum<'a, T, E> {
    on: On<'a>,
    of: std::marker::PhantomData<(T, E)>,
}

impl<'a, T, E> Sum<'a, T, E> {
    pub(super) fn new(on: On<'a>) -> Self {
        Self { on, of: std::marker::PhantomData }
    }
}

impl<T: Term, E: Stored> Work for Sum<'_, T, E> {
    type Output = [f32; 2];

    #[expect(clippy::inline_always, reason = "else the instructions are calls")]
    #[inline(always)]
    fn run<M: Machine>(self, m: M) -> [f32; 2] {
        let On { query, bytes } = self.on;
        let mut sums = [[m.zero(); 2]; SUMS];
        let (wide, query_rest) = query.as_chunks::<{ SUMS * LANES }>();
        let mut wide_bytes = bytes.chunks_exact(SUMS * LANES * E::SIZE);
        for (query, bytes) in wide.iter().zip(&mut wide_bytes) {
            let blocks = bytes.chunks_exact(LANES * E::SIZE);
            for ((query, block), sums) in query.as_chunks().0.iter().zip(blocks).zip(&mut sums) {
                add::<M, T, E>(m, sums, query, block);
            }
        }
        let (narrow, query_rest) = query_rest.as_chunks::<LANES>();
        let mut blocks = wide_bytes.remainder().chunks_exact(LANES * E::SIZE);
        for ((query, block), sums) in narrow.iter().zip(&mut blocks).zip(&mut sums) {
            add::<M, T, E>(m, sums, query, block);
        }
        if !query_rest.is_empty() {
            // Zeros at the end add nothing to any sum.
            let (mut query, mut block) = ([0.0; LANES], [0; LANES * 4]);
            for (to, from) in query.iter_mut().zip(query_rest) {
                *to = *from;
            }
            for (to, from) in block.iter_mut().zip(blocks.remainder()) {
                *to = *from;
            }
            let [first, ..] = &mut sums;
            add::<M, T, E>(m, first, &query, block.get(..LANES * E::SIZE).unwrap_or_default());
        }
        [total_of(m, sums.map(|sum| sum[0])), total_of(m, sums.map(|sum| sum[1]))]
    }
}

/// Adds the terms of eight elements to two sums.
#[expect(clippy::inline_always, reason = "else the instructions are calls")]
#[inline(always)]
fn add<M: Machine, T: Term, E: Stored>(
    m: M,
    sums: &mut [M::Lanes; 2],
    query: &[f32; LANES],
    block: &[u8],
) {
    // It always is one: the blocks are cut to this length.
    if let Ok(block) = E::Block::try_from(block) {
        *sums = T::add(m, *sums, m.load(query), E::load(m, &block));
    }
}

/// The sum of all lanes of all sums.
#[expect(clippy::inline_always, reason = "else the instructions are calls")]
#[inline(always)]
fn total_of<M: Machine>(m: M, sums: [M::Lanes; SUMS]) -> f32 {
    let pairs = [m.add(sums[0], sums[1]), m.add(sums[2], sums[3])];
    total(m.store(m.add(pairs[0], pairs[1])))
}
