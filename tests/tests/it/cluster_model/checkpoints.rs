//! Manifests that race for a number, pins, and the removal of what nobody needs.

use sop_tests::cluster_model::{CheckpointsModel, Guard, Rules};

use super::{assert_holds, guards_are_needed};

#[test]
fn nothing_is_removed_that_somebody_needs() {
    assert_holds(&checkpoints(Rules::all()), "checkpoints");
}

fn checkpoints(rules: Rules) -> CheckpointsModel {
    CheckpointsModel { rules }
}

guards_are_needed! {
    pages_of_two_attempts_must_not_meet:
        checkpoints, AttemptsHaveNames => "the newest manifest names pages that are gone",
    who_lost_a_number_has_to_build_anew:
        checkpoints, LoserBeginsAnew => "the newest manifest names pages that are gone",
    slots_wait_for_the_manifest:
        checkpoints, ManifestBeforeRemoval => "a slot is gone that the newest manifest does not hold",
    a_late_manifest_is_not_the_newest:
        checkpoints, LateManifestsAreDropped => "a slot is gone that the newest manifest does not hold",
    a_listing_that_takes_long_misses_the_newest_manifest:
        checkpoints, ListingsAreShort => "a slot is gone that the newest manifest does not hold",
    pages_may_wait_for_their_manifest:
        checkpoints, NextAttemptsStay => "the newest manifest names pages that are gone",
    pins_are_looked_for_last:
        checkpoints, PinsAfterManifests => "a pin did not hold what it was on",
    whoever_pins_looks_again:
        checkpoints, PinThenLook => "a pin did not hold what it was on",
}
