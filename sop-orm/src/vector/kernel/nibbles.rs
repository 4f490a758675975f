//! The product of a code of four bits an element and a query of eight, in whole numbers.
//!
//! Each 32 bytes of a code are a block of 64 elements from 0 to 15: the low nibbles are the first
//! 32 of them, the high nibbles the others.

/// Elements of a block.
pub(crate) const BLOCK: usize = 64;

/// How many blocks can be summed up in 16 bits: each adds at most `2 * 2 * 15 * 127` to a lane.
#[cfg(target_arch = "x86_64")]
const NARROW: usize = 4;

/// The way in which this processor makes such products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NibbleDot {
    #[cfg(target_arch = "x86_64")]
    v3: Option<pulp::x86::V3>,
}

impl NibbleDot {
    /// Looks what the processor can do.
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            v3: pulp::x86::V3::try_new(),
        }
    }

    /// The product of `nibbles` and `query`, whose elements are from -127 to 127; blocks that only
    /// one of them has are passed over. The same number on every machine.
    #[inline]
    pub(crate) fn of(self, nibbles: &[u8], query: &[i8]) -> i32 {
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = self.v3 {
            return v3.vectorize(avx2::Dot { v3, nibbles, query });
        }
        plain(nibbles, query)
    }

    /// The products of many `nibbles` with one `query`, one after the other handed to `visit`, with
    /// what it does compiled for this processor as well.
    #[inline]
    pub(crate) fn of_each<'n>(
        self,
        nibbles: impl Iterator<Item = &'n [u8]>,
        query: &[i8],
        mut visit: impl FnMut(i32),
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = self.v3 {
            return v3.vectorize(avx2::Each { v3, nibbles, query, visit });
        }
        nibbles.for_each(|nibbles| visit(plain(nibbles, query)));
    }
}

/// The product, without instructions that not every processor has.
pub(super) fn plain(nibbles: &[u8], query: &[i8]) -> i32 {
    let mut sum = 0_i32;
    let blocks = nibbles.as_chunks::<{ BLOCK / 2 }>().0.iter();
    for (block, query) in blocks.zip(query.as_chunks::<BLOCK>().0) {
        let (low, high) = query.split_at(BLOCK / 2);
        for ((byte, low), high) in block.iter().zip(low).zip(high) {
            let low = i32::from(byte & 15) * i32::from(*low);
            let high = i32::from(byte >> 4) * i32::from(*high);
            sum = sum.wrapping_add(low + high);
        }
    }
    sum
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, NARROW};
    use pulp::{NullaryFnOnce, cast, x86::V3};

    /// A product to be made with these instructions.
    pub(super) struct Dot<'a> {
        pub(super) v3: V3,
        pub(super) nibbles: &'a [u8],
        pub(super) query: &'a [i8],
    }

    impl NullaryFnOnce for Dot<'_> {
        type Output = i32;

        #[expect(clippy::inline_always, reason = "else the instructions are calls")]
        #[inline(always)]
        fn call(self) -> i32 {
            let Self { v3, nibbles, query } = self;
            let (avx, avx2) = (v3.avx, v3.avx2);
            let (mask, ones) = (avx._mm256_set1_epi8(15), avx._mm256_set1_epi16(1));
            let nibbles = nibbles.as_chunks::<{ BLOCK / 2 }>().0.chunks(NARROW);
            let query = query.as_chunks::<BLOCK>().0.chunks(NARROW);
            let mut sum = avx._mm256_setzero_si256();
            for (nibbles, query) in nibbles.zip(query) {
                let mut narrow = avx._mm256_setzero_si256();
                for (block, query) in nibbles.iter().zip(query) {
                    let [low, high]: [[i8; BLOCK / 2]; 2] = cast(*query);
                    let first = avx2._mm256_and_si256(cast(*block), mask);
                    let second = avx2._mm256_srli_epi16::<4>(cast(*block));
                    let second = avx2._mm256_and_si256(second, mask);
                    let first = avx2._mm256_maddubs_epi16(first, cast(low));
                    let second = avx2._mm256_maddubs_epi16(second, cast(high));
                    let both = avx2._mm256_add_epi16(first, second);
                    narrow = avx2._mm256_add_epi16(narrow, both);
                }
                sum = avx2._mm256_add_epi32(sum, avx2._mm256_madd_epi16(narrow, ones));
            }
            let lanes: [i32; 8] = cast(sum);
            lanes.into_iter().fold(0, i32::wrapping_add)
        }
    }

    /// Products to be made with these instructions.
    pub(super) struct Each<'a, I, F> {
        pub(super) v3: V3,
        pub(super) nibbles: I,
        pub(super) query: &'a [i8],
        pub(super) visit: F,
    }

    impl<'n, I: Iterator<Item = &'n [u8]>, F: FnMut(i32)> NullaryFnOnce for Each<'_, I, F> {
        type Output = ();

        #[expect(clippy::inline_always, reason = "else the instructions are calls")]
        #[inline(always)]
        fn call(self) {
            let Self { v3, nibbles, query, mut visit } = self;
            for nibbles in nibbles {
                visit(Dot { v3, nibbles, query }.call());
            }
        }
    }
}
