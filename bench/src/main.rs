//! Measures SOP beside its peers: the same data, the same work and the same durability.
//!
//! `sop-bench engine` and `sop-bench commits` print a table and keep every value as JSON, `sop-bench
//! table` shows what several runs have kept as one; `--help` tells the rest. To add an engine, write its adapter in `engines`; to add a suite, its workloads
//! in `suites`. Both are then measured in processes of their own, in turns, and reported alike.

mod data;
mod engines;
mod machine;
mod measure;
mod process;
mod record;
mod report;
mod suites;

use clap::Parser;
use std::{error::Error, fs, path::PathBuf, process::ExitCode};

/// The result of everything here that can fail; who reads the error is a person.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures SOP beside its peers
#[derive(Debug, Parser)]
#[command(version)]
enum Command {
    Engine(suites::Engine),
    Commits(suites::Commits),
    /// Shows the values that runs of one suite with the same settings have kept
    Table {
        /// What `--json` has written
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Engine(suite) => process::run(&suite),
        Command::Commits(suite) => process::run(&suite),
        Command::Table { files } => table(&files),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&*error),
    }
}

fn table(files: &[PathBuf]) -> Result<()> {
    let mut records = Vec::new();
    for file in files {
        records.extend(record::parse(&fs::read_to_string(file)?)?);
    }
    report::table(&records)
}
