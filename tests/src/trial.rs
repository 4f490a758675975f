//! A short life of a database on a disk that fails, and what must be left of it.
//!
//! The work goes through everything that touches files: commits of small and large values into
//! two stores, a bulk load, a store that is dropped, checkpoints, a compaction, the closing.
//! Every transaction has a number and leaves it in both stores, so that one look says which are
//! there, and whether any is there by half.

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sop_core::{Database, Disk, Error, Kind, Options, Result, StoreOptions, Transaction};

use crate::{
    Outcome, assert_sound,
    faulty::FaultyDisk,
    power::{PowerDisk, Survival},
    rows, write,
};

/// The folder on the trial's disk.
const FOLDER: &str = "db";

/// How many transactions there are.
const TRANSACTIONS: u64 = 16;

/// Which of the disk's calls fail.
#[derive(Clone, Copy, Debug)]
pub enum Failing {
    /// The one with this number.
    Only(u64),
    /// The one with this number and all after it.
    From(u64),
}

impl Failing {
    fn fails(self, call: u64) -> bool {
        match self {
            Self::Only(number) => call == number,
            Self::From(number) => call >= number,
        }
    }
}

/// What was tried.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The transactions that are durable.
    pub acknowledged: BTreeSet<u64>,
    /// The transactions that may be.
    pub unknown: BTreeSet<u64>,
    /// How many calls the disk has had.
    pub calls: u64,
}

/// Opens with a log and checkpoints so small that work needs new files all the time.
///
/// # Errors
/// If the database cannot be opened.
pub fn open(disk: Arc<dyn Disk>) -> Result<Database> {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = 64 << 10;
    options.checkpoint_log_bytes = 128 << 10;
    options.log_file_bytes = 64 << 10;
    Database::builder().disk(disk).options(options).open(FOLDER)
}

/// A disk that fails these calls, and how many calls it has had.
pub fn failing_disk(disk: Arc<dyn Disk>, failing: Failing) -> (Arc<dyn Disk>, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let counter = calls.clone();
    let judge = move |_, _: &Path| {
        let is_failing = failing.fails(counter.fetch_add(1, Ordering::SeqCst));
        if is_failing { Err(io::Error::other("a planned failure")) } else { Ok(()) }
    };
    (Arc::new(FaultyDisk::judged(disk, judge)), calls)
}

impl Trial {
    /// Does all the work while calls fail.
    ///
    /// # Panics
    /// If an error is of a kind that a failing disk cannot explain, or what is read is wrong.
    pub fn run(disk: Arc<dyn Disk>, failing: Failing) -> Self {
        let (disk, calls) = failing_disk(disk, failing);
        let mut trial = Self::default();
        match open(disk) {
            Ok(db) => trial.work(db),
            Err(error) => assert_explained(&error),
        }
        trial.calls = calls.load(Ordering::SeqCst);
        trial
    }

    fn work(&mut self, db: Database) {
        for n in 0..TRANSACTIONS {
            match transaction(&db, n) {
                Ok(()) => drop(self.acknowledged.insert(n)),
                Err(Error::CommitUnknown { .. }) => drop(self.unknown.insert(n)),
                Err(error) => assert_explained(&error),
            }
            let maintained = match n {
                3 | 11 => db.checkpoint(),
                13 => db.compact(),
                _ => Ok(()),
            };
            maintained.unwrap_or_else(|error| assert_explained(&error));
            match transactions(&db) {
                Ok(found) => assert_eq!(found, self.acknowledged, "what is read meanwhile"),
                Err(error) => assert_explained(&error),
            }
        }
        db.close().unwrap_or_else(|error| assert_explained(&error));
    }

    /// Opens what is left on the disk, and asserts that it is exactly what it may be, and that the
    /// work can go on.
    ///
    /// # Errors
    /// If the database cannot be opened, read, or written to.
    ///
    /// # Panics
    /// If a commit is lost, there by half, or there although it was refused.
    pub fn judge(&self, disk: Arc<dyn Disk>) -> Outcome {
        let db = open(disk)?;
        assert_sound(&db);
        let found = transactions(&db)?;
        let lost: Vec<_> = self.acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "{lost:?} were acknowledged");
        let surplus: BTreeSet<u64> = found.difference(&self.acknowledged).copied().collect();
        assert!(surplus.is_subset(&self.unknown), "{surplus:?} were refused");
        transaction(&db, TRANSACTIONS)?;
        assert!(transactions(&db)?.contains(&TRANSACTIONS));
        Ok(())
    }
}

/// Ends the process at a call of the disk, lets another one open what it left in the system's
/// memory and on the disk, and then loses the power.
///
/// # Errors
/// If the database cannot be opened.
///
/// # Panics
/// If what the second process was shown is not there any more, or what it should be.
pub fn handed_over(end: u64) -> Outcome {
    let disk = PowerDisk::default();
    let trial = Trial::run(Arc::new(disk.clone()), Failing::From(end));
    let shown = transactions(&open(Arc::new(disk.clone()))?)?;
    let left = Arc::new(disk.after_power_loss(&mut Survival::Nothing));
    assert_eq!(transactions(&open(left.clone())?)?, shown, "process ended at call {end}");
    trial.judge(left)
}

#[track_caller]
fn assert_explained(error: &Error) {
    assert!(matches!(error.kind(), Kind::Io | Kind::Reopen), "{error:?}");
}

/// Transaction `n`.
fn transaction(db: &Database, n: u64) -> Result<()> {
    write(db, |transaction| {
        let len = if n % 4 == 2 { 20_000 } else { 1_500 };
        let small = StoreOptions::default().node_size(1_024);
        transaction.open_store("small nodes", &small)?.add(n.to_be_bytes(), [b's'; 100])?;
        let large = transaction.open_store("large values", &StoreOptions::default())?;
        large.add(n.to_be_bytes(), vec![b'l'; len])?;
        if n % 2 == 1 {
            return load(transaction, n);
        }
        // The one before may have failed.
        let before = loaded_name(n.saturating_sub(1));
        let is_there = transaction.stores()?.iter().any(|info| info.name == before);
        if is_there { transaction.drop_store(&before) } else { Ok(()) }
    })
    .map(drop)
}

fn loaded_name(n: u64) -> String {
    format!("loaded by {n}")
}

fn load(transaction: &Transaction, n: u64) -> Result<()> {
    let entries = (0..200_u64).map(|row| (row.to_be_bytes(), [b'b'; 50]));
    transaction.bulk_load(&loaded_name(n), &StoreOptions::default(), entries).map(drop)
}

/// The transactions that are there as a whole.
///
/// # Panics
/// If one is there by half.
fn transactions(db: &Database) -> Result<BTreeSet<u64>> {
    let snapshot = db.snapshot()?;
    let stores: Vec<String> = snapshot.stores()?.into_iter().map(|info| info.name).collect();
    if stores.is_empty() {
        return Ok(BTreeSet::new());
    }
    let numbers = |name| -> Result<BTreeSet<u64>> {
        let number = |key: &Vec<u8>| u64::from_be_bytes(key[..].try_into().expect("eight bytes"));
        Ok(rows(snapshot.store(name)?)?.keys().map(number).collect())
    };
    let found = numbers("small nodes")?;
    assert_eq!(found, numbers("large values")?, "a transaction is there by half");
    let last = found.last().copied().unwrap_or_default();
    let loaded = snapshot.store(&loaded_name(last));
    assert_eq!(loaded.is_ok(), last % 2 == 1, "a bulk load is there without its transaction");
    if let Ok(loaded) = loaded {
        assert_eq!(loaded.iter()?.count(), 200);
    }
    Ok(found)
}
