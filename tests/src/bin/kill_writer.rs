//! Opens a database, commits, closes it, and again, until it is killed or puts an end to itself.
//!
//! Takes the folder of the database, prepared by [`sop_tests::ledger`], a seed, and how to end:
//! `never`, or by `panic`, `abort` or `exit` in the middle of commits. Prints what it is about to
//! do, `opening` or `closing`, and what it has done: `open`, `closed`, and the thread and number of
//! each transaction once it is acknowledged, with `durable` if it cannot be lost any more.

use std::{
    env,
    io::{self, Write},
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use fastrand::Rng;
use sop_core::Database;
use sop_tests::{Outcome, ledger, together};

/// Most commits of a thread while the database is open.
const COMMITS_MAX: u64 = 60;

struct Writer {
    /// How it ends.
    ending: String,
    /// How many commits are left until then.
    commits_left: AtomicU64,
}

fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("the folder is missing")?;
    let seed: u64 = arguments.next().ok_or("the seed is missing")?.parse()?;
    let ending = arguments.next().ok_or("the ending is missing")?;
    let mut random = Rng::with_seed(seed);
    let writer = Writer { ending, commits_left: random.u64(..200).into() };
    loop {
        say("opening")?;
        let db = ledger::open(Path::new(&folder))?;
        say("open")?;
        let commits = random.u64(..COMMITS_MAX);
        let seed = random.u64(..);
        together(ledger::THREADS, |thread| {
            let mut random = Rng::with_seed(seed.wrapping_add(thread as u64));
            writer.commit(&db, thread, commits, &mut random)
        })?;
        say("closing")?;
        if random.bool() {
            db.close()?;
        } else {
            drop(db);
        }
        say("closed")?;
    }
}

impl Writer {
    fn commit(&self, db: &Database, thread: usize, commits: u64, random: &mut Rng) -> Outcome {
        let latest = ledger::latest(db, thread)?;
        // What was found when the database was opened is durable.
        say(&format!("{thread} {latest} durable"))?;
        for n in latest + 1..=latest + commits {
            let is_durable = ledger::step(db, thread, n, random)?;
            let durable = if is_durable { " durable" } else { "" };
            say(&format!("{thread} {n}{durable}"))?;
            if self.commits_left.fetch_sub(1, Ordering::SeqCst) == 0 {
                self.end();
            }
        }
        Ok(())
    }

    /// Ends the process while other threads are in the middle of commits.
    fn end(&self) {
        match self.ending.as_str() {
            "panic" => panic!("as asked for"),
            "abort" => process::abort(),
            "exit" => process::exit(7),
            _ => {}
        }
    }
}

/// Nobody listens any longer once the parent is gone, and this process ends.
fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
