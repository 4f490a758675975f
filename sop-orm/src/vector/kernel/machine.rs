//! Machines of eight lanes: what the loops of this module need of a processor.

use half::f16;

/// How many numbers a machine works on at once.
pub(crate) const LANES: usize = 8;

/// Eight numbers at once.
pub(super) trait Machine: Copy {
    /// Eight numbers.
    type Lanes: Copy;

    /// Zero in all lanes.
    fn zero(self) -> Self::Lanes;
    /// The numbers of a query.
    fn load(self, from: &[f32; LANES]) -> Self::Lanes;
    /// Stored numbers of four bytes.
    fn load_f32(self, from: &[u8; 32]) -> Self::Lanes;
    /// Stored numbers of two bytes, infinities and what is no number included.
    fn load_f16(self, from: &[u8; 16]) -> Self::Lanes;
    /// Stored whole numbers.
    fn load_i8(self, from: [u8; 8]) -> Self::Lanes;
    /// `a - b`.
    fn sub(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// `a + b`.
    fn add(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
    /// `a * b + c`, rounded once or twice.
    fn mul_add(self, a: Self::Lanes, b: Self::Lanes, c: Self::Lanes) -> Self::Lanes;
    /// The lanes, one by one.
    fn store(self, lanes: Self::Lanes) -> [f32; LANES];
}

/// Work that any machine can do.
pub(super) trait Work {
    /// What comes of it.
    type Output;

    /// Does it. To be inlined, always: only then are the instructions of the machine used.
    fn run<M: Machine>(self, machine: M) -> Self::Output;
}

/// Does `work` on the best machine that this processor has.
#[inline]
pub(super) fn dispatch<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return v3.vectorize(avx2::OnV3 { v3, work });
    }
    work.run(Plain)
}

/// The machine that every processor has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain;

/// Eight numbers from as many pieces of `N` bytes.
#[inline]
fn each<const N: usize>(from: &[u8], to: impl Fn([u8; N]) -> f32) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    for (lane, piece) in lanes.iter_mut().zip(from.as_chunks::<N>().0) {
        *lane = to(*piece);
    }
    lanes
}

/// Lane by lane.
#[inline]
fn zip(a: [f32; LANES], b: [f32; LANES], to: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut lanes = a;
    for (lane, b) in lanes.iter_mut().zip(b) {
        *lane = to(*lane, b);
    }
    lanes
}

impl Machine for Plain {
    type Lanes = [f32; LANES];

    #[inline]
    fn zero(self) -> Self::Lanes {
        [0.0; LANES]
    }

    #[inline]
    fn load(self, from: &[f32; LANES]) -> Self::Lanes {
        *from
    }

    #[inline]
    fn load_f32(self, from: &[u8; 32]) -> Self::Lanes {
        each(from, f32::from_le_bytes)
    }

    #[inline]
    fn load_f16(self, from: &[u8; 16]) -> Self::Lanes {
        each(from, |piece| f16::from_le_bytes(piece).to_f32())
    }

    #[inline]
    fn load_i8(self, from: [u8; 8]) -> Self::Lanes {
        each(&from, |piece| f32::from(i8::from_le_bytes(piece)))
    }

    #[inline]
    fn sub(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes {
        zip(a, b, |a, b| a - b)
    }

    #[inline]
    fn add(self, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes {
        zip(a, b, |a, b| a + b)
    }

    #[inline]
    fn mul_add(self, a: Self::Lanes, b: Self::Lanes, c: Self::Lanes) -> Self::Lanes {
        zip(zip(a, b, |a, b| a * b), c, |product, c| product + c)
    }

    #[inline]
    fn store(self, lanes: Self::Lanes) -> [f32; LANES] {
        lanes
    }
}

/// The machine of processors with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{LANES, Machine, Work};
    use pulp::{NullaryFnOnce, cast, f32x8, x86::V3};

    /// Work to be done with these instructions.
    pub(super) struct OnV3<W> {
        pub(super) v3: V3,
        pub(super) work: W,
    }

    impl<W: Work> NullaryFnOnce for OnV3<W> {
        type Output = W::Output;

        #[expect(clippy::inline_always, reason = "else the instructions are calls")]
        #[inline(always)]
        fn call(self) -> W::Output {
            self.work.run(self.v3)
        }
    }

    #[expect(clippy::inline_always, reason = "else the instructions are calls")]
    impl Machine for V3 {
        type Lanes = f32x8;

        #[inline(always)]
        fn zero(self) -> f32x8 {
            self.splat_f32x8(0.0)
        }

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> f32x8 {
            cast(*from)
        }

        #[inline(always)]
        fn load_f32(self, from: &[u8; 32]) -> f32x8 {
            cast(*from)
        }

        /// Without F16C, for which there is no safe wrapper: exponent and fraction, moved to
        /// where those of `f32` are, are the number divided by 2^112, subnormal ones too.
        #[inline(always)]
        fn load_f16(self, from: &[u8; 16]) -> f32x8 {
            /// 2^112: the difference of both exponents' biases.
            const SCALE: f32 = f32::from_bits((127 + 112) << 23);
            /// What lies above the greatest number: infinities, and what is no number.
            const FINITE: i32 = 0x7bff << 13;
            let wide = self.avx2._mm256_cvtepu16_epi32(cast(*from));
            let wide = self.avx2._mm256_slli_epi32::<16>(wide);
            let moved = self.avx2._mm256_srai_epi32::<3>(wide);
            let size = self.avx2._mm256_and_si256(moved, cast(self.splat_u32x8(0x0fff_e000)));
            let bits = self.avx2._mm256_and_si256(moved, cast(self.splat_u32x8(0x8fff_e000)));
            let scaled: f32x8 = self.mul_f32x8(cast(bits), self.splat_f32x8(SCALE));
            let special = self.avx2._mm256_cmpgt_epi32(size, self.avx._mm256_set1_epi32(FINITE));
            let special = self.avx2._mm256_and_si256(special, cast(self.splat_u32x8(0x7f80_0000)));
            self.or_f32x8(scaled, cast(special))
        }

        #[inline(always)]
        fn load_i8(self, from: [u8; 8]) -> f32x8 {
            let bytes = u128::from(u64::from_le_bytes(from));
            let wide = self.avx2._mm256_cvtepi8_epi32(cast(bytes));
            cast(self.avx._mm256_cvtepi32_ps(wide))
        }

        #[inline(always)]
        fn sub(self, a: f32x8, b: f32x8) -> f32x8 {
            self.sub_f32x8(a, b)
        }

        #[inline(always)]
        fn add(self, a: f32x8, b: f32x8) -> f32x8 {
            self.add_f32x8(a, b)
        }

        #[inline(always)]
        fn mul_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
            self.mul_add_f32x8(a, b, c)
        }

        #[inline(always)]
        fn store(self, lanes: f32x8) -> [f32; LANES] {
            cast(lanes)
        }
    }
}
