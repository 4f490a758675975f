//! Group commit: whoever commits is told how it ended, and those who wait together sync once.

use std::collections::BTreeSet;

use sop_core::{Database, Error};

use super::{
    explore::explore,
    setting::{STORE, Setting, beside, contents, joined, put},
};

#[test]
fn every_commit_is_told_its_outcome_and_a_batch_is_synced_once() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        let db = &setting.db;
        let (before, synced) = (db.stats(), setting.log.synced());
        let write = |name: &'static str| {
            beside(db, move |db| {
                ["1", "2"].map(|number| put(db, &format!("{name}{number}"), 1).expect("a commit"))
            })
        };
        let threads = ["a", "b", "c"].map(write);
        let commits: Vec<_> = threads.into_iter().flat_map(joined).collect();
        let positions: BTreeSet<_> = commits.iter().map(|commit| commit.position).collect();
        let after = db.stats();
        assert_eq!(after.commits - before.commits, 6);
        assert_eq!(after.batches - before.batches, positions.len() as u64);
        assert_eq!(setting.log.synced() - synced, positions.len() as u64);
        assert_eq!(positions.last(), Some(&after.position));
        let held = contents(&db.snapshot().expect("an open database"));
        assert_eq!(held.into_keys().collect::<Vec<_>>(), ["a1", "a2", "b1", "b2", "c1", "c2"]);
    });
}

/// Adds one to the only key until nobody is in the way.
fn increment(db: &Database) {
    loop {
        let tx = db.begin().expect("an open database");
        let store = tx.store(STORE).expect("the store");
        let value = store.find("k").expect("a tree that can be read").expect("the key")[0];
        store.update("k", [value + 1]).expect("a key that is there");
        match tx.commit() {
            Err(Error::Conflict(_)) => {}
            other => {
                other.expect("a commit");
                return;
            }
        }
    }
}

#[test]
fn no_increment_is_lost() {
    explore(4_000, || {
        let setting = Setting::new(&["k"]);
        let threads = [(); 3].map(|()| beside(&setting.db, increment));
        threads.into_iter().for_each(joined);
        assert_eq!(contents(&setting.db.snapshot().expect("an open database"))["k"], 3);
        assert_eq!(setting.reopened()["k"], 3);
    });
}
