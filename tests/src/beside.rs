//! A database that is left while a checkpoint that ran beside its writers is the newest.
//!
//! What commits change while a checkpoint is written must be in the log after it, and must not be
//! missing in what it wrote. That shows only if it is read again, before another checkpoint.

use std::sync::atomic::{AtomicBool, Ordering};

use sop_core::Database;

use crate::{Home, Outcome, Seed, ledger, together};

/// How many transactions each thread makes before the database is left.
const TRANSACTIONS_PER_LIFE: u64 = 24;

/// Lives through so many lives of one database, each of them left, not closed, and judges each.
///
/// # Errors
/// If the database fails.
///
/// # Panics
/// If a life does not begin with what the one before has left.
pub fn live(home: &Home, lives: u64, seed: Seed) -> Outcome {
    let db = ledger::open(home.path())?;
    ledger::prepare(&db, ledger::THREADS)?;
    drop(db);
    for life in 0..lives {
        let db = ledger::open(home.path())?;
        let before = life * TRANSACTIONS_PER_LIFE;
        verify(&db, before)?;
        let is_ending = AtomicBool::new(false);
        together(ledger::THREADS + 1, |thread| {
            if thread == ledger::THREADS {
                while !is_ending.load(Ordering::SeqCst) {
                    db.checkpoint()?;
                }
                return Ok(());
            }
            let mut random = seed.stream(life * ledger::THREADS as u64 + thread as u64);
            let mut steps = before + 1..=before + TRANSACTIONS_PER_LIFE;
            let step = |n| ledger::step(&db, thread, n, &mut random).map(drop);
            let done = steps.try_for_each(step);
            // The first one to end is when the last checkpoint begins, beside the others.
            is_ending.store(true, Ordering::SeqCst);
            Ok(done?)
        })?;
    }
    verify(&ledger::open(home.path())?, lives * TRANSACTIONS_PER_LIFE)
}

/// Every thread has come so far, and no further.
fn verify(db: &Database, came: u64) -> Outcome {
    ledger::verify(db, &[(); ledger::THREADS].map(|()| came..=came)).map(drop)
}
