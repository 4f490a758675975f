//! The suite `blobs` with a few MiB, so that it does not rot.

mod suite;

use std::collections::BTreeSet;

const WORKLOADS: [&str; 6] = [
    "upload_1g",
    "download_1g",
    "read_1g",
    "overwrite_range",
    "overwrite_16_ranges",
    "peak_memory",
];

#[test]
fn the_suite_measures_every_peer() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "blobs --seconds 0.05 --rounds 1 --mib 3 --peak-mib 5";
    let records = suite::records(folder.path(), arguments.split(' '));
    let found: BTreeSet<(&str, &str)> = records
        .iter()
        .map(|record| {
            assert!(record["value"].as_f64().unwrap() > 0.0, "{record}");
            (record["engine"].as_str().unwrap(), record["workload"].as_str().unwrap())
        })
        .collect();
    let all = |engine| WORKLOADS.map(|workload| (engine, workload));
    assert_eq!(found, ["sop", "sop-direct", "file", "sqlite"].into_iter().flat_map(all).collect());
}
