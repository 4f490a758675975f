//! Runs of the simulator with typed databases, whose sessions merge.

use sop_tests::{
    Outcome, effort,
    simulation::{Failure, Summary, sum_of, typed::run},
    tally,
};

/// How many seeds an ordinary run of the tests has.
const SEEDS: u64 = 600;

#[test]
fn no_seed_shows_a_merge_that_its_model_does_not_make() -> Result<(), Failure> {
    let seeds = SEEDS * effort();
    let Some(sum) = sum_of(seeds, run)? else { return Ok(()) };
    assert_covered(&sum, seeds);
    tally(seeds, "simulated seeds of typed sessions");
    tally(sum.commits, "simulated typed commits judged by a model");
    tally(sum.merges, "simulated merges of records judged by a model");
    tally(sum.conflicts, "simulated typed conflicts found just");
    tally(sum.power_cuts, "simulated power cuts of typed databases");
    Ok(())
}

/// A simulator that does not do much of everything finds nothing.
fn assert_covered(sum: &Summary, seeds: u64) {
    assert!(sum.commits >= 100 * seeds && sum.merges >= 20 * seeds, "{sum:?}");
    assert!(sum.conflicts >= 10 * seeds && sum.readers >= 10 * seeds, "{sum:?}");
    assert!(sum.lives >= 2 * seeds && sum.power_cuts >= seeds / 4, "{sum:?}");
    assert!(sum.faults >= seeds / 4 && sum.unknown >= seeds / 20, "{sum:?}");
    assert!(sum.harmed >= seeds / 20, "{sum:?}");
    assert!(sum.checkpoints >= 5 * seeds && sum.interleaved >= 50 * seeds, "{sum:?}");
}

#[test]
fn an_equal_seed_gives_an_equal_run_of_typed_sessions() -> Outcome {
    for seed in 0..20 {
        assert_eq!(run(seed)?, run(seed)?, "seed {seed}");
    }
    Ok(())
}
