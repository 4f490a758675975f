//! Transactions and threads, as the tests use them.

use std::{panic, sync::Barrier, thread};

use sop_core::{Commit, Database, Error, Kind, Result, Transaction, TransactionOptions};

use crate::Outcome;

/// So many conflicts in a row are not bad luck but a transaction that can never commit.
const ATTEMPTS_MAX: usize = 10_000;

/// Runs `work` as one transaction and commits it.
pub fn write(db: &Database, work: impl FnOnce(&Transaction) -> Result<()>) -> Result<Commit> {
    let transaction = db.begin()?;
    work(&transaction)?;
    transaction.commit()
}

/// Runs `work` as one transaction, again and again until it commits without a conflict.
///
/// # Errors
/// The first error that is not a conflict, or the last of too many conflicts.
pub fn retry<T>(
    db: &Database,
    options: TransactionOptions,
    work: impl FnMut(&Transaction) -> Result<T>,
) -> Result<T> {
    retry_by(db, options, work, Transaction::commit)
}

/// Does the same, but commits as it is told.
///
/// # Errors
/// The first error that is not a conflict, or the last of too many conflicts.
pub fn retry_by<T>(
    db: &Database,
    options: TransactionOptions,
    mut work: impl FnMut(&Transaction) -> Result<T>,
    commit: impl Fn(Transaction) -> Result<Commit>,
) -> Result<T> {
    let mut attempt = || {
        let transaction = db.begin_with(options)?;
        let result = work(&transaction)?;
        commit(transaction).map(|_| result)
    };
    let is_conflict = |error: &Error| error.kind() == Kind::Conflict;
    let mut result = attempt();
    for _ in 1..ATTEMPTS_MAX {
        if !result.as_ref().is_err_and(is_conflict) {
            break;
        }
        result = attempt();
    }
    result
}

/// Runs `work` on so many threads, each with its number; they start at the same moment.
///
/// # Errors
/// The first thread's error, in the order of their numbers.
///
/// # Panics
/// If a thread panics, with its own message.
pub fn together<T: Send>(
    threads: usize,
    work: impl Fn(usize) -> Outcome<T> + Sync,
) -> Outcome<Vec<T>> {
    let start = Barrier::new(threads);
    let run = |number| {
        start.wait();
        work(number)
    };
    thread::scope(|scope| {
        let run = &run;
        let spawned: Vec<_> = (0..threads).map(|number| scope.spawn(move || run(number))).collect();
        let joined = spawned.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|result| result.unwrap_or_else(|payload| panic::resume_unwind(payload)))
            .collect()
    })
}
