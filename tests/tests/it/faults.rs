//! Disks that fill up, fail to sync, or fail at any one call.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use sop_core::{Database, Disk, Error, Kind, MemoryDisk, Options, OsDisk, Result, StoreOptions};
use sop_tests::{
    Home, Outcome, assert_sound,
    faulty::{Call, FaultyDisk},
    rows, together, write,
};
use tempfile::TempDir;

const FOLDER: &str = "db";

/// Opens with a log and checkpoints so small that work needs new files all the time.
fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<Database> {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = 64 << 10;
    options.checkpoint_log_bytes = 128 << 10;
    options.log_file_bytes = 64 << 10;
    Database::builder().disk(disk).options(options).open(folder)
}

fn add(db: &Database, n: u64) -> Result<()> {
    write(db, |transaction| {
        let store = transaction.open_store("s", &StoreOptions::default())?;
        store.add(n.to_be_bytes(), [b'v'; 2_000])
    })
    .map(drop)
}

fn numbers(db: &Database) -> Result<BTreeSet<u64>> {
    let snapshot = db.snapshot()?;
    let store = match snapshot.store("s") {
        Err(Error::StoreNotFound { .. }) => return Ok(BTreeSet::new()),
        other => other?,
    };
    let number = |key: &Vec<u8>| u64::from_be_bytes(key[..].try_into().expect("keys are numbers"));
    Ok(rows(store)?.keys().map(number).collect())
}

#[test]
fn a_full_disk_refuses_commits_and_takes_them_again_once_there_is_room() -> Outcome {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    fills_up_and_recovers(&disk, Path::new(FOLDER))
}

#[test]
fn a_full_real_disk_refuses_commits_and_takes_them_again_once_there_is_room() -> Outcome {
    let folder = TempDir::new()?;
    fills_up_and_recovers(&(Arc::new(OsDisk) as Arc<dyn Disk>), &folder.path().join(FOLDER))
}

fn fills_up_and_recovers(disk: &Arc<dyn Disk>, folder: &Path) -> Outcome {
    const ROOM: u64 = 1 << 20;
    let room = Arc::new(AtomicU64::new(ROOM));
    let db = open(Arc::new(FaultyDisk::with_room(disk.clone(), room.clone())), folder)?;
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
        assert!(matches!(add(&db, next), Err(Error::DiskFull { .. })), "it is still full");
        assert_eq!(numbers(&db)?, acknowledged, "reads go on, and the refused one is not there");
        assert_sound(&db);
        room.fetch_add(ROOM, Ordering::SeqCst);
        next += 1;
        add(&db, next)?;
        acknowledged.insert(next);
        next += 1;
    }
    drop(db);
    let db = open(disk.clone(), folder)?;
    assert_eq!(numbers(&db)?, acknowledged);
    assert_sound(&db);
    add(&db, next)?;
    Ok(())
}

/// A disk whose syncs fail while a switch is on.
fn with_failing_syncs(disk: Arc<dyn Disk>) -> (Arc<dyn Disk>, Arc<AtomicBool>) {
    let failing = Arc::new(AtomicBool::new(false));
    let switch = failing.clone();
    let judge = move |call: Call, _: &Path| -> io::Result<()> {
        let fails = call == Call::Sync && switch.load(Ordering::SeqCst);
        if fails { Err(io::Error::other("the drive is gone")) } else { Ok(()) }
    };
    (Arc::new(FaultyDisk::judged(disk, judge)), failing)
}

#[test]
fn a_failed_sync_poisons_the_database_for_writing_but_not_for_reading() -> Outcome {
    let memory: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let (disk, failing) = with_failing_syncs(memory.clone());
    let home = Home::on(disk);
    let db = home.open()?;
    (0..10).try_for_each(|n| add(&db, n))?;
    let begun_before = db.begin()?;
    begun_before.store("s")?.add("k", "v")?;
    failing.store(true, Ordering::SeqCst);
    let caught = add(&db, 10);
    let Err(Error::CommitUnknown { position, .. }) = caught else { panic!("{caught:?}") };
    assert!(position > db.stats().durable_position);

    // That the drive works again proves nothing about what it lost.
    failing.store(false, Ordering::SeqCst);
    let refused: [Result<()>; 5] =
        [add(&db, 11), begun_before.commit().map(drop), db.checkpoint(), db.sync(), db.compact()];
    for result in refused {
        assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
    }
    assert!(db.stats().poisoned);
    assert_eq!(numbers(&db)?, (0..10).collect(), "reads go on from the last durable state");
    let reader = db.begin()?;
    assert!(reader.store("s")?.contains(3_u64.to_be_bytes())?);
    reader.commit()?;

    drop(db);
    let db = open(memory, Path::new(FOLDER))?;
    let found = numbers(&db)?;
    assert!(found == (0..10).collect() || found == (0..=10).collect(), "{found:?}");
    assert!(!db.stats().poisoned);
    let next = db.begin()?.position();
    assert!(next < position || found.contains(&10), "its position is never used for another one");
    add(&db, 11)?;
    assert_sound(&db);
    Ok(())
}

#[test]
fn every_commit_caught_in_a_failed_sync_is_told_that_its_fate_is_unknown() -> Outcome {
    let (disk, failing) = with_failing_syncs(Arc::new(MemoryDisk::default()));
    let home = Home::on(disk);
    let db = home.open()?;
    add(&db, 0)?;
    failing.store(true, Ordering::SeqCst);
    let results = together(8, |number| Ok(add(&db, 1 + number as u64)))?;
    for result in &results {
        assert!(
            matches!(result, Err(Error::CommitUnknown { .. } | Error::Poisoned { .. })),
            "{result:?}"
        );
    }
    assert!(results.iter().any(|r| matches!(r, Err(Error::CommitUnknown { .. }))));
    assert_eq!(numbers(&db)?, [0].into());
    Ok(())
}

/// Which of the disk's calls fail: the one with this number, or that and all after it.
#[derive(Clone, Copy, Debug)]
enum Failing {
    Only(u64),
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

/// What was tried on a failing disk.
#[derive(Default)]
struct Attempt {
    acknowledged: BTreeSet<u64>,
    unknown: BTreeSet<u64>,
    /// How many calls the disk has had.
    calls: u64,
}

/// Opens, commits, makes checkpoints, and reads, while calls fail. Whatever fails must fail with a
/// typed error; whatever is read must be right.
fn attempt(disk: Arc<dyn Disk>, failing: Failing) -> Attempt {
    let calls = Arc::new(AtomicU64::new(0));
    let counter = calls.clone();
    let judge = move |_: Call, _: &Path| -> io::Result<()> {
        let call = counter.fetch_add(1, Ordering::SeqCst);
        if failing.fails(call) { Err(ErrorKind::Other.into()) } else { Ok(()) }
    };
    let mut attempt = Attempt::default();
    if let Ok(db) = open(Arc::new(FaultyDisk::judged(disk, judge)), Path::new(FOLDER)) {
        for n in 0..12 {
            match add(&db, n) {
                Ok(()) => drop(attempt.acknowledged.insert(n)),
                Err(Error::CommitUnknown { .. }) => drop(attempt.unknown.insert(n)),
                Err(error) => assert_clear(&error),
            }
            if n % 5 == 3
                && let Err(error) = db.checkpoint()
            {
                assert_clear(&error);
            }
            match numbers(&db) {
                Ok(found) => assert_eq!(found, attempt.acknowledged),
                Err(error) => assert_clear(&error),
            }
        }
        if let Err(error) = db.close() {
            assert_clear(&error);
        }
    }
    attempt.calls = calls.load(Ordering::SeqCst);
    attempt
}

#[track_caller]
fn assert_clear(error: &Error) {
    assert!(matches!(error.kind(), Kind::Io | Kind::Reopen), "{error:?}");
}

/// Fails the calls of a whole life of a database, one after the other, and looks at what is left.
fn sweep(failing: fn(u64) -> Failing) -> Outcome {
    let all = attempt(Arc::new(MemoryDisk::default()), Failing::From(u64::MAX));
    assert_eq!(all.acknowledged.len(), 12, "without failures everything succeeds");
    for number in 0..all.calls {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let failing = failing(number);
        let tried = attempt(disk.clone(), failing);
        let db = open(disk, Path::new(FOLDER))
            .map_err(|error| format!("{failing:?}: reopening: {error}"))?;
        let found = numbers(&db)?;
        assert!(found.is_superset(&tried.acknowledged), "{failing:?}: commits are lost");
        let surplus: BTreeSet<u64> = found.difference(&tried.acknowledged).copied().collect();
        assert!(surplus.is_subset(&tried.unknown), "{failing:?}: {surplus:?} were refused");
        assert_sound(&db);
        add(&db, 1_000)?;
    }
    Ok(())
}

#[test]
fn an_error_of_any_one_call_loses_nothing() -> Outcome {
    sweep(Failing::Only)
}

#[test]
fn an_end_of_the_disk_at_any_call_loses_nothing() -> Outcome {
    sweep(Failing::From)
}
