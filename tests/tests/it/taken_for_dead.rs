//! Processes that have loaded a store and are taken for dead, see [`sop_tests::taken_for_dead`].

use sop_tests::{Outcome, taken_for_dead::load_and_be_away};

#[test]
fn what_was_loaded_by_who_was_taken_for_dead_is_there_as_a_whole_or_loaded_again() -> Outcome {
    (0..20).try_for_each(load_and_be_away)
}
