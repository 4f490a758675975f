//! Moments that cannot be, and panics that are none of the engine's.

use std::{
    future::Future as _,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use sop_core::{
    Commit, Database, Durability, Result, StoreOptions, Transaction, TransactionOptions,
};

use super::{Alarm, FOR_EVER, assert_well, conflict, keys, put, with_stores};

#[test]
fn an_interval_beyond_all_time_does_not_break_the_pipeline() -> Result<()> {
    let db = Database::builder().in_memory()?;
    let tx = db.begin()?;
    let store = tx.create_store("s", &StoreOptions::default())?;
    (0..2_000).try_for_each(|number| store.add(format!("{number:04}"), [1; 100]))?;
    tx.commit()?;
    let lazy = Durability::Interval(Duration::MAX);
    let tx = db.begin_with(TransactionOptions::default().durability(lazy))?;
    let store = tx.store("s")?;
    (0..2_000).try_for_each(|number| store.update(format!("{number:04}"), [2; 100]))?;
    let commit = tx.commit()?;
    for round in 0..20 {
        put(&db, "s", &format!("later {round:02}"), "x")?;
        let snapshot = db.snapshot()?;
        for entry in snapshot.store("s")?.range::<&str>(.."later")? {
            assert_eq!(*entry?.1, [2; 100]);
        }
        assert_eq!(snapshot.store("s")?.count::<&str>(.."later")?, 2_000);
    }
    assert!(db.stats().durable_position > commit.position, "made durable by those after it");
    assert_well(&db)
}

/// Commits when it is dropped, as an application's guard might.
struct CommitOnDrop<'a> {
    transaction: Option<Transaction>,
    outcome: &'a mut Option<Result<Commit>>,
}

impl Drop for CommitOnDrop<'_> {
    fn drop(&mut self) {
        *self.outcome = self.transaction.take().map(Transaction::commit);
    }
}

/// Commits a transaction while this thread unwinds from a panic of the application.
fn commit_while_unwinding(transaction: Transaction) -> Option<Result<Commit>> {
    let mut outcome = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = CommitOnDrop { transaction: Some(transaction), outcome: &mut outcome };
        resume_unwind(Box::new("the application's panic"));
    }));
    assert!(panicked.is_err());
    outcome
}

#[test]
fn a_commit_while_a_panic_unwinds_does_not_poison_the_database() -> Result<()> {
    let db = with_stores(&[("s", &["old"])])?;
    let (one, two) = (db.begin()?, db.begin()?);
    one.store("s")?.upsert("new", "1")?;
    two.store("s")?.upsert("new", "2")?;
    let outcome = commit_while_unwinding(one).expect("the guard committed");
    assert!(outcome.is_ok(), "{outcome:?}");
    let outcome = commit_while_unwinding(two).expect("the guard committed");
    conflict(outcome);
    assert_eq!(keys(&db, "s")?, ["new", "old"]);
    assert_well(&db)
}

/// Commits with a future that is polled once, and once more when it was woken.
fn commit_woken(transaction: Transaction, panics: bool) -> Result<Commit> {
    let (waker, listen) = Alarm::set(panics);
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(transaction.commit_async());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => {
            listen.recv_timeout(FOR_EVER).expect("the future is woken");
            match future.poll(&mut context) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => panic!("woken with nothing to tell"),
            }
        }
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_waiting() -> Result<()> {
    let db = with_stores(&[("s", &[])])?;
    for (key, panics) in [("1", true), ("2", false), ("3", true), ("4", false)] {
        let tx = db.begin()?;
        tx.store("s")?.add(key, "v")?;
        commit_woken(tx, panics)?;
    }
    assert_eq!(keys(&db, "s")?, ["1", "2", "3", "4"]);
    assert_well(&db)
}
