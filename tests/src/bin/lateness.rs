//! Measures how soon one machine sees what another one has committed.
//!
//! Takes the same folder as two machines see it, and how many commits to look at. One after the other
//! commits a row, and the other begins transactions until one of them has it. If one that began after
//! a row was acknowledged does not have it that is said, and enough: whoever asks is to judge, since
//! there are ways of mounting a folder that promise no more. Else both machines commit at once, by a
//! few threads each.
#![expect(clippy::disallowed_methods, reason = "it is a program that measures")]

use std::{
    env,
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use sop_core::{Database, Mode, Options, Result, StoreOptions, TransactionOptions};
use sop_tests::{Outcome, retry, together, write};

/// How many threads of each machine commit at once.
const THREADS: usize = 2;

fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let (one, other) = (open(Path::new(&next()?))?, open(Path::new(&next()?))?);
    let count: u64 = next()?.parse()?;
    let store = StoreOptions::default();
    write(&one, |transaction| transaction.create_store("rows", &store).map(drop))?;

    let (mut commits, mut sights, mut is_late) = (Vec::new(), Vec::new(), false);
    for row in 0..count {
        let (author, reader) = if row % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let begin = Instant::now();
        add(author, row)?;
        commits.push(begin.elapsed());
        let acknowledged = Instant::now();
        is_late = looks_until_seen(reader, row)? > 1;
        sights.push(acknowledged.elapsed());
        if is_late {
            break;
        }
    }
    let (looks, (commit, _), (sight, last)) =
        (commits.len(), middle_and_last(commits), middle_and_last(sights));
    let seen = if is_late { "the last was seen late" } else { "all were seen at once" };
    writeln!(
        io::stdout(),
        "looked at {looks} commits of {commit:.1} ms each: the other machine saw them after \
         {sight:.1} ms, one after {last:.1} ms; {seen};"
    )?;
    if !is_late {
        let rate = rate_together(&one, &other, count)?;
        writeln!(io::stdout(), "together {rate:.0} commits a second of {} threads;", 2 * THREADS)?;
    }
    one.close()?;
    Ok(other.close()?)
}

/// How many commits a second both machines make at once.
fn rate_together(one: &Database, other: &Database, count: u64) -> Outcome<f64> {
    let begin = Instant::now();
    together(2 * THREADS, |thread| {
        let db = if thread % 2 == 0 { one } else { other };
        let first = (thread as u64 + 1) * count;
        (first..first + count / 2).try_for_each(|row| Ok(add(db, row)?))
    })?;
    Ok(f64::from(u32::try_from(2 * count)?) / begin.elapsed().as_secs_f64())
}

fn open(folder: &Path) -> Result<Database> {
    Database::builder().options(Options::default().mode(Mode::Shared)).open(folder)
}

fn add(db: &Database, row: u64) -> Result<()> {
    retry(db, TransactionOptions::default(), |transaction| {
        transaction.store("rows")?.add(row.to_be_bytes(), row.to_be_bytes())
    })
}

/// How many transactions it took until one saw a row.
fn looks_until_seen(db: &Database, row: u64) -> Result<u64> {
    for looks in 1.. {
        let transaction = db.begin()?;
        // A machine that sees nothing of the other one may not know of the store either.
        let store = transaction.open_store("rows", &StoreOptions::default())?;
        if store.find(row.to_be_bytes())?.is_some() {
            return Ok(looks);
        }
    }
    Ok(u64::MAX)
}

/// The one in the middle and the longest, in milliseconds.
fn middle_and_last(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let at = |place: usize| times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    (at(times.len() / 2), at(times.len().saturating_sub(1)))
}
