//! Power cuts below the shared log, on disks that keep their word and on others.

use sop_tests::cluster_model::{DurabilityModel, Guard, Rules};

use super::{assert_holds, guards_are_needed};

#[test]
fn a_power_cut_takes_nothing_that_anybody_was_told_of() {
    assert_holds(&honest(Rules::all()), "power cuts");
}

#[test]
fn nobody_goes_on_over_what_a_lying_disk_has_lost() {
    assert_holds(&lying(Rules::all()), "disks that lie");
}

fn honest(rules: Rules) -> DurabilityModel {
    DurabilityModel { rules, lies: false }
}

fn lying(rules: Rules) -> DurabilityModel {
    DurabilityModel { rules, lies: true }
}

guards_are_needed! {
    a_batch_that_is_not_synced_leaves_a_name_alone:
        honest, SyncBatch => "the power took the content of a batch and left its name",
    a_name_that_is_not_synced_takes_a_commit_with_it:
        honest, SyncLinkedName => "the power took what somebody was told of",
    what_others_linked_is_not_durable_yet:
        honest, SyncFoundName => "the power took what somebody was told of",
    batches_that_do_not_follow_each_other_make_two_histories:
        lying, ChainOfNonces => "a batch was applied to a state that its author never saw",
    a_hole_that_is_filled_hides_a_loss:
        lying, HolesAreFatal => "a lost batch was replaced by another one",
}
