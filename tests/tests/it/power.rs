//! The power goes at every call that the disk gets, and again while the database recovers.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use fastrand::Rng;
use sop_core::{Database, Durability, Result, StoreOptions, TransactionOptions};
use sop_tests::{
    Outcome, Seed, assert_sound,
    power::{PowerDisk, Survival},
    rows,
    trial::{Failing, Trial, failing_disk, open},
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

/// What is acknowledged before it is durable may be lost, but only from the end, and not what a
/// sync has made durable.
#[test]
fn power_loss_leaves_eventual_commits_in_order_and_all_that_were_synced() -> Outcome {
    let mut random = Seed::new(43).stream(0);
    for _ in 0..400 {
        let disk = PowerDisk::default();
        let end = random.u64(60..400);
        let (ending, _) = failing_disk(Arc::new(disk.clone()), Failing::From(end));
        let Ok(db) = open(ending) else { continue };
        let mut synced = 0;
        for n in 1..=40_u64 {
            if add_eventually(&db, n).is_ok() && n % 8 == 0 && db.sync().is_ok() {
                synced = n;
            }
        }
        let left = disk.after_power_loss(&mut Survival::Random(Rng::with_seed(random.u64(..))));
        let db = open(Arc::new(left))?;
        assert_sound(&db);
        let found = match db.snapshot()?.store("s") {
            Ok(store) => rows(store)?.into_keys().collect(),
            Err(_) => Vec::new(),
        };
        let in_order = (1..).map(|n: u64| n.to_be_bytes().to_vec()).take(found.len());
        assert!(found.iter().cloned().eq(in_order), "a gap, with power lost at call {end}");
        assert!(found.len() as u64 >= synced, "{synced} were synced of {}", found.len());
    }
    Ok(())
}

fn add_eventually(db: &Database, n: u64) -> Result<()> {
    let options = TransactionOptions::default().durability(Durability::Eventual);
    let transaction = db.begin_with(options)?;
    let store = transaction.open_store("s", &StoreOptions::default())?;
    store.add(n.to_be_bytes(), vec![b'v'; 900])?;
    transaction.commit().map(drop)
}
