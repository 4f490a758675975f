//! Checks the laws of the source and lists every place that breaks one.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use sop_tests::tidy;

fn main() -> io::Result<ExitCode> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let complaints = tidy::complaints(&top)?;
    let mut out = io::stdout().lock();
    for complaint in &complaints {
        writeln!(out, "{complaint}")?;
    }
    writeln!(out, "tidy: {} complaints", complaints.len())?;
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
