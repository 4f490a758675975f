//! The shared log: slots, the floor, outcomes that nobody was told.

use sop_tests::{
    cluster_model::{Guard, LogModel, Rules},
    effort,
};

use super::{assert_holds, guards_are_needed};

#[test]
fn writers_lose_nothing_and_double_nothing() {
    let model =
        LogModel { rules: Rules::all(), slots: 3, writers: 2, collectors: 2, has_reader: false };
    assert_holds(&model, "two writers and two collectors");
}

#[test]
fn readers_see_the_log_and_nothing_else() {
    let model =
        LogModel { rules: Rules::all(), slots: 3, writers: 1, collectors: 2, has_reader: true };
    assert_holds(&model, "a writer, a reader and two collectors");
}

/// Minutes and gigabytes, and so only on request.
#[test]
fn everybody_at_once_goes_as_well_as_each_alone() {
    if effort() > 1 {
        assert_holds(&everybody(Rules::all()), "two writers, a reader and a collector");
    }
}

fn everybody(rules: Rules) -> LogModel {
    LogModel { rules, slots: 3, writers: 2, collectors: 1, has_reader: true }
}

fn one_writer(rules: Rules) -> LogModel {
    LogModel { writers: 1, has_reader: false, ..everybody(rules) }
}

guards_are_needed! {
    links_that_replace_lose_commits:
        everybody, PutIfAbsent => "a slot is gone that is in no checkpoint",
    a_link_that_is_not_read_back_may_be_none:
        everybody, ReadBack => "a commit was acknowledged and is not in the log",
    who_does_not_know_its_own_batch_reports_a_conflict_with_itself:
        everybody, RecogniseOwn => "a commit was reported as a conflict and is in the log",
    what_was_not_answered_may_have_happened:
        everybody, ReportUnknown => "a commit was reported as a conflict and is in the log",
    a_late_link_may_be_below_the_floor:
        everybody, FloorAfterLink => "a commit was acknowledged and is not in the log",
    a_slot_that_was_read_may_be_a_ghost:
        everybody, FloorAfterReading => "a writer applied what is not in the log",
    a_slot_that_is_absent_may_have_been_removed:
        everybody, FloorAfterAbsence => "a fresh read missed an acknowledged commit",
    a_remembered_floor_is_too_low:
        one_writer, FreshFloor => "a commit was acknowledged and is not in the log",
    a_remembered_absence_hides_commits:
        everybody, FreshLookup => "a fresh read missed an acknowledged commit",
    without_the_members_in_the_manifest_a_commit_is_denied:
        everybody, MembersInManifest => "a commit was reported as a conflict and is in the log",
    a_floor_above_the_checkpoint_loses_commits:
        everybody, FloorWithinCheckpoint => "a slot is gone that is in no checkpoint",
    slots_removed_before_the_floor_is_raised_are_lost:
        everybody, FloorBeforeRemoval => "a slot is gone that is in no checkpoint",
}
