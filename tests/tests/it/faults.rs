//! Disks that fill up, fail to sync, or fail at any one call.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use sop_core::{Disk, Error, MemoryDisk, OsDisk, Result};
use sop_tests::{
    Home, Outcome, assert_sound,
    faulty::{Call, FaultyDisk},
    full::{ROOM, add, fills_up_and_recovers, numbers},
    together,
    trial::{Failing, Trial, open},
};
use tempfile::TempDir;

const FOLDER: &str = "db";

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

#[test]
fn a_disk_too_full_to_create_a_database_is_no_hindrance_once_there_is_room() -> Outcome {
    let mut refusals = 0;
    for bytes in (0..200_000).step_by(500) {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let room = Arc::new(AtomicU64::new(bytes));
        let small: Arc<dyn Disk> = Arc::new(FaultyDisk::with_room(disk, room.clone()));
        match open(small.clone()) {
            Ok(_) => {}
            Err(Error::DiskFull { .. }) => refusals += 1,
            Err(error) => panic!("with room for {bytes} bytes: {error:?}"),
        }
        room.fetch_add(ROOM, Ordering::SeqCst);
        let db = open(small)?;
        add(&db, 1)?;
        assert_eq!(numbers(&db)?, [1].into(), "with room for {bytes} bytes at first");
    }
    assert!(refusals > 10, "the disk was never too full");
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
    let db = open(memory)?;
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

/// Fails the calls of a whole life of a database, one after the other, and looks at what is left.
fn sweep(failing: fn(u64) -> Failing) -> Outcome {
    let all = Trial::run(Arc::new(MemoryDisk::default()), Failing::From(u64::MAX));
    assert!(all.unknown.is_empty() && all.acknowledged.len() > 10, "nothing fails by itself");
    for number in 0..all.calls {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let failing = failing(number);
        let judged = Trial::run(disk.clone(), failing).judge(disk);
        judged.map_err(|failure| format!("{failing:?}: {failure:?}"))?;
    }
    Ok(())
}

#[test]
fn an_error_of_any_one_call_loses_nothing() -> Outcome {
    sweep(Failing::Only)
}

#[test]
fn an_end_of_the_process_at_any_call_loses_nothing() -> Outcome {
    sweep(Failing::From)
}
