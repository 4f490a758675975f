//! A disk that fills up: commits are refused without a trace, and taken again once there is room.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use sop_core::{Database, Disk, Error, FaultyDisk, Kind, Options, Result, StoreOptions};

use crate::{Outcome, assert_sound, rows, write};

/// Adds a number, by a commit of its own.
///
/// # Errors
/// If the commit fails.
pub fn add(db: &Database, n: u64) -> Result<()> {
    write(db, |transaction| {
        let store = transaction.open_store("s", &StoreOptions::default())?;
        store.add(n.to_be_bytes(), [b'v'; 2_000])
    })
    .map(drop)
}

/// The numbers that are there.
///
/// # Errors
/// If they cannot be read.
///
/// # Panics
/// If something else is there.
pub fn numbers(db: &Database) -> Result<BTreeSet<u64>> {
    let snapshot = db.snapshot()?;
    let store = match snapshot.store("s") {
        Err(Error::StoreNotFound { .. }) => return Ok(BTreeSet::new()),
        other => other?,
    };
    let number = |key: &Vec<u8>| u64::from_be_bytes(key[..].try_into().expect("keys are numbers"));
    Ok(rows(store)?.keys().map(number).collect())
}

/// How much room the disk gets at a time, in bytes.
pub const ROOM: u64 = 1 << 20;

/// Opens with log and checkpoints that can both be the first to find the disk full.
///
/// # Errors
/// If the database cannot be opened.
pub fn open_with_room(disk: Arc<dyn Disk>, folder: &Path) -> Result<Database> {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = ROOM / 2;
    options.checkpoint_log_bytes = ROOM / 2;
    options.log_file_bytes = 64 << 10;
    Database::builder().disk(disk).options(options).open(folder)
}

/// Fills up a disk, again and again, and gives it more room each time.
///
/// # Errors
/// If the database fails where it has room.
///
/// # Panics
/// If a refusal is not said to be one, or leaves a trace.
pub fn fills_up_and_recovers(disk: &Arc<dyn Disk>, folder: &Path) -> Outcome {
    let small = FaultyDisk::new(disk.clone());
    let faults = small.faults().clone();
    faults.set_room(Some(ROOM));
    let db = open_with_room(Arc::new(small), folder)?;
    let mut acknowledged = BTreeSet::new();
    let mut next = 0;
    for _ in 0..3 {
        let error = loop {
            match add(&db, next) {
                Ok(()) => drop(acknowledged.insert(next)),
                Err(error) => break error,
            }
            next += 1;
            assert!(next < 100_000, "the disk is full for long");
        };
        assert_eq!(error.kind(), Kind::Full, "{error}");
        assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
        let checkpointed = db.checkpoint();
        assert!(matches!(checkpointed, Ok(()) | Err(Error::DiskFull { .. })), "{checkpointed:?}");
        assert_eq!(numbers(&db)?, acknowledged, "reads go on, and the refused one is not there");
        assert_sound(&db);
        faults.add_room(ROOM);
        next += 1;
        add(&db, next)?;
        acknowledged.insert(next);
        next += 1;
    }
    drop(db);
    let db = open_with_room(disk.clone(), folder)?;
    assert_eq!(numbers(&db)?, acknowledged);
    assert_sound(&db);
    add(&db, next)?;
    Ok(())
}
