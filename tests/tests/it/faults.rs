//! Disks that fill up, fail to sync, or fail at any one call.

use std::{collections::HashSet, io::ErrorKind, path::Path, sync::Arc};

use parking_lot::Mutex;
use sop_core::{
    Background, Call, Disk, Error, Fault, Faults, FaultyDisk, MemoryDisk, OsDisk, Result,
    SimulatedDisk,
};
use sop_tests::{
    Context, Home, Outcome, Seed, assert_sound, effort,
    full::{ROOM, add, fills_up_and_recovers, numbers, open_with_room},
    tally, together,
    workload::{Run, Script, go_wrong, judge},
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
        let small = FaultyDisk::new(Arc::new(MemoryDisk::default()));
        small.faults().set_room(Some(bytes));
        match open_with_room(Arc::new(small.clone()), Path::new(FOLDER)) {
            Ok(_) => {}
            Err(Error::DiskFull { .. }) => refusals += 1,
            Err(error) => panic!("with room for {bytes} bytes: {error:?}"),
        }
        small.faults().add_room(ROOM);
        let db = open_with_room(Arc::new(small), Path::new(FOLDER))?;
        add(&db, 1)?;
        assert_eq!(numbers(&db)?, [1].into(), "with room for {bytes} bytes at first");
    }
    assert!(refusals > 10, "the disk was never too full");
    Ok(())
}

/// Whether syncs fail from now on.
fn fail_syncs(faults: &Faults, fail: bool) {
    faults.judge(move |call, _| {
        (fail && call == Call::Sync).then_some(Fault::Error(ErrorKind::Other))
    });
}

#[test]
fn a_failed_sync_poisons_the_database_for_writing_but_not_for_reading() -> Outcome {
    let memory: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let disk = FaultyDisk::new(memory.clone());
    let faults = disk.faults().clone();
    let home = Home::on(Arc::new(disk));
    let db = home.open()?;
    (0..10).try_for_each(|n| add(&db, n))?;
    let begun_before = db.begin()?;
    begun_before.store("s")?.add("k", "v")?;
    fail_syncs(&faults, true);
    let caught = add(&db, 10);
    let Err(Error::CommitUnknown { position, .. }) = caught else { panic!("{caught:?}") };
    assert!(position > db.stats().durable_position);

    // That the drive works again proves nothing about what it lost.
    fail_syncs(&faults, false);
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
    let db = open_with_room(memory, Path::new(FOLDER))?;
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
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
    let faults = disk.faults().clone();
    let home = Home::on(Arc::new(disk));
    let db = home.open()?;
    add(&db, 0)?;
    fail_syncs(&faults, true);
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

/// A life of a database on a disk with faults from the begin.
fn begin_life(flawless: bool) -> Run {
    Run::new(SimulatedDisk::new(), Background::Manual, flawless)
}

/// The work of a life in which calls are made to fail, one after the other.
fn script() -> Script {
    Script::new(effort().isqrt(), Seed::new(51))
}

/// How many calls a life makes if nothing goes wrong.
///
/// # Panics
/// If there is a kind of call that it does not make.
fn calls(script: &Script) -> u64 {
    let mut run = begin_life(true);
    let made = Arc::new(Mutex::new(HashSet::new()));
    let seen = Arc::clone(&made);
    run.disk().faults().judge(move |call, _| {
        seen.lock().insert(call);
        None
    });
    run.perform(&script.steps);
    run.close();
    let all = [
        Call::Create,
        Call::Open,
        Call::Look,
        Call::Read,
        Call::Write,
        Call::Sync,
        Call::Name,
        Call::Lock,
    ];
    assert_eq!(*made.lock(), all.into());
    run.disk().faults().calls()
}

const RUNS: &str = "runs with an error of the disk";

/// Lets each call of a life go wrong in turn; how many commits' fate was unknown.
fn sweep(fault: Fault, plan: fn(&Faults, u64, Fault)) -> Outcome<u64> {
    let script = script();
    let (calls, mut poisonings) = (calls(&script), 0);
    for number in 0..calls {
        let _context = Context(format!("{fault:?} at call {number}"));
        poisonings += go_wrong(&script, |faults| plan(faults, number, fault), number)
            .map_err(|failure| format!("{fault:?} at {number}: {failure:?}"))?;
    }
    tally(calls, RUNS);
    Ok(poisonings)
}

const EIO: Fault = Fault::Error(ErrorKind::Other);

const ENOSPC: Fault = Fault::Error(ErrorKind::StorageFull);

#[test]
fn an_error_of_any_one_call_loses_nothing() -> Outcome {
    let poisonings = sweep(EIO, Faults::once)?;
    assert!(poisonings > 0, "no call failed that a commit depends on");
    Ok(())
}

#[test]
fn errors_of_all_calls_from_any_one_on_lose_nothing() -> Outcome {
    sweep(EIO, Faults::from).map(drop)
}

/// What was to be written is there in part, and nobody knows which.
#[test]
fn a_write_that_fails_half_way_loses_nothing() -> Outcome {
    let half_way = |faults: &Faults, number, fault| {
        faults.once(number, Fault::Short);
        faults.once(number + 1, fault);
    };
    let poisonings = sweep(EIO, half_way)?;
    assert!(poisonings > 0, "no call failed that a commit depends on");
    Ok(())
}

#[test]
fn an_end_of_the_process_at_any_call_loses_nothing() -> Outcome {
    sweep(Fault::Ended, Faults::from).map(drop)
}

#[test]
fn a_lack_of_space_at_any_one_call_loses_nothing() -> Outcome {
    sweep(ENOSPC, Faults::once).map(drop)
}

/// What can be interrupted or come to half is repeated until it is done.
#[test]
fn interruptions_and_half_reads_and_writes_are_invisible() -> Outcome {
    let script = script();
    let calls = calls(&script);
    let mut runs = 0;
    for fault in [Fault::Interrupted, Fault::Short] {
        for plan in [Faults::once, Faults::from] {
            for number in 0..calls {
                let _context = Context(format!("{fault:?} at call {number}"));
                let mut run = begin_life(true);
                plan(run.disk().faults(), number, fault);
                run.perform(&script.steps);
                run.close();
                judge(&run, number)
                    .map_err(|failure| format!("{fault:?} at {number}: {failure:?}"))?;
                runs += 1;
            }
        }
    }
    tally(runs, RUNS);
    Ok(())
}

/// From any call on nothing that takes space succeeds, for the rest of one life; in a second one
/// there is room again, without the database being opened anew.
#[test]
fn a_disk_that_is_full_from_any_call_on_is_no_hindrance_once_there_is_room() -> Outcome {
    let script = script();
    let calls = calls(&script);
    for number in 0..calls {
        let _context = Context(format!("full from call {number} on"));
        let mut run = begin_life(false);
        run.disk().faults().from(number, Fault::Full);
        run.perform(&script.steps);
        assert_eq!(run.poisonings(), 0, "a lack of space is certain to have changed nothing");
        run.disk().faults().clear();
        run.demand_flawlessness();
        run.perform(&script.steps);
        run.close();
        judge(&run, number).map_err(|failure| format!("full from {number} on: {failure:?}"))?;
    }
    tally(calls, RUNS);
    Ok(())
}
