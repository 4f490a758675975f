//! The suite `vectors` with the indexes in Rust and a few rows, so that it does not rot.

mod suite;

use std::{collections::BTreeSet, fs, io, path::Path};

const ROWS: u32 = 300;
const QUERIES: u32 = 20;
const DIMENSIONS: u32 = 384;
const PEERS: [&str; 6] = ["sop", "sop-cells", "exact", "hnsw_rs", "arroy", "sqlite-vec"];

/// The files of a folder of data.
fn write_data(folder: &Path) -> io::Result<()> {
    let rows = (0..ROWS).map(|id| {
        let (tenant, date) = (format!("family-{}", id % 3), 202_001 + id % 12);
        let row = serde_json::json!({
            "id": id, "name": format!("package-{id}"), "tenant": tenant, "date": date,
            "tags": ["some", "tags"], "text": format!("The package of number {id}"),
        });
        format!("{row}\n")
    });
    fs::write(folder.join("packages.jsonl"), rows.collect::<String>())?;
    fs::write(folder.join("packages.f16"), vectors(ROWS, 1))?;
    fs::write(folder.join("queries.f16"), vectors(QUERIES, 2))
}

/// Random half floats of a size of 0.5 to 1 and any sign.
fn vectors(count: u32, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut number = || 0x3800 | random.u16(..0x400) | (random.u16(..2) << 15);
    (0..count * DIMENSIONS).flat_map(|_| number().to_le_bytes()).collect()
}

#[test]
fn the_suite_measures_every_index_in_rust() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    write_data(&data).unwrap();
    let (peers, data) = (PEERS.join(","), data.to_str().unwrap());
    let arguments = "vectors --seconds 0.05 --rounds 1 --threads 1,2".split(' ');
    let arguments = arguments.chain(["--peers", &peers, "--data", data]);
    let records = suite::records(folder.path(), arguments);
    let found: BTreeSet<(&str, &str, u64)> = records
        .iter()
        .map(|record| {
            let text = |field: &str| record[field].as_str().unwrap();
            (text("engine"), text("workload"), record["threads"].as_u64().unwrap())
        })
        .collect();
    for peer in PEERS {
        let suffix = if ["exact", "hnsw_rs"].contains(&peer) { "_volatile" } else { "" };
        for workload in ["build", "build_partitioned", "insert_1", "insert_100"] {
            let name = format!("{workload}{suffix}");
            assert!(found.contains(&(peer, &name, 1)), "{name} of {peer} is missing");
        }
        assert!(found.contains(&(peer, &format!("insert_16x1{suffix}"), 16)));
        for workload in ["partition_100", "partition_filter", "filter_10", "whole"] {
            for threads in [1, 2] {
                let has = |name: &str| found.contains(&(peer, name, threads));
                let is_there = has(workload) || has(&format!("{workload}_missed"));
                assert!(is_there, "{workload} of {peer} by {threads} is missing");
            }
        }
        let churns = found.contains(&(peer, "churn", 1));
        assert_eq!(churns, peer != "hnsw_rs", "{peer}");
    }
    let values = records.iter().filter(|record| record["workload"] != "churn");
    let values: Vec<f64> = values.map(|record| record["value"].as_f64().unwrap()).collect();
    assert!(values.iter().all(|value| *value >= 0.0), "{values:?}");
}
