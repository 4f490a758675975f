//! The work of a process that is going to be killed, and what must be left of it.
//!
//! Each thread makes its transactions 1, 2, 3 and so on. Transaction `n` writes row `n` to three
//! stores and takes row `n - WINDOW` away, so that what is there says exactly how far the thread
//! came; it moves money between accounts that all threads share; and every so often it replaces
//! a whole store. After any crash a thread's last transaction is there as a whole or not at all,
//! and all before it are there.

use std::{ops::RangeInclusive, path::Path, time::Duration};

use fastrand::Rng;
use sop_core::{
    Database, Durability, Options, Result, StoreOptions, Transaction, TransactionOptions,
};

use crate::{
    Contents, Outcome, Rows, assert_same, assert_sound, contents, history::has_lists, retry,
    retry_by, rows, write,
};

/// How many threads of one process write.
pub const THREADS: usize = 4;

/// How many rows of a thread there are at a time.
const WINDOW: u64 = 60;

/// The stores that each transaction writes to, with their node sizes.
const STORES: [(&str, usize); 3] = [("small", 1 << 10), ("middle", 3_000), ("large", 8 << 10)];

/// How often a thread replaces its whole scratch store.
const SCRATCH_EVERY: u64 = 16;

const ACCOUNTS: u64 = 20;

const OPENING_BALANCE: u64 = 1_000;

/// Opens the database, with checkpoints after every few transactions.
///
/// # Errors
/// If it cannot be opened.
pub fn open(path: &Path) -> Result<Database> {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = 128 << 10;
    options.checkpoint_log_bytes = 256 << 10;
    options.log_file_bytes = 128 << 10;
    Database::builder().options(options).open(path)
}

/// Creates what so many threads need.
///
/// # Errors
/// If it is there already, or the database fails.
pub fn prepare(db: &Database, threads: usize) -> Result<()> {
    write(db, |transaction| {
        for (name, node_size) in STORES {
            transaction.create_store(name, &StoreOptions::default().node_size(node_size))?;
        }
        let bank = transaction.create_store("bank", &StoreOptions::default())?;
        for account in 0..ACCOUNTS {
            bank.add(account.to_be_bytes(), OPENING_BALANCE.to_be_bytes())?;
        }
        let latest = transaction.create_store("latest", &StoreOptions::default())?;
        (0..threads).try_for_each(|thread| latest.add(thread.to_be_bytes(), 0_u64.to_be_bytes()))
    })
    .map(drop)
}

/// The last transaction of a thread that is in the database.
///
/// # Errors
/// If the database fails, or was never prepared.
pub fn latest(db: &Database, thread: usize) -> Result<u64> {
    let snapshot = db.snapshot()?;
    let found = snapshot.store("latest")?.find(thread.to_be_bytes())?;
    Ok(found.map_or(0, |value| number(&value)))
}

/// Makes transaction `n` of a thread, as durable as chance wants it, and says whether it is on the
/// disk now.
///
/// # Errors
/// If the database fails. Conflicts over accounts are retried.
pub fn step(db: &Database, thread: usize, n: u64, random: &mut Rng) -> Result<bool> {
    let (from, to, money) = (random.u64(..ACCOUNTS), random.u64(..ACCOUNTS), random.u64(1..10));
    let durability = match random.u8(..4) {
        0 => Durability::Eventual,
        1 => Durability::Interval(Duration::from_millis(random.u64(..5))),
        _ => Durability::Immediate,
    };
    let options = TransactionOptions::default().durability(durability);
    let work = |transaction: &Transaction| {
        for (name, _) in STORES {
            let store = transaction.store(name)?;
            store.add(key(thread, n), row(thread, n, name))?;
            if n > WINDOW {
                store.remove(key(thread, n - WINDOW))?;
            }
        }
        transaction.store("latest")?.update(thread.to_be_bytes(), n.to_be_bytes())?;
        if n.is_multiple_of(SCRATCH_EVERY) {
            replace_scratch(transaction, thread, n)?;
        }
        transfer(transaction, from, to, money)
    };
    if random.bool() {
        retry(db, options, work)?;
    } else {
        retry_by(db, options, work, |transaction| pollster::block_on(transaction.commit_async()))?;
    }
    match random.u8(..) {
        0..6 => db.checkpoint()?,
        6 => db.compact()?,
        7..10 => db.sync()?,
        _ => return Ok(durability == Durability::Immediate),
    }
    Ok(true)
}

fn transfer(transaction: &Transaction, from: u64, to: u64, money: u64) -> Result<()> {
    let bank = transaction.store("bank")?;
    let balance = |account: u64| -> Result<u64> {
        Ok(bank.find(account.to_be_bytes())?.map_or(0, |value| number(&value)))
    };
    let money = money.min(balance(from)?);
    bank.update(from.to_be_bytes(), (balance(from)? - money).to_be_bytes())?;
    bank.update(to.to_be_bytes(), (balance(to)? + money).to_be_bytes())
}

fn replace_scratch(transaction: &Transaction, thread: usize, n: u64) -> Result<()> {
    let name = scratch_name(thread);
    if n > SCRATCH_EVERY {
        transaction.drop_store(&name)?;
    }
    let options = StoreOptions::default();
    if is_loaded(n) {
        return transaction.bulk_load(&name, &options, scratch_rows(n)).map(drop);
    }
    let store = transaction.create_store(&name, &options)?;
    scratch_rows(n).iter().try_for_each(|(key, value)| store.add(key, value))
}

/// Whether the scratch store is filled in bulk.
fn is_loaded(n: u64) -> bool {
    (n / SCRATCH_EVERY).is_multiple_of(2)
}

/// Asserts that all money is there, in the newest state that this process knows.
///
/// # Errors
/// If the database fails.
///
/// # Panics
/// If money came or went.
pub fn audit(db: &Database) -> Result<()> {
    let bank = rows(db.snapshot()?.store("bank")?)?;
    assert_eq!(bank.len() as u64, ACCOUNTS);
    let sum: u64 = bank.values().map(|balance| number(balance)).sum();
    assert_eq!(sum, ACCOUNTS * OPENING_BALANCE, "money came or went");
    Ok(())
}

/// Asserts that the database is sound and holds exactly what the threads wrote, each of which may
/// have come so far as its bounds say, apart from lists. Returns how far each thread came.
///
/// # Errors
/// If the database fails.
///
/// # Panics
/// If something is missing, doubled, half done, or left over.
pub fn verify<const N: usize>(
    db: &Database,
    bounds: &[RangeInclusive<u64>; N],
) -> Outcome<[u64; N]> {
    assert_sound(db);
    audit(db)?;
    let mut found = contents(&db.snapshot()?)?;
    let mut came = [0; N];
    let mut expected = Contents::from(STORES.map(|(name, _)| (name.to_owned(), Rows::new())));
    let mut expected_latest = Rows::new();
    for (thread, came) in came.iter_mut().enumerate() {
        *came = latest(db, thread)?;
        let bounds = &bounds[thread];
        assert!(bounds.contains(came), "thread {thread} came to {came}, not to {bounds:?}");
        expected_latest.insert(thread.to_be_bytes().into(), came.to_be_bytes().into());
        expect_thread(thread, *came, &mut expected);
    }
    expected.insert("latest".to_owned(), expected_latest);
    found.retain(|name, _| name != "bank" && !has_lists(name));
    assert_same(&found, &expected);
    Ok(came)
}

/// Adds what a thread leaves behind after its transaction `n`.
fn expect_thread(thread: usize, n: u64, expected: &mut Contents) {
    for (name, _) in STORES {
        let first = n.saturating_sub(WINDOW) + 1;
        let rows = (first..=n).map(|n| (key(thread, n), row(thread, n, name)));
        expected.entry(name.to_owned()).or_default().extend(rows);
    }
    let scratched = n - n % SCRATCH_EVERY;
    if scratched > 0 {
        expected.insert(scratch_name(thread), scratch_rows(scratched));
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("numbers are written with eight bytes"))
}

fn key(thread: usize, n: u64) -> Vec<u8> {
    format!("thread {thread} row {n:010}").into()
}

/// A value that says whose it is, of a length from a few bytes to several nodes.
fn row(thread: usize, n: u64, store: &str) -> Vec<u8> {
    let len = match n % 20 {
        0 => 20_000,
        other => 20 + other * n % 1_500,
    };
    let text = format!("{store}, thread {thread}, row {n}; ");
    text.bytes().cycle().take(usize::try_from(len).unwrap_or(usize::MAX)).collect()
}

fn scratch_name(thread: usize) -> String {
    format!("scratch of {thread}")
}

fn scratch_rows(n: u64) -> Rows {
    let rows = if is_loaded(n) { 2_000 } else { n % 50 };
    (0..rows).map(|row| (row.to_be_bytes().into(), n.to_be_bytes().into())).collect()
}
