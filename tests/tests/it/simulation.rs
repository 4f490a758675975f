//! Runs of the simulator: many seeds, and that a seed says all about its run.

use sop_tests::{
    Outcome, effort,
    simulation::{Failure, Summary, run, sum_of},
    tally,
};

/// How many seeds an ordinary run of the tests has.
const SEEDS: u64 = 1_000;

#[test]
fn no_seed_shows_a_fault() -> Result<(), Failure> {
    let seeds = SEEDS * effort();
    let Some(sum) = sum_of(seeds, run)? else { return Ok(()) };
    assert_covered(&sum, seeds);
    tally(seeds, "simulated seeds");
    tally(sum.commits, "simulated commits judged by replay");
    tally(sum.conflicts, "simulated conflicts found just");
    tally(sum.power_cuts, "simulated power cuts");
    Ok(())
}

/// A simulator that does not do much of everything finds nothing.
fn assert_covered(sum: &Summary, seeds: u64) {
    assert!(sum.commits >= 100 * seeds, "{sum:?}");
    assert!(sum.conflicts >= 10 * seeds && sum.readers >= 10 * seeds, "{sum:?}");
    assert!(sum.lives >= 2 * seeds && sum.power_cuts >= seeds / 2, "{sum:?}");
    assert!(sum.faults >= seeds / 2 && sum.unknown >= seeds / 10, "{sum:?}");
    assert!(sum.harmed >= seeds / 10, "{sum:?}");
    assert!(sum.checkpoints >= 5 * seeds && sum.interleaved >= 50 * seeds, "{sum:?}");
}

#[test]
fn an_equal_seed_gives_an_equal_run_down_to_every_byte_on_the_disk() -> Outcome {
    let mut digests = Vec::new();
    for seed in 0..20 {
        let (one, two) = (run(seed)?, run(seed)?);
        assert_eq!(one, two, "seed {seed}");
        digests.push(one.digest);
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 20, "different seeds gave equal runs");
    Ok(())
}
