//! The suite `global` for a moment, so that it does not rot.

mod suite;

use std::collections::BTreeSet;

#[test]
fn the_suite_measures_every_peer() {
    let folder = tempfile::tempdir().unwrap();
    let records = suite::records(folder.path(), "global --seconds 0.05 --rounds 1".split(' '));
    let found: BTreeSet<(&str, &str)> = records
        .iter()
        .map(|record| {
            assert!(record["value"].as_f64().unwrap() > 0.0, "{record}");
            (record["engine"].as_str().unwrap(), record["workload"].as_str().unwrap())
        })
        .collect();
    let all = |engine| ["commit_1", "commit_2", "commit_3"].map(|workload| (engine, workload));
    assert_eq!(found, ["sop", "sop-apart", "sqlite"].into_iter().flat_map(all).collect());
}
