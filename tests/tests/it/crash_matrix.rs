//! Commits over several databases that are interrupted, see [`sop_tests::crash_matrix`].

use sop_tests::{
    Outcome,
    crash_matrix::{Table, cases, run},
    tally,
};

#[test]
fn wherever_a_commit_over_several_databases_is_interrupted_all_have_it_or_none() -> Outcome {
    let mut table = Table::default();
    for case in cases() {
        match run(&case) {
            Ok(Some(is_committed)) => table.note(&case, is_committed),
            Ok(None) => {}
            Err(error) => return Err(format!("{case:?}: {error:?}").into()),
        }
    }
    println!("{table}");
    let (committed, rolled_back) = table.outcomes();
    assert!(committed.min(rolled_back) > 100, "{committed} and {rolled_back}");
    tally(committed + rolled_back, "interrupted commits over several databases");
    Ok(())
}
