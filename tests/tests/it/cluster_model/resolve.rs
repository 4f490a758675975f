//! Asking what became of commits that were told to be open.

use sop_tests::cluster_model::{Guard, ResolveModel, Rules};

use super::{assert_holds, guards_are_needed};

#[test]
fn who_asks_is_told_what_is_so_and_stays_so() {
    assert_holds(&resolve(Rules::all()), "what became of commits");
}

fn resolve(rules: Rules) -> ResolveModel {
    ResolveModel { rules }
}

guards_are_needed! {
    a_sequence_that_was_reported_stands_for_nothing_else:
        resolve, ReportedAreSpent => "what is lost is said to be committed",
    what_was_left_out_has_to_be_remembered:
        resolve, GapsAreKept => "what is lost is said to be committed",
    an_empty_slot_is_no_answer:
        resolve, AskersTakeTheSlot => "what is said not to be committed takes effect",
}
