//! The engine by itself: keys and values of bytes, in order, in transactions.
//!
//! ```sh
//! cargo run --release -p sop-examples --example engine
//! ```
//!
//! This is what typed stores are built on. Take it directly if you have a form of your own for
//! what you keep; it needs no async runtime.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_core::{Database, Error, Result, StoreOptions, StoreView};

const STOCK: &str = "stock";

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let db = Database::open(folder.path())?;
    fill(&db)?;
    look_around(&db)?;
    merge(&db)?;
    conflict(&db)?;
    println!("{} apples after a retry", take_with_retry(&db, "fruit/apple", 1)?);
    db.close()?;
    Ok(folder.close()?)
}

/// Everything that a transaction writes takes effect with its commit, and is on the disk then.
fn fill(db: &Database) -> Result<()> {
    let transaction = db.begin()?;
    let stock = transaction.open_store(STOCK, &StoreOptions::default())?;
    for (name, count) in [("fruit/apple", 9), ("fruit/pear", 4), ("nut/almond", 50)] {
        stock.add(name, bytes(count))?;
    }
    let again = stock.add("nut/almond", bytes(1));
    assert!(matches!(again, Err(Error::KeyExists { .. })));
    transaction.commit()?;
    Ok(())
}

/// A snapshot stays as it is, whatever is committed while it is held.
fn look_around(db: &Database) -> Result<()> {
    let snapshot = db.snapshot()?;
    let stock = snapshot.store(STOCK)?;
    println!("{} pears", count(&stock, "fruit/pear")?);
    println!("{} kinds of fruit", stock.count_prefix("fruit/")?);

    for entry in stock.range("fruit/b"..)?.rev() {
        let (key, _) = entry?;
        println!("from the end: {}", key.escape_ascii());
    }

    // A cursor moves about: it seeks, and goes on from there in either direction.
    let mut cursor = stock.cursor()?;
    cursor.seek("fruit/b")?;
    cursor.prev()?;
    if let Some(key) = cursor.key() {
        println!("before \"fruit/b\": {}", key.escape_ascii());
    }
    Ok(())
}

/// Transactions that write different keys do not disturb each other, however close these are.
fn merge(db: &Database) -> Result<()> {
    let (one, other) = (db.begin()?, db.begin()?);
    one.store(STOCK)?.update("fruit/apple", bytes(8))?;
    other.store(STOCK)?.add("fruit/banana", bytes(3))?;
    one.commit()?;
    let commit = other.commit()?;
    println!("committed at {}, merged: {}", commit.position, commit.merged);
    Ok(())
}

/// Of two transactions that change the same key the first to commit wins. The other one is told
/// where they met, and has left no trace.
fn conflict(db: &Database) -> Result<()> {
    let (one, other) = (db.begin()?, db.begin()?);
    one.store(STOCK)?.update("fruit/apple", bytes(7))?;
    other.store(STOCK)?.update("fruit/apple", bytes(6))?;
    one.commit()?;
    match other.commit() {
        Err(Error::Conflict(conflict)) => println!("{conflict}"),
        outcome => panic!("expected a conflict, not {outcome:?}"),
    }
    Ok(())
}

/// Takes some from the stock and returns what is left. A conflict only means that somebody else
/// was faster, so the work is done again on the new state.
fn take_with_retry(db: &Database, name: &str, taken: u64) -> Result<u64> {
    loop {
        let transaction = db.begin()?;
        let stock = transaction.store(STOCK)?;
        let left = count(&stock, name)?.saturating_sub(taken);
        stock.upsert(name, bytes(left))?;
        match transaction.commit() {
            Ok(_) => return Ok(left),
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
    }
}

fn bytes(count: u64) -> [u8; 8] {
    count.to_be_bytes()
}

/// The number under a key; zero if there is none.
fn count(stock: &StoreView<'_>, name: &str) -> Result<u64> {
    let value = stock.find(name)?;
    let bytes = value.as_deref().map(<[u8; 8]>::try_from).transpose();
    let bytes = bytes.map_err(|_| Error::Invalid(format!("{name} has no count")))?;
    Ok(bytes.map_or(0, u64::from_be_bytes))
}
