//! Handles of stores that cannot be used any more, or not yet.

use sop_core::{Database, Error, Result, Store, StoreOptions};

use super::{assert_well, keys, with_stores};

/// What every way to use a store says.
fn uses(store: Store<'_>) -> Vec<Result<()>> {
    vec![
        store.find("k").map(drop),
        store.contains("k").map(drop),
        store.first().map(drop),
        store.last().map(drop),
        store.iter().map(drop),
        store.range("a".."z").map(drop),
        store.prefix("k").map(drop),
        store.cursor().map(drop),
        store.len().map(drop),
        store.is_empty().map(drop),
        store.count("a".."z").map(drop),
        store.count_prefix("k").map(drop),
        store.add("k", "new"),
        store.add_if_absent("k", "new").map(drop),
        store.update("k", "new"),
        store.upsert("k", "new"),
        store.remove("k").map(drop),
    ]
}

#[test]
fn the_handle_of_a_dropped_store_finds_no_store() -> Result<()> {
    let db = with_stores(&[("old", &["k"]), ("other", &[])])?;
    let tx = db.begin()?;
    let old = tx.store("old")?;
    tx.drop_store("old")?;
    let new = tx.create_store("new", &StoreOptions::default())?;
    new.add("k", "v")?;
    tx.drop_store("new")?;
    for (number, outcome) in [uses(old), uses(new)].into_iter().flatten().enumerate() {
        assert!(matches!(outcome, Err(Error::StoreNotFound { .. })), "{number}: {outcome:?}");
    }
    tx.store("other")?.add("k", "v")?;
    tx.commit()?;
    let names: Vec<_> = db.snapshot()?.stores()?.into_iter().map(|store| store.name).collect();
    assert_eq!(names, ["other"]);
    assert_eq!(keys(&db, "other")?, ["k"]);
    assert_well(&db)
}

#[test]
fn a_name_that_was_dropped_and_created_again_is_a_store_of_its_own() -> Result<()> {
    let db = with_stores(&[("s", &["k"])])?;
    let tx = db.begin()?;
    let old = tx.store("s")?;
    tx.drop_store("s")?;
    let new = tx.create_store("s", &StoreOptions::default())?;
    new.add("new", "v")?;
    assert!(matches!(old.find("k"), Err(Error::StoreNotFound { .. })));
    assert_eq!(new.len()?, 1);
    tx.commit()?;
    assert_eq!(keys(&db, "s")?, ["new"]);
    assert_well(&db)
}

#[test]
fn a_store_cannot_be_loaded_twice_nor_used_between_load_and_commit() -> Result<()> {
    let db = Database::builder().in_memory()?;
    let tx = db.begin()?;
    let options = StoreOptions::default();
    assert_eq!(tx.bulk_load("s", &options, [("a", "1"), ("b", "2")])?, 2);
    let again = tx.bulk_load("s", &options, [("c", "3")]);
    assert!(matches!(again, Err(Error::Invalid(_))), "{again:?}");
    for (number, outcome) in uses(tx.store("s")?).into_iter().enumerate() {
        assert!(matches!(outcome, Err(Error::Invalid(_))), "{number}: {outcome:?}");
    }
    tx.commit()?;
    assert_eq!(keys(&db, "s")?, ["a", "b"]);
    assert_well(&db)
}
