//! Transactions in two phases beside others, see [`sop_tests::two_phases`].

use sop_tests::{Outcome, Seed, effort, tally, two_phases};

#[test]
fn what_was_prepared_can_be_committed_as_if_it_were_done_then() -> Outcome {
    let (seed, mut sum) = (Seed::new(47), two_phases::Tally::default());
    for run in 0..200 * effort() {
        let tally = two_phases::run(seed.at(run))?;
        sum.prepared += tally.prepared;
        sum.kept_off += tally.kept_off;
        sum.commits += tally.commits;
    }
    assert!(sum.prepared.min(sum.kept_off) > 1_000, "too tame: {sum:?}");
    tally(sum.prepared, "transactions committed in two phases");
    tally(sum.kept_off, "transactions kept off by prepared ones");
    Ok(())
}
