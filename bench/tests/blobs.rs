//! The suite `blobs` with a few MiB, so that it does not rot.

use std::{collections::BTreeSet, fs, process::Command};

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
    let json = folder.path().join("run.json");
    let output = Command::new(env!("CARGO_BIN_EXE_sop-bench"))
        .args(["blobs", "--seconds", "0.05", "--rounds", "1", "--mib", "3", "--peak-mib", "5"])
        .arg("--dir")
        .arg(folder.path())
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let lines = fs::read_to_string(json).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    let records: Vec<serde_json::Value> = records.collect();
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
