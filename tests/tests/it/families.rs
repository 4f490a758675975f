//! Records that refer to each other under many sessions at once.

use sop_tests::{Outcome, Seed, effort, families::Relatives, tally};

#[test]
fn no_session_ever_leaves_a_reference_to_nobody() -> Outcome {
    for number in 0..effort() {
        let done = Relatives::new(Seed::new(101 + number).stream(0))?.sessions(4_000)?;
        tally(done.commits, "sessions after which every reference led to a record");
        tally(done.losers, "sessions that lost against others");
        tally(done.broken, "sessions refused for a reference to nobody");
        tally(done.merges, "records with references merged");
    }
    Ok(())
}
