//! Typed records under many sessions at once.

use sop_tests::{Outcome, Seed, effort, merging::Merging, records::Records, tally};

#[test]
fn sessions_side_by_side_read_and_leave_what_the_model_says() -> Outcome {
    for number in 0..effort() {
        let commits = Records::new(Seed::new(81 + number).stream(0))?.sessions(4_000)?;
        tally(commits, "sessions replayed one after another");
    }
    Ok(())
}

#[test]
fn sessions_that_change_the_same_records_leave_what_the_model_merges() -> Outcome {
    for number in 0..effort() {
        let done = Merging::new(Seed::new(91 + number).stream(0))?.sessions(3_000)?;
        tally(done.merges, "records merged as the model merges them");
    }
    Ok(())
}
