//! Makes the runs of many seeds: `simulate FROM TO`, and says which of them show a fault. With one
//! number it makes the run of that seed and shows the end of its trace. `simulate typed ..` does the
//! same with typed databases, `simulate cluster ..` with clusters.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use sop_tests::simulation::{self, cluster, typed};

/// More failures than this are not looked for.
const FAILURES_MAX: usize = 10;

fn main() -> io::Result<ExitCode> {
    let mut words = env::args().skip(1).peekable();
    let cast = words.next_if(|word| word == "typed" || word == "cluster");
    let run = match cast.as_deref() {
        Some("typed") => typed::run,
        Some(_) => cluster::run,
        None => simulation::run,
    };
    let numbers: Option<Vec<u64>> = words.map(|text| text.parse().ok()).collect();
    let mut out = io::stdout().lock();
    let (seeds, is_single) = match numbers.as_deref() {
        Some([seed]) => (*seed..*seed + 1, true),
        Some([from, to]) => (*from..*to, false),
        _ => {
            writeln!(out, "simulate [typed|cluster] SEED, or simulate [typed|cluster] FROM TO")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let (sum, failures) = simulation::runs_of(seeds, FAILURES_MAX, run);
    for failure in &failures {
        if is_single {
            writeln!(out, "{failure}")?;
        } else {
            writeln!(out, "seed {}: {}", failure.seed, failure.reason)?;
        }
    }
    writeln!(out, "{sum:#?}\n{} failures", failures.len())?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
