//! Commits that are acknowledged before they are durable, and power cuts.
//!
//! Such commits may be lost, but only from the end, and not what a sync or a stricter commit has
//! made durable. What is lost is lost for good: who does a part of it again gets that part and no
//! more, although the disk may still hold what followed, written by the same hand in the same words.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use fastrand::Rng;
use sop_core::{
    CommitFuture, Database, Durability, Options, Result, SimulatedDisk, StoreOptions, Survival,
    TransactionOptions,
};

use crate::{Outcome, assert_sound, full::numbers};

/// How many commits there are.
const COMMITS: u64 = 40;

/// How often the power goes.
pub const CUTS: u64 = 4;

/// Commits until the power goes, and judges what is left; does one part of what was lost again, and
/// judges that; goes on until the power goes again.
///
/// # Errors
/// If the database cannot be opened or used.
///
/// # Panics
/// If more than the end is lost, or something comes back.
pub fn lose_power(random: &mut Rng) -> Outcome {
    let mut disk = SimulatedDisk::new();
    let mut begun = 0;
    for _ in 0..CUTS {
        let start = disk.faults().calls();
        let promised = go_on(&disk, begun, random)?;
        let call = random.u64(start..=disk.faults().calls());
        disk = disk.cut(call, Survival::Random(random.u64(..)));
        let promised = promised.iter().rev().find(|(calls, _)| *calls <= call);
        let promised = promised.map_or(begun, |(_, n)| *n);
        begun = count(&open(&disk)?)?;
        assert!(begun >= promised, "{promised} were promised, and {begun} are there");
        if begun < COMMITS {
            begun += 1;
            begin(&open(&disk)?, begun, Durability::Eventual)?.commit()?;
            assert_eq!(count(&open(&disk)?)?, begun, "what was lost has come back");
        }
    }
    Ok(())
}

/// Adds what follows `begun`. Says from which call of the disk on which number is promised.
fn go_on(disk: &SimulatedDisk, begun: u64, random: &mut Rng) -> Result<Vec<(u64, u64)>> {
    let db = open(disk)?;
    let mut promised = Vec::new();
    let mut n = begun;
    while n < COMMITS {
        let durable = if random.u8(..4) == 0 {
            pair(&db, n + 1)?;
            n += 2;
            Some(n - 1)
        } else {
            begin(&db, n + 1, Durability::Eventual)?.commit()?;
            n += 1;
            None
        };
        promised.extend(durable.map(|n| (disk.faults().calls(), n)));
        if n.is_multiple_of(8) {
            db.sync()?;
            promised.push((disk.faults().calls(), n));
        }
    }
    Ok(promised)
}

/// Commits `n` and the next one at once, of which only the first asks to be durable.
fn pair(db: &Database, n: u64) -> Result<()> {
    let mut strict = begin(db, n, Durability::Immediate)?.commit_async();
    let mut lax = begin(db, n + 1, Durability::Eventual)?.commit_async();
    let submit =
        |future: &mut CommitFuture| Pin::new(future).poll(&mut Context::from_waker(Waker::noop()));
    let polled = [submit(&mut strict), submit(&mut lax)];
    for (poll, future) in polled.into_iter().zip([strict, lax]) {
        match poll {
            Poll::Ready(outcome) => outcome.map(drop)?,
            Poll::Pending => pollster::block_on(future).map(drop)?,
        }
    }
    Ok(())
}

fn begin(db: &Database, n: u64, durability: Durability) -> Result<sop_core::Transaction> {
    let transaction = db.begin_with(TransactionOptions::default().durability(durability))?;
    let store = transaction.open_store("s", &StoreOptions::default())?;
    store.add(n.to_be_bytes(), vec![b'v'; 900])?;
    Ok(transaction)
}

/// How many commits are there, none of them without those before it.
fn count(db: &Database) -> Result<u64> {
    assert_sound(db);
    let found = numbers(db)?;
    let count = found.len() as u64;
    assert!(found.iter().copied().eq(1..=count), "a gap in {found:?}");
    Ok(count)
}

fn open(disk: &SimulatedDisk) -> Result<Database> {
    let options = Options::default()
        .log_file_bytes(64 << 10)
        .checkpoint_dirty_bytes(64 << 10)
        .checkpoint_log_bytes(128 << 10);
    Database::builder().disk(Arc::new(disk.clone())).options(options).open("db")
}
