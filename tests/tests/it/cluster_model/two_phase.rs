//! Transactions over two databases, and whoever has to finish them.

use sop_tests::cluster_model::{Guard, Rules, TwoPhaseModel};

use super::{assert_holds, guards_are_needed};

#[test]
fn what_writes_to_two_databases_commits_in_both_or_in_none() {
    assert_holds(&writers(Rules::all()), "two phases, writing twice");
}

#[test]
fn what_reads_in_another_database_is_serializable() {
    assert_holds(&readers(Rules::all()), "two phases, writing once");
}

fn writers(rules: Rules) -> TwoPhaseModel {
    TwoPhaseModel { rules, writes_both: true }
}

fn readers(rules: Rules) -> TwoPhaseModel {
    TwoPhaseModel { rules, writes_both: false }
}

guards_are_needed! {
    a_second_decision_splits_a_transaction:
        writers, FirstDecisionCounts => "a transaction was decided both ways",
    an_abort_that_nobody_decided_is_overtaken:
        writers, AbortByDecision => "half of a transaction was committed",
    a_database_that_was_only_read_takes_part:
        readers, ReadersPrepare => "two transactions each came before the other",
    what_is_prepared_stays_as_it_is:
        writers, PreparedLocks => "a transaction writes over what it never saw",
    nothing_is_decided_before_all_is_prepared:
        writers, PreparedBeforeDecision => "half of a transaction was committed",
    a_decision_that_was_not_answered_may_stand:
        writers, DecisionIsLookedUp => "half of a transaction was committed",
    a_decision_to_commit_is_needed_until_all_know_it:
        writers, CommitsAreRemembered => "a transaction was decided both ways",
    a_decision_to_abort_is_needed_as_long_as_its_coordinator_may_come:
        writers, AbortsAreRemembered => "a transaction was decided both ways",
}
