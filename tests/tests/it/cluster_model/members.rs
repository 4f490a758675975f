//! Members that fall silent, and others that go on with their work.

use sop_tests::cluster_model::{Guard, MembersModel, Rules};

use super::{assert_holds, guards_are_needed};

#[test]
fn work_is_done_once_whoever_falls_silent() {
    assert_holds(&MembersModel { rules: Rules::all(), slots: 6 }, "members");
}

fn members(rules: Rules) -> MembersModel {
    MembersModel { rules, slots: 6 }
}

guards_are_needed! {
    an_expelled_member_has_to_stop:
        members, ExpelledStop => "somebody who was expelled goes on committing",
    who_is_not_known_any_more_has_to_stop:
        members, UnknownAreExpelled => "somebody who was expelled goes on committing",
    what_was_forgotten_may_have_been_done:
        members, ForgottenIsUnknown => "a commit was reported as failed and is in the log",
    a_silent_member_may_come_back:
        members, ExpelBeforeTakeover => "work was done twice",
    a_silent_member_needs_its_files:
        members, FilesOfMembers => "a file is gone that a commit refers to",
    the_files_of_an_expelled_member_are_gone_when_it_joins_anew:
        members, FilesOfOneLife => "a file is gone that a commit refers to",
    a_file_of_an_expelled_member_may_be_in_use:
        members, FilesInUse => "a file is gone that a commit refers to",
}
