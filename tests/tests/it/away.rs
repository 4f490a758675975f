//! Processes that are away at each call of what they do, see [`sop_tests::away`].

use sop_tests::{
    Outcome,
    away::{cases, meet},
    tally,
};

#[test]
fn who_is_away_at_any_call_goes_on_and_nothing_is_lost() -> Outcome {
    for case in cases() {
        let mut calls = 0;
        while meet(calls, case).map_err(|error| format!("call {calls} of {case:?}: {error:?}"))? {
            calls += 1;
        }
        // Less would be no work at all.
        assert!(calls >= 5, "{calls} calls of {case:?}");
        tally(calls, "calls at which a process of a shared folder was away");
    }
    Ok(())
}
