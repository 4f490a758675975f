//! The suite `cluster` with real processes: small, so that it does not rot.

use std::{collections::BTreeSet, fs, process::Command};

#[test]
fn the_suite_measures_processes_that_share_a_folder_beside_bare_files() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let arguments = "--processes 1,2 --sessions 2 --seconds 1 --warm-up 0.1 --rounds 1";
    let output = Command::new(env!("CARGO_BIN_EXE_sop-bench"))
        .arg("cluster")
        .args(arguments.split(' '))
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
    let found: BTreeSet<(&str, u64)> = records
        .iter()
        .map(|record| (record["workload"].as_str().unwrap(), record["threads"].as_u64().unwrap()))
        .collect();
    for keys in ["disjoint", "hot"] {
        for part in ["", "_p50", "_p99", "_slots", "_raw", "_in_slot", "_carried", "_lost_links"] {
            for processes in [1, 2] {
                let name = format!("{keys}{part}");
                assert!(found.contains(&(&name, processes)), "{name} of {processes} is missing");
            }
        }
        assert!(found.contains(&(&format!("{keys}_raw_racing"), 2)));
    }
    let rate = |name: &str| {
        let of_name = records.iter().filter(|record| record["workload"] == name);
        of_name.map(|record| record["value"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    for name in ["disjoint", "hot", "disjoint_slots", "hot_slots", "disjoint_raw", "hot_raw"] {
        assert!(rate(name).iter().all(|rate| *rate > 0.0), "{name}: {:?}", rate(name));
    }
}
