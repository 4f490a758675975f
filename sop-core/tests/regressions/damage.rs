//! Damage to one store is no damage to the others.

use std::path::{Path, PathBuf};

use sop_core::{Database, Disk as _, Error, OsDisk, Result, StoreOptions};

use super::{assert_well, flip, keys, put};

const ENTRIES: u32 = 20_000;

fn key(number: u32) -> String {
    format!("{number:06}")
}

/// A database whose store `damaged` has a leaf that is not what was written, and the damaged file.
fn damaged(root: &Path) -> Result<(Database, PathBuf)> {
    let db = Database::open(root)?;
    let tx = db.begin()?;
    let store = tx.create_store("damaged", &StoreOptions::default())?;
    (0..ENTRIES).try_for_each(|number| store.add(key(number), [7; 100]))?;
    tx.create_store("whole", &StoreOptions::default())?.add("old", "v")?;
    tx.commit()?;
    db.close()?;
    let segments = OsDisk.list(&root.join("seg")).expect("a folder");
    let largest = segments.into_iter().max_by_key(|entry| entry.len).expect("a segment");
    let path = root.join("seg").join(largest.name);
    flip(&path, 20_000);
    Ok((Database::open(root)?, path))
}

#[track_caller]
fn assert_names<T: std::fmt::Debug>(outcome: Result<T>, damaged: &Path) {
    match outcome {
        Err(Error::Corrupt { path, .. }) => assert_eq!(path, damaged),
        other => panic!("damage was to be found, not {other:?}"),
    }
}

#[test]
fn a_damaged_store_can_be_dropped() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("db");
    let (db, file) = damaged(&root)?;
    let snapshot = db.snapshot()?;
    let entries: Result<Vec<_>> = snapshot.store("damaged")?.iter()?.collect();
    assert_names(entries, &file);
    assert!(!db.check()?.is_sound());
    let tx = db.begin()?;
    tx.drop_store("damaged")?;
    tx.commit()?;
    put(&db, "whole", "new", "v")?;
    assert_well(&db)?;
    db.close()?;
    let db = Database::open(&root)?;
    assert!(matches!(db.snapshot()?.store("damaged"), Err(Error::StoreNotFound { .. })));
    assert_eq!(keys(&db, "whole")?, ["new", "old"]);
    assert_well(&db)
}

#[test]
fn a_write_that_meets_damage_fails_alone() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("db");
    let (db, file) = damaged(&root)?;
    let snapshot = db.snapshot()?;
    let store = snapshot.store("damaged")?;
    let (bad, good): (Vec<_>, Vec<_>) =
        (0..ENTRIES).map(key).partition(|key| store.find(key).is_err());
    let (bad, good) = (bad.first().expect("a leaf is damaged"), good.first().expect("others not"));
    assert_names(put(&db, "damaged", bad, "new"), &file);
    put(&db, "damaged", good, "new")?;
    put(&db, "whole", "new", "v")?;
    assert!(!db.stats().poisoned);
    db.close()?;
    let db = Database::open(&root)?;
    assert_eq!(keys(&db, "whole")?, ["new", "old"]);
    assert_eq!(db.snapshot()?.store("damaged")?.find(good)?.as_deref(), Some(&b"new"[..]));
    assert_names(db.snapshot()?.store("damaged")?.find(bad), &file);
    Ok(())
}

/// It was read, with its checksum, in order to find out whether it is there.
#[test]
fn a_long_value_is_not_read_to_see_whether_it_is_there() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("db");
    let db = Database::open(&root)?;
    let tx = db.begin()?;
    tx.create_store("s", &StoreOptions::default())?.add("long", vec![7; 100_000])?;
    tx.commit()?;
    db.close()?;
    let segments = OsDisk.list(&root.join("seg")).expect("a folder");
    let longest = segments.into_iter().max_by_key(|entry| entry.len).expect("a segment");
    flip(&root.join("seg").join(longest.name), 50_000);

    let db = Database::open(&root)?;
    let tx = db.begin()?;
    let store = tx.store("s")?;
    assert!(matches!(store.find("long"), Err(Error::Corrupt { .. })));
    assert!(store.contains("long")? && store.require("long")?);
    assert!(store.remove("long")?);
    assert_eq!(store.len()?, 0);
    tx.commit()?;
    assert_well(&db)
}
