//! Transactions over stores that come, go and change their names, as if one after another.

use sop_tests::{Home, Outcome, Seed, effort, serial::Serial, tally};

const TRANSACTIONS: usize = 4_000;

#[test]
fn what_committed_side_by_side_could_have_run_one_after_another() -> Outcome {
    for number in 0..effort() {
        let random = Seed::new(71 + number).stream(0);
        let found = Serial::new(Home::in_memory(), random)?.transactions(TRANSACTIONS)?;
        assert!(found.merged > 400 && found.conflicts > 400, "too tame: {found:?}");
        tally(found.committed, "transactions replayed one after another");
    }
    Ok(())
}
