//! Commits until it is killed, and prints each commit once it is acknowledged.
//!
//! Takes the folder of the database, prepared by [`sop_tests::ledger`], and a seed. Prints `open`,
//! and then the thread and the number of each transaction, a line each.

use std::{
    env,
    io::{self, Write},
    path::Path,
};

use fastrand::Rng;
use sop_tests::{Outcome, ledger, together};

fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("the folder is missing")?;
    let seed: u64 = arguments.next().ok_or("the seed is missing")?.parse()?;
    let db = ledger::open(Path::new(&folder))?;
    writeln!(io::stdout(), "open")?;
    together(ledger::THREADS, |thread| {
        let mut random = Rng::with_seed(seed.wrapping_add(thread as u64));
        let mut n = ledger::latest(&db, thread)?;
        loop {
            n += 1;
            ledger::step(&db, thread, n, &mut random)?;
            // Nobody listens any longer once the parent is gone, and this process ends.
            writeln!(io::stdout(), "{thread} {n}")?;
        }
    })
    .map(|_: Vec<()>| ())
}
