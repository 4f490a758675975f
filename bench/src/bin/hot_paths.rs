//! The engine's hot paths, each in a loop of a given length, to have their instructions counted.
//!
//! Unlike time, the number of instructions is nearly the same in every run and on a busy machine,
//! so that a few per cent more are seen. `.ci/instructions` runs each path twice, with loops of
//! different lengths: the difference is what the loops cost, without what comes before and after.
//!
//! Everything is in memory, in one thread, and random choices come from a fixed seed.

use sop_core::{Database, Result, StoreOptions, Transaction};
use std::{env, hint::black_box, io::Write as _, process::ExitCode};

const STORE: &str = "rows";
const ROWS: u64 = 100_000;
const VALUE: [u8; 150] = [7; 150];

/// Does an operation so many times on a database of [`ROWS`] rows.
type HotPath = fn(&Database, u64) -> Result<()>;

const PATHS: [(&str, HotPath); 3] = [("get", get), ("put", put), ("commit", commit)];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().and_then(|name| PATHS.iter().find(|path| path.0 == name));
    let count = arguments.next().and_then(|count| count.parse().ok());
    let outcome = match (path, count) {
        (Some((_, path)), Some(count)) => filled().and_then(|database| path(&database, count)),
        _ => return failure("usage: hot_paths get|put|commit COUNT"),
    };
    outcome.map_or_else(|error| failure(&error.to_string()), |()| ExitCode::SUCCESS)
}

/// Reads random rows in one snapshot.
fn get(database: &Database, count: u64) -> Result<()> {
    let snapshot = database.snapshot()?;
    let rows = snapshot.store(STORE)?;
    for key in keys(count) {
        black_box(rows.find(key)?);
    }
    Ok(())
}

/// Replaces random rows in one transaction, which is dropped.
fn put(database: &Database, count: u64) -> Result<()> {
    let transaction = database.begin()?;
    let rows = transaction.store(STORE)?;
    keys(count).try_for_each(|key| rows.upsert(key, VALUE))
}

/// Replaces a random row in a transaction of its own, and commits it.
fn commit(database: &Database, count: u64) -> Result<()> {
    keys(count).try_for_each(|key| {
        let transaction = database.begin()?;
        transaction.store(STORE)?.upsert(key, VALUE)?;
        transaction.commit()?;
        Ok(())
    })
}

/// A database in memory with all rows, each of which was read once.
fn filled() -> Result<Database> {
    let database = Database::builder().in_memory()?;
    let transaction: Transaction = database.begin()?;
    transaction.bulk_load(
        STORE,
        &StoreOptions::default(),
        (0..ROWS).map(|row| (key(row), VALUE)),
    )?;
    transaction.commit()?;
    // The first look at a node verifies it. Seen here, that cancels out as well.
    let snapshot = database.snapshot()?;
    snapshot.store(STORE)?.iter()?.try_for_each(|row| row.map(drop))?;
    drop(snapshot);
    Ok(database)
}

/// The keys of random rows.
fn keys(count: u64) -> impl Iterator<Item = [u8; 24]> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..count).map(move |_| key(random.u64(..ROWS)))
}

/// The key of a row; rows with greater numbers have greater keys.
fn key(row: u64) -> [u8; 24] {
    let mut key = [b'k'; 24];
    key[16..].copy_from_slice(&row.to_be_bytes());
    key
}

fn failure(reason: &str) -> ExitCode {
    match writeln!(std::io::stderr().lock(), "hot_paths: {reason}") {
        Ok(()) => ExitCode::FAILURE,
        // Nobody reads the standard error; another code is all that is left to say so.
        Err(_) => ExitCode::from(2),
    }
}
