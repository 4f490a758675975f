//! Runs a suite, and reads what it has measured.

use std::{fs, path::Path, process::Command};

/// What a run with these arguments and this folder has kept.
pub(crate) fn records<'a>(
    folder: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Vec<serde_json::Value> {
    let json = folder.join("run.json");
    let output = Command::new(env!("CARGO_BIN_EXE_sop-bench"))
        .args(arguments)
        .arg("--dir")
        .arg(folder)
        .arg("--json")
        .arg(&json)
        .output()
        .expect("the suite runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = fs::read_to_string(json).expect("it keeps what it measures");
    lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
