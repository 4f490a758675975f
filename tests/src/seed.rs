//! Random work that can be repeated.

use std::env;

/// The variable that replaces every test's seed, to repeat a failure or to search further.
const VARIABLE: &str = "SOP_TEST_SEED";

/// The start of a test's random numbers.
#[derive(Clone, Copy, Debug)]
pub struct Seed(u64);

impl Seed {
    /// This seed, unless the environment variable `SOP_TEST_SEED` says another. Either way it is
    /// printed, which the test runner shows if the test fails.
    pub fn new(seed: u64) -> Self {
        let chosen = env::var(VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(seed);
        #[expect(clippy::print_stderr, reason = "whoever reads of a failure repeats it by this")]
        {
            eprintln!("to repeat this run: {VARIABLE}={chosen}");
        }
        Self(chosen)
    }

    /// A seed for one of several runs of a test: this one itself for the first.
    #[must_use]
    pub fn at(&self, run: u64) -> Self {
        Self(self.0.wrapping_add(run))
    }

    /// Random numbers for one purpose: equal for an equal seed, different for another stream.
    pub fn stream(&self, stream: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.0 ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_streams_and_streams_differ() {
        let draw = |stream| Seed::new(7).stream(stream).u64(..);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
