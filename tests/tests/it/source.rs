//! The source keeps its own laws.

use std::path::Path;

use sop_tests::{Outcome, tidy};

#[test]
fn the_source_keeps_its_laws() -> Outcome {
    let complaints = tidy::complaints(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    let shown: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "\n{}", shown.join("\n"));
    Ok(())
}
