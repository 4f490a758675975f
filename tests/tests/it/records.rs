//! Typed records under many sessions at once.

use sop_tests::{Outcome, Seed, effort, records::Records, tally};

#[test]
fn sessions_side_by_side_read_and_leave_what_the_model_says() -> Outcome {
    for number in 0..effort() {
        let commits = Records::new(Seed::new(81 + number).stream(0))?.sessions(4_000)?;
        tally(commits, "sessions replayed one after another");
    }
    Ok(())
}
