//! Many processes that add rows of their own conflict with nobody, whatever becomes of Redis.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use sop_tests::{Outcome, adds, redis::RedisServer, tally};
use tempfile::TempDir;

const PROCESSES: u64 = 4;
const THREADS: u64 = 10;
const ROWS: u64 = 300;

fn adder(folder: &Path, redis: &str, number: u64) -> Outcome<Child> {
    let process = Command::new(env!("CARGO_BIN_EXE_adder"))
        .args([folder.to_str().ok_or("a strange folder")?, redis])
        .args([number * THREADS, THREADS, ROWS].map(|number| number.to_string()))
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(process)
}

/// Lets all processes add their rows, and does something when the first one is half way.
fn add(half_way: impl FnOnce(&mut RedisServer) -> Outcome) -> Outcome {
    let mut server = RedisServer::start()?;
    let folder = TempDir::new()?;
    let start = |number| adder(folder.path(), &server.address(), number);
    let mut processes = (0..PROCESSES).map(start).collect::<Outcome<Vec<_>>>()?;
    // What one of them says fits into its pipe.
    let outputs: Vec<_> =
        processes.iter_mut().filter_map(|process| process.stdout.take()).collect();
    let mut lines: Vec<_> = outputs.into_iter().map(|it| BufReader::new(it).lines()).collect();
    let half = (THREADS * ROWS / 2).to_string();
    for line in lines[0].by_ref() {
        if line? == half {
            break;
        }
    }
    half_way(&mut server)?;
    for (process, lines) in processes.iter_mut().zip(lines) {
        let said = lines.collect::<Result<Vec<_>, _>>()?;
        assert!(process.wait()?.success(), "a row conflicted, or worse: {:?}", said.last());
        assert!(!said.is_empty(), "it was done before half of the other's rows were");
    }
    let db = pollster::block_on(adds::open(folder.path(), ""))?;
    pollster::block_on(adds::verify(&db, PROCESSES * THREADS, ROWS))?;
    tally(PROCESSES * THREADS * ROWS, "rows added by processes at once");
    Ok(pollster::block_on(db.close())?)
}

#[test]
fn rows_that_forty_threads_of_four_processes_add_are_all_there_and_none_conflicts() -> Outcome {
    add(|_| Ok(()))
}

#[test]
fn rows_that_are_added_while_redis_is_killed_are_all_there_and_none_conflicts() -> Outcome {
    add(RedisServer::kill)
}
