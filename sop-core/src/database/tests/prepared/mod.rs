//! Transactions between their two phases: who clashes with them, and that they last.

mod clash;
mod input;
mod life;
mod random;

use super::*;
use crate::{Isolation, MemoryDisk, TransactionOptions};

/// What a commit, or whatever else is refused so, clashed with.
#[track_caller]
fn held_by<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    match outcome {
        Err(Error::Conflict(conflict)) => {
            let shown = Error::Conflict(conflict.clone()).to_string();
            let holder = conflict.prepared.expect("something holds it");
            assert!(shown.contains(&holder), "{shown}");
            holder
        }
        other => panic!("{other:?}"),
    }
}

/// A database with the entries k0 to k9 in the store s, and an empty store o.
fn ten() -> Database {
    let db = Database::builder().in_memory().unwrap();
    let tx = db.begin().unwrap();
    let store = tx.open_store("s", &StoreOptions::default()).unwrap();
    (0..10).for_each(|key| store.add(format!("k{key}"), "old").unwrap());
    tx.open_store("o", &StoreOptions::default()).unwrap();
    tx.commit().unwrap();
    db
}

fn value(db: &Database, store: &str, key: &str) -> Option<Vec<u8>> {
    db.snapshot().unwrap().store(store).unwrap().find(key).unwrap().map(|value| value.to_vec())
}
