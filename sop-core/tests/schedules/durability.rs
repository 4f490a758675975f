//! When a commit is durable, and when it is visible.

use std::time::Duration;

use shuttle::thread;
use sop_core::{Commit, Database, Durability, Result, TransactionOptions};

use super::{
    explore::explore,
    setting::{STORE, Setting, beside, joined, put},
};

fn put_with(db: &Database, key: &str, durability: Durability) -> Result<Commit> {
    let tx = db.begin_with(TransactionOptions::default().durability(durability))?;
    tx.store(STORE)?.upsert(key, [1])?;
    tx.commit()
}

#[test]
fn a_reader_sees_only_what_is_durable_and_never_goes_back() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let (begun, synced) = (setting.db.stats().position, setting.log.synced());
        let writers = ["a", "b"].map(|name| {
            beside(&setting.db, move |db| {
                ["1", "2"].map(|number| put(db, &format!("{name}{number}"), 1).expect("a commit"))
            })
        });
        let log = setting.log.clone();
        let reader = beside(&setting.db, move |db| {
            let mut before = begun;
            for _ in 0..6 {
                let seen = db.snapshot().expect("an open database").position();
                assert!(seen >= before, "{seen} after {before}");
                // Each batch is synced once, for itself.
                assert!(log.synced() - synced >= seen - begun, "{seen} is visible too early");
                before = seen;
            }
        });
        let told = writers.map(joined);
        joined(reader);
        let newest = setting.db.snapshot().expect("an open database").position();
        assert_eq!(told.iter().flatten().map(|commit| commit.position).max(), Some(newest));
    });
}

#[test]
fn who_was_told_sees_its_commit() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let threads = ["a", "b", "c"].map(|key| {
            beside(&setting.db, move |db| {
                let commit = put(db, key, 1).expect("a commit");
                let snapshot = db.snapshot().expect("an open database");
                assert!(snapshot.position() >= commit.position);
                let store = snapshot.store(STORE).expect("the store");
                assert!(store.contains(key).expect("a tree that can be read"));
            })
        });
        threads.into_iter().for_each(joined);
    });
}

#[test]
fn what_is_to_be_synced_by_some_time_is_synced_without_anybody_asking() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let soon = Durability::Interval(Duration::from_millis(3));
        let threads = ["a", "b"].map(|key| {
            beside(&setting.db, move |db| put_with(db, key, soon).expect("a commit").position)
        });
        let newest = threads.map(joined).into_iter().max().unwrap_or(0);
        // If nobody syncs, this goes on until the explorer has had enough of it.
        while setting.db.stats().durable_position < newest {
            thread::yield_now();
        }
    });
}

#[test]
fn a_sync_makes_durable_whatever_was_acknowledged_before_it() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let threads = ["a", "b", "c"].map(|key| {
            beside(&setting.db, move |db| {
                let commit = put_with(db, key, Durability::Eventual).expect("a commit");
                db.sync().expect("a sync");
                assert!(db.stats().durable_position >= commit.position);
            })
        });
        threads.into_iter().for_each(joined);
        assert!(setting.log.synced() >= 1);
    });
}

#[test]
fn of_a_mixed_batch_the_strictest_decides() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let synced = setting.log.synced();
        let log = setting.log.clone();
        let strict = beside(&setting.db, move |db| {
            put(db, "strict", 1).expect("a commit");
            assert!(log.synced() > synced);
        });
        let lax = ["a", "b"]
            .map(|key| beside(&setting.db, move |db| put_with(db, key, Durability::Eventual)));
        for commit in lax.map(joined) {
            commit.expect("a commit");
        }
        joined(strict);
        let held = setting.reopened();
        assert_eq!(held.into_keys().collect::<Vec<_>>(), ["a", "b", "strict"]);
    });
}
