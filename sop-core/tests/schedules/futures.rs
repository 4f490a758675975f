//! Commits that nobody waits for by blocking, between those that somebody does.

use std::{
    future::Future as _,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use shuttle::{
    future::block_on,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use sop_core::{Background, Commit, Database, Error, Options, Result};

use super::{
    explore::explore,
    setting::{Setting, beside, contents, joined, put, writing},
};

/// Submits a commit and does not care any more.
fn put_and_forget(db: &Database, key: &str) {
    let mut commit = pin!(writing(db, key, 1).expect("an open database").commit_async());
    let polled = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(!matches!(polled, Poll::Ready(Err(_))), "{polled:?}");
}

/// Writes one key and awaits the outcome.
fn put_async(db: &Database, key: &str) -> Result<Commit> {
    block_on(writing(db, key, 1)?.commit_async())
}

#[test]
fn a_commit_whose_future_is_dropped_goes_on_before_those_after_it() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let forget = |name: &'static str| {
            beside(&setting.db, move |db| {
                put_and_forget(db, &format!("{name} forgotten"));
                put(db, name, 1).expect("a commit");
                assert!(contents(&db.snapshot().expect("an open database")).len() >= 2);
            })
        };
        let threads = ["a", "b"].map(forget);
        threads.into_iter().for_each(joined);
        let held = contents(&setting.db.snapshot().expect("an open database"));
        assert_eq!(held.into_keys().collect::<Vec<_>>(), ["a", "a forgotten", "b", "b forgotten"]);
    });
}

#[test]
fn futures_and_threads_are_all_told_whoever_leads() {
    explore(6_000, || {
        let setting = Setting::new(&[]);
        let awaiting = ["a", "b"].map(|key| beside(&setting.db, move |db| put_async(db, key)));
        let forgetting = beside(&setting.db, |db| put_and_forget(db, "forgotten"));
        let waiting = ["x", "y"].map(|key| beside(&setting.db, move |db| put(db, key, 1)));
        joined(forgetting);
        for commit in awaiting.into_iter().chain(waiting).map(joined) {
            commit.expect("a commit");
        }
        let held = contents(&setting.db.snapshot().expect("an open database"));
        assert!(["a", "b", "x", "y"].iter().all(|key| held.contains_key(*key)), "{held:?}");
    });
}

#[test]
fn futures_alone_are_led_by_the_thread_of_the_database() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let threads = ["a", "b", "c"].map(|key| beside(&setting.db, move |db| put_async(db, key)));
        for commit in threads.map(joined) {
            commit.expect("a commit");
        }
    });
}

/// Does the background's work until so many commits are done.
fn work_until(db: &Database, done: &AtomicUsize, commits: usize) {
    while done.load(Ordering::SeqCst) < commits {
        if db.work().expect("a commit, a sync or a checkpoint").is_none() {
            thread::yield_now();
        }
    }
}

#[test]
fn futures_are_led_by_whoever_does_the_work_of_the_background() {
    explore(4_000, || {
        let options = Options::default().background(Background::Manual);
        let setting = Setting::with(options.checkpoint_dirty_bytes(1), &[]);
        let done = Arc::new(AtomicUsize::new(0));
        let working = [(); 2].map(|()| {
            let done = Arc::clone(&done);
            beside(&setting.db, move |db| work_until(db, &done, 2))
        });
        let awaiting = ["a", "b"].map(|key| {
            let done = Arc::clone(&done);
            beside(&setting.db, move |db| {
                let outcome = put_async(db, key);
                done.fetch_add(1, Ordering::SeqCst);
                outcome
            })
        });
        for commit in awaiting.map(joined) {
            commit.expect("a commit");
        }
        working.into_iter().for_each(joined);
        assert_eq!(setting.reopened().into_keys().collect::<Vec<_>>(), ["a", "b"]);
    });
}

#[test]
fn futures_in_a_database_that_closes_learn_whether_they_are_in_it() {
    explore(6_000, || {
        let setting = Setting::new(&[]);
        let threads = ["a", "b"].map(|key| beside(&setting.db, move |db| put_async(db, key)));
        let forgetting = beside(&setting.db, |db| {
            if let Ok(tx) = writing(db, "forgotten", 1) {
                let mut commit = pin!(tx.commit_async());
                let polled = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(!matches!(polled, Poll::Ready(Ok(_))), "{polled:?}");
            }
        });
        setting.db.clone().close().expect("a last checkpoint");
        joined(forgetting);
        let outcomes = threads.map(joined);
        let held = setting.reopened();
        for (key, outcome) in ["a", "b"].into_iter().zip(outcomes) {
            assert_eq!(outcome.is_ok(), held.contains_key(key), "{key}: {outcome:?}, {held:?}");
            assert!(matches!(outcome, Ok(_) | Err(Error::Closed)), "{outcome:?}");
        }
    });
}
