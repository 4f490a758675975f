//! The power goes at every call that the disk gets, and again while the database recovers.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, atomic::Ordering},
};

use fastrand::Rng;
use sop_core::StoreOptions;
use sop_tests::{
    Outcome, Seed, assert_sound, eventual,
    power::{PowerDisk, Survival},
    trial::{Failing, Trial, failing_disk, handed_over, open},
    write,
};

/// Loses the power at every call of a whole life of a database.
fn sweep(mut survival: impl FnMut() -> Survival) -> Outcome {
    let all = Trial::run(Arc::new(PowerDisk::default()), Failing::From(u64::MAX));
    for number in 0..all.calls {
        let disk = PowerDisk::default();
        let trial = Trial::run(Arc::new(disk.clone()), Failing::From(number));
        let left = disk.after_power_loss(&mut survival());
        let judged = trial.judge(Arc::new(left));
        judged.map_err(|failure| format!("power lost at call {number}: {failure:?}"))?;
    }
    Ok(())
}

#[test]
fn power_loss_that_takes_everything_unsynced_loses_no_acknowledged_commit() -> Outcome {
    sweep(|| Survival::Nothing)
}

#[test]
fn power_loss_that_takes_nothing_loses_no_acknowledged_commit() -> Outcome {
    sweep(|| Survival::Everything)
}

#[test]
fn power_loss_that_drops_tears_and_reorders_loses_no_acknowledged_commit() -> Outcome {
    let mut random = Seed::new(41).stream(0);
    (0..10).try_for_each(|_| sweep(|| Survival::Random(Rng::with_seed(random.u64(..)))))
}

/// What proves that the others could fail.
#[test]
fn the_sweep_notices_a_disk_that_only_says_that_it_synced() {
    let disk = PowerDisk::lying();
    let trial = Trial::run(Arc::new(disk.clone()), Failing::From(u64::MAX));
    let left = Arc::new(disk.after_power_loss(&mut Survival::Nothing));
    let judged = panic::catch_unwind(AssertUnwindSafe(|| trial.judge(left)));
    assert!(!matches!(judged, Ok(Ok(()))), "acknowledged commits are gone, and nobody notices");
}

#[test]
fn power_loss_during_recovery_loses_no_acknowledged_commit() -> Outcome {
    let mut random = Seed::new(42).stream(0);
    let all = Trial::run(Arc::new(PowerDisk::default()), Failing::From(u64::MAX));
    for _ in 0..500 {
        let disk = PowerDisk::default();
        let first = random.u64(..all.calls);
        let trial = Trial::run(Arc::new(disk.clone()), Failing::From(first));
        let mut survival = Survival::Random(Rng::with_seed(random.u64(..)));
        let disk = disk.after_power_loss(&mut survival);
        // Whatever recovery has written by now may be lost or torn as well.
        let second = random.u64(..60);
        let (ending, _) = failing_disk(Arc::new(disk.clone()), Failing::From(second));
        drop(open(ending));
        let left = disk.after_power_loss(&mut survival);
        let judged = trial.judge(Arc::new(left));
        judged.map_err(|f| format!("power lost at calls {first} and then {second}: {f:?}"))?;
    }
    Ok(())
}

#[test]
fn power_loss_leaves_eventual_commits_in_order_and_all_that_were_synced() -> Outcome {
    let mut random = Seed::new(43).stream(0);
    (0..400).try_for_each(|_| eventual::lose_power(&mut random))
}

/// Who opens a database that another process left in the middle, and shows what is in it, has it
/// on the disk.
#[test]
fn what_an_opening_shows_is_still_there_after_a_power_loss() -> Outcome {
    let all = Trial::run(Arc::new(PowerDisk::default()), Failing::From(u64::MAX));
    (0..all.calls).try_for_each(handed_over)
}

/// A transaction too large for the log is there as a whole or not at all, like any other.
#[test]
fn power_loss_leaves_transactions_too_large_for_the_log_whole() -> Outcome {
    let mut random = Seed::new(44).stream(0);
    let whole = large_and_small(Arc::new(PowerDisk::default()), u64::MAX);
    assert_eq!(whole.acknowledged, 3, "without failures everything succeeds");
    for end in 0..whole.calls {
        let disk = PowerDisk::default();
        let before = large_and_small(Arc::new(disk.clone()), end);
        let left = disk.after_power_loss(&mut Survival::Random(Rng::with_seed(random.u64(..))));
        let db = open(Arc::new(left))?;
        assert_sound(&db);
        let snapshot = db.snapshot()?;
        let found = match snapshot.store("s") {
            Ok(store) => store.len()?,
            Err(_) => 0,
        };
        // One row, then all of the large transaction, then one more.
        let states = [0, 1, 1 + LARGE_ROWS, 2 + LARGE_ROWS];
        let came = states.iter().position(|len| *len == found);
        let told = before.acknowledged;
        assert!(came.is_some_and(|came| came >= told), "{told} commits, {found} rows, at {end}");
    }
    Ok(())
}

/// Rows of the large transaction.
const LARGE_ROWS: u64 = 70;

struct LargeAndSmall {
    acknowledged: usize,
    calls: u64,
}

/// A small, a large and a small transaction on a disk that ends at this call.
fn large_and_small(disk: Arc<PowerDisk>, end: u64) -> LargeAndSmall {
    let (disk, calls) = failing_disk(disk, Failing::From(end));
    let mut acknowledged = 0;
    if let Ok(db) = open(disk) {
        for rows in [0..1, 1..1 + LARGE_ROWS, 1 + LARGE_ROWS..2 + LARGE_ROWS] {
            let committed = write(&db, |transaction| {
                let store = transaction.open_store("s", &StoreOptions::default())?;
                rows.clone().try_for_each(|row| store.add(row.to_be_bytes(), vec![b'v'; 100_000]))
            });
            acknowledged += usize::from(committed.is_ok());
        }
    }
    LargeAndSmall { acknowledged, calls: calls.load(Ordering::SeqCst) }
}
