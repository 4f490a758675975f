//! Measures SOP beside its peers: the same data, the same work and the same durability.
//!
//! `sop-bench engine` and `sop-bench commits` print a table and keep every value as JSON; `--help`
//! tells the rest. To add an engine, write its adapter in `engines`; to add a suite, its workloads
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
use std::{error::Error, process::ExitCode};

/// The result of everything here that can fail; who reads the error is a person.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures SOP beside its peers
#[derive(Debug, Parser)]
#[command(version)]
enum Suite {
    Engine(suites::Engine),
    Commits(suites::Commits),
}

fn main() -> ExitCode {
    let outcome = match Suite::parse() {
        Suite::Engine(suite) => process::run(&suite),
        Suite::Commits(suite) => process::run(&suite),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&*error),
    }
}
