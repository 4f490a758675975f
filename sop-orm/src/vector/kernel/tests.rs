//! Both machines against plain sums in `f64`, and the product of nibbles against its fallback.

use super::{
    Element::{self, F16, F32, I8},
    machine::{Machine, Plain, Work},
    nibbles,
    sums::{Difference, DotAndNorm, OfF16, OfF32, OfI8, On, Stored, Sum, Term},
    *,
};
use half::f16;
use proptest::prelude::*;

const KINDS: [Element; 3] = [F32, F16, I8];

/// A query, stored elements as they lie in a file, and what these are as numbers.
fn case(kind: Element, dim: usize, rng: &mut fastrand::Rng) -> (Vec<f32>, Vec<u8>, Vec<f32>) {
    let query = (0..dim).map(|_| rng.f32() - 0.5).collect();
    let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..dim {
        let number = rng.f32() * 3.0 - 1.5;
        match kind {
            F32 => {
                bytes.extend(number.to_le_bytes());
                numbers.push(number);
            }
            F16 => {
                // Subnormal ones among them.
                let small = if rng.u8(..8) == 0 { number * 1e-5 } else { number };
                bytes.extend(f16::from_f32(small).to_le_bytes());
                numbers.push(f16::from_f32(small).to_f32());
            }
            I8 => {
                let number = rng.i8(..);
                bytes.extend(number.to_le_bytes());
                numbers.push(f32::from(number));
            }
        }
    }
    (query, bytes, numbers)
}

fn sum_of(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
}

fn assert_close(got: f32, terms: impl Iterator<Item = f64>, what: &str) {
    let (sum, size) = sum_of(terms);
    assert!((f64::from(got) - sum).abs() <= 1e-5 * size, "{what}: {got} is not {sum}");
}

fn plain<T: Term>(kind: Element, query: &[f32], bytes: &[u8]) -> [f32; 2] {
    fn run<T: Term, E: Stored>(on: On<'_>) -> [f32; 2] {
        Sum::<T, E>::new(on).run(Plain)
    }
    let on = On { query, bytes };
    match kind {
        F32 => run::<T, OfF32>(on),
        F16 => run::<T, OfF16>(on),
        I8 => run::<T, OfI8>(on),
    }
}

#[test]
fn products_of_all_lengths_are_the_sums_of_their_terms_wherever_the_bytes_lie() {
    let mut rng = fastrand::Rng::with_seed(1);
    for dim in (1..=300).chain([383, 384, 768, 1001]) {
        for kind in KINDS {
            let (query, bytes, numbers) = case(kind, dim, &mut rng);
            let shift = dim % 5;
            let shifted: Vec<u8> = [vec![0xff; shift], bytes].concat();
            let bytes = &shifted[shift..];
            let pairs = || query.iter().zip(&numbers).map(|(q, v)| (f64::from(*q), f64::from(*v)));
            let what = format!("{kind:?} of {dim}");
            let [dot, norm2] = plain::<DotAndNorm>(kind, &query, bytes);
            let [squared, _] = plain::<Difference>(kind, &query, bytes);
            let fast = products(kind, &query, bytes).unwrap();
            let fast_squared = squared_distance(kind, &query, bytes).unwrap();
            for dot in [dot, fast.dot] {
                assert_close(dot, pairs().map(|(q, v)| q * v), &what);
            }
            for norm2 in [norm2, fast.norm2] {
                assert_close(norm2, pairs().map(|(_, v)| v * v), &what);
            }
            for squared in [squared, fast_squared] {
                assert_close(squared, pairs().map(|(q, v)| (q - v) * (q - v)), &what);
            }
        }
    }
}

#[test]
fn vectors_of_another_length_have_no_products() {
    for kind in KINDS {
        let bytes = vec![0; 8 * kind.size() + 1];
        assert_eq!(products(kind, &[0.0; 8], &bytes), None);
        assert_eq!(squared_distance(kind, &[0.0; 8], &bytes), None);
        assert_eq!(products(kind, &[0.0; 9], &bytes[..8 * kind.size()]), None);
        assert_eq!(products(kind, &[], &[]), Some(Products::default()));
    }
}

/// Loads sixteen bytes as halves.
struct Halves([u8; 16]);

impl Work for Halves {
    type Output = [f32; 8];

    #[expect(clippy::inline_always, reason = "else the instructions are calls")]
    #[inline(always)]
    fn run<M: Machine>(self, m: M) -> [f32; 8] {
        m.store(m.load_f16(&self.0))
    }
}

#[test]
fn every_half_is_read_as_what_it_is() {
    for first in (0..=u16::MAX).step_by(8) {
        let halves: [u16; 8] = std::array::from_fn(|at| first + u16::try_from(at).unwrap());
        let bytes: Vec<u8> = halves.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let got = machine::dispatch(Halves(bytes.try_into().unwrap()));
        for (got, bits) in got.into_iter().zip(halves) {
            let expected = f16::from_bits(bits).to_f32();
            let is_same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
            assert!(is_same, "{bits:#x}: {got} is not {expected}");
        }
    }
}

#[test]
fn the_greatest_nibbles_and_queries_do_not_overflow() {
    for (byte, element, each) in [(0xff, 127_i8, 15 * 127), (0xff, -127, 15 * -127), (0, 127, 0)] {
        for blocks in [1_usize, 4, 5, 12, 64] {
            let expected = each * 64 * i32::try_from(blocks).unwrap();
            let (nibbles, query) = (vec![byte; 32 * blocks], vec![element; 64 * blocks]);
            assert_eq!(NibbleDot::new().of(&nibbles, &query), expected);
            assert_eq!(nibbles::plain(&nibbles, &query), expected);
        }
    }
}

proptest! {
    #[test]
    fn the_product_of_nibbles_is_the_same_on_every_processor(
        nibbles in proptest::collection::vec(any::<u8>(), 0..700),
        query in proptest::collection::vec(-127_i8..=127, 0..1400),
        shift in 0_usize..4,
    ) {
        let nibbles = nibbles.get(shift..).unwrap_or_default();
        let expected = nibbles::plain(nibbles, &query);
        prop_assert_eq!(NibbleDot::new().of(nibbles, &query), expected);
        let mut products = Vec::new();
        let both = [nibbles, &[]].into_iter();
        NibbleDot::new().of_each(both, &query, |product| products.push(product));
        prop_assert_eq!(products, [expected, 0]);
    }
}
