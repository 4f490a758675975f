//! Looking at all of a database at once.

use std::collections::BTreeMap;

use sop_core::{Database, Result, Snapshot, StoreView};

/// The entries of one store.
pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Stores by name, each with its entries.
pub type Contents = BTreeMap<String, Rows>;

/// Every store and every entry that a snapshot sees.
pub fn contents(snapshot: &Snapshot) -> Result<Contents> {
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

/// Asserts that no state but the newest is kept alive by anybody.
///
/// # Panics
/// If an older one is.
#[track_caller]
pub fn assert_nothing_held(db: &Database) {
    let stats = db.stats();
    let oldest = stats.oldest_snapshot_position.unwrap_or(stats.position);
    assert_eq!(oldest, stats.position, "an older state is held");
}

/// Asserts that a database that was just compacted takes little more room than what is in it, as
/// counted by looking at all of it.
///
/// # Panics
/// If it takes more, or cannot be read.
#[track_caller]
pub fn assert_compact(db: &Database) {
    let needed = || -> Result<u64> {
        let snapshot = db.snapshot()?;
        let bytes = |name: &str| {
            let stats = snapshot.store(name)?.stats()?;
            Ok(stats.used_bytes + stats.overflow_bytes)
        };
        snapshot.stores()?.iter().map(|info| bytes(&info.name)).sum()
    };
    let needed = needed().expect("an open database can be read");
    let taken = db.stats().segment_bytes;
    assert!(taken <= 2 * needed + (64 << 10), "{taken} bytes of segments for {needed} in use");
}

/// Asserts that two contents are equal, and says in a few words where they are not.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn assert_same(found: &Contents, expected: &Contents) {
    assert!(found.keys().eq(expected.keys()), "{:?} are not {:?}", found.keys(), expected.keys());
    for (name, expected) in expected {
        let found = &found[name];
        let missing: Vec<_> = expected.keys().filter(|key| !found.contains_key(*key)).collect();
        let left_over: Vec<_> = found.keys().filter(|key| !expected.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?} are missing");
        assert!(left_over.is_empty(), "{name}: {left_over:?} are left over");
        let differs = expected.iter().find(|(key, value)| found[*key] != **value);
        assert!(differs.is_none(), "{name}: another value at {:?}", differs.map(|(key, _)| key));
    }
}
