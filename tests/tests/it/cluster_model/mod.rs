//! The protocol of shared folders holds in every order of steps, and not without any of its guards.

mod checkpoints;
mod durability;
mod log;
mod members;
mod resolve;
mod two_phase;

use sop_tests::{
    cluster_model::{Finding, Guard, Model, explore},
    tally,
};

/// More states than a search may need memory for.
const STATES_MAX: usize = 200_000_000;

/// Searches a model that has all its guards, to the end.
#[track_caller]
fn assert_holds(model: &impl Model, of: &str) {
    match explore(model, STATES_MAX) {
        Finding::Nothing(explored) => {
            println!("{} states, {} steps: {of}", explored.states, explored.steps);
            assert!(explored.missed.is_empty(), "these never come up: {:?}", explored.missed);
            tally(explored.states as u64, &format!("states of the model of {of}"));
        }
        Finding::Wrong(counterexample) => panic!("{counterexample}"),
        Finding::Unfinished(explored) => panic!("{} states are not all", explored.states),
    }
}

/// Searches a model that lacks a guard, until what is bound to go wrong does.
#[track_caller]
fn assert_breaks(model: &impl Model, reason: &str) {
    match explore(model, STATES_MAX) {
        Finding::Wrong(counterexample) => {
            println!("{counterexample}");
            assert_eq!(counterexample.reason, reason, "something else goes wrong");
        }
        Finding::Nothing(explored) => panic!("none of {} states is wrong", explored.states),
        Finding::Unfinished(explored) => panic!("{} states are not all", explored.states),
    }
}

/// Writes a test for each guard: what it is called, which model lacks which guard, and what goes
/// wrong then.
macro_rules! guards_are_needed {
    ($($name:ident: $model:ident, $guard:ident => $reason:literal,)+) => {
        $(#[test]
        fn $name() {
            let rules = sop_tests::cluster_model::Rules::without(Guard::$guard);
            crate::cluster_model::assert_breaks(&$model(rules), $reason);
        })+

        /// The guards that a test above leaves out.
        pub(super) const LEFT_OUT: &[Guard] = &[$(Guard::$guard),+];
    };
}
use guards_are_needed;

#[test]
fn no_guard_is_kept_by_all() {
    let mut left_out: Vec<_> = [
        log::LEFT_OUT,
        durability::LEFT_OUT,
        members::LEFT_OUT,
        resolve::LEFT_OUT,
        checkpoints::LEFT_OUT,
        two_phase::LEFT_OUT,
    ]
    .concat();
    left_out.sort_unstable();
    assert_eq!(left_out, Guard::ALL);
}
