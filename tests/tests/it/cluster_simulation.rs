//! Runs of the simulator with whole clusters.

use sop_tests::{
    Outcome, effort,
    simulation::{
        Failure, Summary,
        cluster::{Happening, run},
        sum_of,
    },
    tally,
};

/// How many seeds an ordinary run of the tests has.
const SEEDS: u64 = 2_000;

#[test]
fn no_seed_shows_a_cluster_that_breaks_a_promise() -> Result<(), Failure> {
    let seeds = SEEDS * effort();
    let Some(sum) = sum_of(seeds, run)? else { return Ok(()) };
    assert_covered(&sum, seeds);
    tally(seeds, "simulated seeds of clusters");
    tally(sum.commits, "simulated commits of clusters judged by replay");
    tally(sum.conflicts, "simulated conflicts of clusters found just");
    tally(sum.unknown, "simulated commits of clusters that were in doubt");
    tally(sum.power_cuts, "simulated power cuts of clusters");
    for happening in Happening::ALL {
        tally(sum.counts.of(*happening), &format!("simulated: {}", happening.words()));
    }
    Ok(())
}

/// A simulator that does not do much of everything finds nothing.
fn assert_covered(sum: &Summary, seeds: u64) {
    let transactions = sum.counts.of(Happening::Transactions);
    assert!(transactions >= 280 * seeds, "{sum:?}");
    assert!(sum.commits >= 80 * seeds, "{sum:?}");
    assert!(sum.conflicts >= 10 * seeds && sum.readers >= 100 * seeds, "{sum:?}");
    assert!(sum.lives >= 5 * seeds && sum.power_cuts >= seeds / 4, "{sum:?}");
    assert!(sum.unknown >= seeds && sum.checkpoints >= 20 * seeds, "{sum:?}");
    for happening in Happening::ALL {
        let count = sum.counts.of(*happening);
        assert!(count * 20 >= seeds, "{count} {}: {sum:?}", happening.words());
    }
}

#[test]
fn an_equal_seed_gives_an_equal_run_of_a_cluster() -> Outcome {
    for seed in 0..10 {
        assert_eq!(run(seed)?, run(seed)?, "seed {seed}");
    }
    Ok(())
}
