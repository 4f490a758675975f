//! Measures SOP beside its peers: the same data, the same work and the same durability.
//!
//! `sop-bench engine`, `commits`, `blobs`, `global`, `typed`, `vectors` and `cluster` print tables and keep every value as JSON, `sop-bench
//! table` shows what several runs have kept as one, `sop-bench report` makes a document with plots of
//! it; `--help` tells the rest. To add an engine, write its adapter in `engines`; to add a suite, its
//! workloads in `suites`. Both are then measured in processes of their own, in turns, and reported
//! alike.

mod blobs;
mod data;
mod engines;
mod frame;
mod global;
mod measure;
mod probe;
mod report;
mod suites;
#[cfg(feature = "typed")]
mod typed;
#[cfg(feature = "vectors")]
mod vectors;

use clap::Parser;
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The result of everything here that can fail; who reads the error is a person.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures SOP beside its peers
#[derive(Debug, Parser)]
#[command(version)]
enum Command {
    Engine(suites::Engine),
    Commits(suites::Commits),
    Blobs(suites::Blobs),
    Global(suites::Global),
    Cluster(suites::Cluster),
    /// One of the processes of `cluster`, for the suite
    #[command(hide = true)]
    ClusterMember {
        assignment: String,
    },
    #[cfg(feature = "typed")]
    Typed(suites::Typed),
    #[cfg(feature = "vectors")]
    Vectors(suites::Vectors),
    /// Shows the values that runs of one suite with the same settings have kept
    Table {
        /// What `--json` has written
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Writes the document `benchmarks.md` and its plots from the values that runs have kept
    Report {
        /// What `--json` has written
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The folder to write into
        #[arg(long, default_value = "docs")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Engine(suite) => frame::run(&suite),
        Command::Commits(suite) => frame::run(&suite),
        Command::Blobs(suite) => frame::run(&suite),
        Command::Global(suite) => frame::run(&suite),
        Command::Cluster(suite) => frame::run(&suite),
        Command::ClusterMember { assignment } => suites::serve(&assignment),
        #[cfg(feature = "typed")]
        Command::Typed(suite) => frame::run(&suite),
        #[cfg(feature = "vectors")]
        Command::Vectors(suite) => frame::run(&suite),
        Command::Table { files } => table(&files),
        Command::Report { files, out } => document(&files, &out),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&*error),
    }
}

fn table(files: &[PathBuf]) -> Result<()> {
    let mut records = Vec::new();
    for file in files {
        records.extend(frame::parse(&fs::read_to_string(file)?)?);
    }
    report::table(&records)
}

fn document(files: &[PathBuf], out: &Path) -> Result<()> {
    let path = report::document(files, out)?;
    report::say(&path.display().to_string())
}
