//! What random tests have in common: choices, seeds, and the proof that much came about.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::error::Result;

/// A small generator of random numbers (xorshift), so that a seed says everything.
pub(crate) struct Random(u64);

impl Random {
    /// Neighbouring seeds give numbers that have nothing in common.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Runs something for seed after seed, and says which one it failed for.
pub(crate) fn for_seeds(seeds: RangeInclusive<u64>, mut run: impl FnMut(u64) -> Result<()>) {
    for seed in seeds {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(seed)));
        let outcome = outcome.unwrap_or_else(|_| panic!("seed {seed} failed, as said above"));
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
    }
}

/// How often each thing came about.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    pub(crate) fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}

/// Runs so many seeds, and demands that each of these things came about more often than `least`.
pub(crate) fn run_seeds(
    seeds: u64,
    run: impl Fn(u64) -> Counts,
    least: u64,
    things: &[&'static str],
) {
    let mut counts = Counts::default();
    for_seeds(1..=seeds, |seed| {
        counts.add(run(seed));
        Ok(())
    });
    println!("{counts:?}");
    for thing in things {
        assert!(counts.0.get(thing).is_some_and(|count| *count > least), "{thing}: {counts:?}");
    }
}
