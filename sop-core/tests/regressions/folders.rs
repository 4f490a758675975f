//! Folders that are no database, not yet one, or one no more.

use std::{
    io::ErrorKind::TimedOut,
    path::{Path, PathBuf},
    sync::Arc,
};

use sop_core::{Call, Database, Disk as _, Error, Fault, FaultyDisk, OsDisk, Result, StoreOptions};

use super::{assert_well, content, keys, put};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("db");
    (folder, root)
}

#[test]
fn a_folder_with_somebody_elses_log_is_left_alone() {
    let (_folder, root) = folder();
    OsDisk.create_dir_all(&root.join("log")).expect("a folder");
    std::fs::write(root.join("log/app.log"), "precious").expect("a file");
    let before = content(&root);
    let opened = Database::open(&root).map(drop);
    assert!(
        matches!(&opened, Err(Error::NotADatabase { path, .. }) if *path == root),
        "{opened:?}"
    );
    assert_eq!(content(&root), before);
}

/// Creates a database with one entry, which is in the log only unless `close`.
fn fill(root: &Path, close: bool) -> Result<()> {
    let db = Database::open(root)?;
    let tx = db.begin()?;
    tx.create_store("s", &StoreOptions::default())?.add("key", "value")?;
    tx.commit()?;
    if close { db.close() } else { Ok(()) }
}

/// That a database without its `FORMAT` is not opened nor touched, and is whole with it again.
fn assert_refused_without_format(root: &Path) -> Result<()> {
    let format = root.join("FORMAT");
    let bytes = std::fs::read(&format).expect("a file");
    OsDisk.remove(&format).expect("a file");
    let before = content(root);
    let opened = Database::open(root).map(drop);
    let unchanged = content(root) == before;
    match opened {
        Err(Error::Corrupt { path, .. }) => assert_eq!(path, format),
        other => panic!("damage was to be found, not {other:?}; unchanged: {unchanged}"),
    }
    assert!(unchanged, "files were touched");
    std::fs::write(&format, bytes).expect("a file");
    let db = Database::open(root)?;
    assert_eq!(keys(&db, "s")?, ["key"]);
    assert_well(&db)
}

#[test]
fn a_database_that_lost_its_format_file_is_not_begun_again() -> Result<()> {
    let (_folder, root) = folder();
    fill(&root, true)?;
    assert_refused_without_format(&root)
}

#[test]
fn a_database_that_lost_its_format_file_before_any_checkpoint_is_not_begun_again() -> Result<()> {
    let (_folder, root) = folder();
    fill(&root, false)?;
    assert_refused_without_format(&root)
}

#[test]
fn a_creation_that_was_interrupted_is_begun_again() -> Result<()> {
    let (_folder, root) = folder();
    drop(Database::open(&root)?);
    OsDisk.remove(&root.join("FORMAT")).expect("a file");
    for entry in OsDisk.list(&root.join("log")).expect("a folder") {
        OsDisk.remove(&root.join("log").join(entry.name)).expect("a file");
    }
    let files = content(&root).into_iter().filter_map(|(path, bytes)| bytes.and(Some(path)));
    let files: Vec<_> = files.collect();
    assert_eq!(files, [root.join("LOCK"), root.join("man/0000000000000001.man")]);
    let db = Database::open(&root)?;
    assert!(db.recovery().created);
    assert_eq!(db.snapshot()?.stores()?, []);
    assert_well(&db)?;
    put(&db, "is it well", "key", "value")?;
    db.close()?;
    let db = Database::open(&root)?;
    assert!(!db.recovery().created);
    assert_eq!(keys(&db, "is it well")?, ["key", "well"]);
    assert_well(&db)
}

#[test]
fn a_disk_that_fails_to_list_a_folder_was_called_damage() -> Result<()> {
    let (_folder, root) = folder();
    fill(&root, true)?;
    for name in ["log", "man", "seg", "tmp"] {
        let disk = FaultyDisk::new(Arc::new(OsDisk));
        let failing = root.join(name);
        disk.faults().judge(move |call, path| {
            (call == Call::Look && path == failing).then_some(Fault::Error(TimedOut))
        });
        let opened = Database::builder().disk(Arc::new(disk)).open(&root).map(drop);
        assert!(matches!(opened, Err(Error::Io { action: "list", .. })), "{name}: {opened:?}");
    }
    Ok(())
}
