//! What counts as read, and what conflicts.

use sop_core::{
    ConflictKind, Database, Error, Isolation, Result, StoreOptions, Transaction, TransactionOptions,
};

use super::{assert_well, conflict, keys, put, with_stores};

#[test]
fn what_was_read_of_a_store_that_is_dropped_still_counts() -> Result<()> {
    let db = with_stores(&[("from", &["one"]), ("to", &[])])?;
    let moves = db.begin()?;
    let (from, to) = (moves.store("from")?, moves.store("to")?);
    for entry in from.iter()? {
        let (key, value) = entry?;
        to.add(key, &*value)?;
    }
    moves.drop_store("from")?;
    put(&db, "from", "two", "would be lost")?;
    let lost = conflict(moves.commit());
    assert_eq!((lost.store.as_str(), lost.kind), ("from", ConflictKind::Range));
    assert_eq!(keys(&db, "from")?, ["one", "two"]);
    assert_eq!(keys(&db, "to")?, [""; 0]);
    assert_well(&db)
}

#[test]
fn what_writing_told_of_a_store_that_is_dropped_still_counts() -> Result<()> {
    let db = with_stores(&[("from", &["one"]), ("to", &[])])?;
    let moves = db.begin()?;
    assert!(moves.store("from")?.remove("one")?);
    moves.store("to")?.add("one", "moved")?;
    moves.drop_store("from")?;
    let takes = db.begin()?;
    assert!(takes.store("from")?.remove("one")?);
    takes.commit()?;
    let lost = conflict(moves.commit());
    assert_eq!((lost.key.as_slice(), lost.kind), (&b"one"[..], ConflictKind::Read));
    assert_eq!(keys(&db, "to")?, [""; 0], "nobody gets what another one has taken");
    assert_well(&db)
}

#[test]
fn a_store_used_by_its_number_alone_that_is_dropped_meanwhile_is_a_conflict() -> Result<()> {
    let db = with_stores(&[("s", &["one"])])?;
    let id = db.snapshot()?.store("s")?.id();
    let uses = db.begin()?;
    uses.store_by_id(id)?.upsert("two", "nowhere")?;
    let drops = db.begin()?;
    drops.drop_store("s")?;
    drops.commit()?;
    assert_eq!(conflict(uses.commit()).kind, ConflictKind::Store);
    assert_well(&db)
}

#[test]
fn a_store_used_by_its_number_and_by_a_name_it_got_meanwhile_loses_no_write() -> Result<()> {
    let db = with_stores(&[("before", &["old"])])?;
    let id = db.snapshot()?.store("before")?.id();
    let tx = db.begin()?;
    tx.store_by_id(id)?.upsert("by number", "1")?;
    tx.open_store("after", &StoreOptions::default())?.upsert("by name", "2")?;
    let rename = db.begin()?;
    rename.rename_store("before", "after")?;
    rename.commit()?;
    let lost = conflict(tx.commit());
    assert_eq!((lost.store.as_str(), lost.kind), ("after", ConflictKind::Store));
    assert_eq!(keys(&db, "after")?, ["old"]);
    assert_well(&db)
}

/// Writes down that it was the first to come if there is no store `x` yet, and creates it.
fn come_first(db: &Database, name: &str) -> Result<Transaction> {
    let tx = db.begin()?;
    assert!(matches!(tx.store("x"), Err(Error::StoreNotFound { .. })));
    tx.store("log")?.upsert(name, "was the first")?;
    tx.open_store("x", &StoreOptions::default())?;
    Ok(tx)
}

#[test]
fn that_a_name_was_free_counts_as_read() -> Result<()> {
    let db = with_stores(&[("log", &[])])?;
    let (a, b) = (come_first(&db, "a")?, come_first(&db, "b")?);
    a.commit()?;
    let lost = conflict(b.commit());
    assert_eq!((lost.store.as_str(), lost.kind), ("x", ConflictKind::Store));
    assert_eq!(keys(&db, "log")?, ["a"]);
    assert_well(&db)
}

#[test]
fn reads_at_snapshot_isolation_do_not_conflict_with_the_drop_of_the_store() -> Result<()> {
    let db = with_stores(&[("read", &["one"]), ("written", &[])])?;
    let tx = db.begin_with(TransactionOptions::default().isolation(Isolation::Snapshot))?;
    let read = db.snapshot()?.store("read")?.id();
    let written = db.snapshot()?.store("written")?.id();
    assert_eq!(tx.store_by_id(read)?.iter()?.count(), 1);
    tx.store_by_id(written)?.add("key", "value")?;
    let other = db.begin()?;
    other.drop_store("read")?;
    other.commit()?;
    tx.commit()?;
    assert_eq!(keys(&db, "written")?, ["key"]);
    assert_well(&db)
}

/// Writes `key` in a transaction that looked at the store with one cursor, while another one
/// changed `m`; whether both could be had.
fn cursor_beside_a_change_of_m(move_about: fn(&mut sop_core::Cursor<'_>) -> Result<()>) -> bool {
    let run = || {
        let db = with_stores(&[("s", &["a", "m", "z"])])?;
        let tx = db.begin()?;
        move_about(&mut tx.store("s")?.cursor()?)?;
        tx.store("s")?.upsert("key", "new")?;
        put(&db, "s", "m", "new")?;
        let outcome = tx.commit();
        assert_well(&db)?;
        outcome.map(drop)
    };
    match run() {
        Ok(()) => true,
        Err(Error::Conflict(conflict)) => {
            assert_eq!((conflict.key.as_slice(), conflict.kind), (&b"m"[..], ConflictKind::Range));
            false
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_cursor_does_not_read_what_lies_between_two_seeks() {
    assert!(cursor_beside_a_change_of_m(|cursor| {
        assert!(cursor.seek("a")?);
        assert!(cursor.seek("z")?);
        Ok(())
    }));
    assert!(cursor_beside_a_change_of_m(|cursor| {
        assert!(cursor.last()?);
        assert!(cursor.seek_back("b")?);
        assert!(cursor.first()?);
        Ok(())
    }));
}

#[test]
fn a_cursor_reads_what_it_passes_in_either_direction() {
    assert!(!cursor_beside_a_change_of_m(|cursor| {
        assert!(cursor.seek("a")? && cursor.next()?);
        Ok(())
    }));
    assert!(!cursor_beside_a_change_of_m(|cursor| {
        assert!(cursor.last()? && cursor.prev()?);
        assert!(cursor.seek("z")?);
        Ok(())
    }));
    assert!(!cursor_beside_a_change_of_m(|cursor| {
        // There and back again: the first run ends beyond the entry the second begins at.
        assert!(cursor.seek("b")? && cursor.next()? && !cursor.next()?);
        assert!(cursor.seek("z")?);
        Ok(())
    }));
}

#[test]
fn the_winner_over_what_was_loaded_in_bulk_is_the_load() -> Result<()> {
    let db = with_stores(&[("s", &[]), ("other", &[])])?;
    let load = db.begin()?;
    load.bulk_load("s", &StoreOptions::default(), [("a", "1"), ("b", "2")])?;
    put(&db, "other", "before the load", "1")?;
    let loser = db.begin()?;
    loser.store("s")?.upsert("a", "mine")?;
    let loaded = load.commit()?;
    put(&db, "other", "after the load", "1")?;
    match loser.commit() {
        Err(Error::Conflict(conflict)) => assert_eq!(conflict.winner, Some(loaded.position)),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn a_store_emptied_by_the_transaction_that_loads_it_is_refused_at_once() -> Result<()> {
    let db = with_stores(&[("s", &["old"])])?;
    let tx = db.begin()?;
    assert!(tx.store("s")?.remove("old")?);
    let loaded = tx.bulk_load("s", &StoreOptions::default(), [("new", "1")]);
    assert!(matches!(loaded, Err(Error::Invalid(_))), "{loaded:?}");
    tx.store("s")?.upsert("new", "1")?;
    tx.commit()?;
    assert_eq!(keys(&db, "s")?, ["new"]);
    assert_well(&db)
}

/// It found no store of that name, and the one that it made was empty; what is in this one it never
/// saw, and wrote over it.
#[test]
fn a_store_that_gets_the_name_of_a_new_one_meanwhile_is_not_taken_for_it() -> Result<()> {
    type Work = fn(&Transaction) -> Result<()>;
    let works: [Work; 3] = [
        |tx| tx.open_store("new", &StoreOptions::default())?.add("k", "mine"),
        |tx| {
            assert!(tx.open_store("new", &StoreOptions::default())?.is_empty()?);
            tx.store("other")?.upsert("k", "mine")
        },
        |tx| tx.bulk_load("new", &StoreOptions::default(), [("l", "mine")]).map(drop),
    ];
    for work in works {
        let db = with_stores(&[("old", &["k"]), ("other", &[])])?;
        let uses = db.begin()?;
        work(&uses)?;
        let renames = db.begin()?;
        renames.rename_store("old", "new")?;
        renames.commit()?;
        let lost = conflict(uses.commit());
        assert_eq!((lost.store.as_str(), lost.kind), ("new", ConflictKind::Store));
        assert_eq!(keys(&db, "new")?, ["k"]);
        assert_well(&db)?;
    }
    Ok(())
}

#[test]
fn who_only_needs_a_store_is_content_with_one_that_got_its_name_meanwhile() -> Result<()> {
    let db = with_stores(&[("old", &["k"])])?;
    let needs = db.begin()?;
    needs.open_store("new", &StoreOptions::default())?;
    let renames = db.begin()?;
    renames.rename_store("old", "new")?;
    renames.commit()?;
    needs.commit()?;
    assert_eq!(keys(&db, "new")?, ["k"]);
    assert_well(&db)
}
