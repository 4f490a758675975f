//! Everything that a database can do, done at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};

use sop_core::Database;
use sop_tests::{
    Home, Outcome, Seed, assert_nothing_held, assert_sound, beside, contents, ledger, together,
};

const TRANSACTIONS_PER_THREAD: u64 = 400;

/// What goes on beside the writers, again and again.
const COMPANIONS: [fn(&Database) -> Outcome; 4] = [
    |db| Ok(db.checkpoint()?),
    |db| Ok(db.compact()?),
    |db| {
        assert_sound(db);
        Ok(())
    },
    |db| {
        let snapshot = db.snapshot()?;
        let before = contents(&snapshot)?;
        db.sync()?;
        assert!(contents(&snapshot)? == before, "a snapshot has changed");
        Ok(())
    },
];

#[test]
fn writers_are_right_beside_checkpoints_compactions_checks_and_snapshots() -> Outcome {
    let home = Home::on_disk();
    let db = ledger::open(home.path())?;
    ledger::prepare(&db, ledger::THREADS)?;
    let seed = Seed::new(61);
    let writing = AtomicUsize::new(ledger::THREADS);
    together(ledger::THREADS + COMPANIONS.len(), |thread| {
        if let Some(companion) = thread.checked_sub(ledger::THREADS) {
            while writing.load(Ordering::SeqCst) > 0 {
                COMPANIONS[companion](&db)?;
            }
            return Ok(());
        }
        let mut random = seed.stream(thread as u64);
        let mut steps = 1..=TRANSACTIONS_PER_THREAD;
        let result = steps.try_for_each(|n| ledger::step(&db, thread, n, &mut random).map(drop));
        writing.fetch_sub(1, Ordering::SeqCst);
        Ok(result?)
    })?;
    let came = [TRANSACTIONS_PER_THREAD; ledger::THREADS];
    assert_eq!(ledger::verify(&db, &came.map(|n| n..=n))?, came);
    assert_nothing_held(&db);
    db.close()?;
    let reopened = ledger::open(home.path())?;
    assert_eq!(ledger::verify(&reopened, &came.map(|n| n..=n))?, came, "after reopening");
    Ok(())
}

#[test]
fn what_was_committed_beside_the_last_checkpoint_is_there_after_it() -> Outcome {
    beside::live(&Home::on_disk(), 20, Seed::new(62))
}
