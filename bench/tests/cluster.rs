//! The suite `cluster` with real processes: small, so that it does not rot.

mod suite;

use std::collections::BTreeSet;

#[test]
fn the_suite_measures_processes_that_share_a_folder_beside_bare_files() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "cluster --processes 1,2 --sessions 2 --seconds 1 --warm-up 0.1 --rounds 1";
    let records = suite::records(folder.path(), arguments.split(' '));
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
