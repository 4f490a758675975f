//! Looking at all of a database at once.

use std::collections::BTreeMap;

use sop_core::{Database, Result, Snapshot, StoreView};

/// The entries of one store.
pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Every store and every entry that a snapshot sees.
pub fn contents(snapshot: &Snapshot) -> Result<BTreeMap<String, Rows>> {
    let names = snapshot.stores()?.into_iter().map(|info| info.name);
    names.map(|name| Ok((name.clone(), rows(snapshot.store(&name)?)?))).collect()
}

/// Every entry of one store.
pub fn rows(store: StoreView<'_>) -> Result<Rows> {
    store.iter()?.map(|entry| entry.map(|(key, value)| (key, value.to_vec()))).collect()
}

/// Asserts that the engine's own walk over everything finds nothing wrong.
///
/// # Panics
/// If it finds a problem, or fails.
#[track_caller]
pub fn assert_sound(db: &Database) {
    match db.check() {
        Ok(report) => assert!(report.problems.is_empty(), "{:#?}", report.problems),
        Err(error) => panic!("the check failed: {error}"),
    }
}
