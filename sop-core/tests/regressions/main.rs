//! Faults that the engine once had: one test for each, named for what went wrong.

mod closing;
mod conflicts;
mod damage;
mod folders;
mod handles;
mod hostile;
mod panics;
mod power;

use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    task::{Wake, Waker},
    time::Duration,
};

use sop_core::{Access, Conflict, Database, Disk, Error, OsDisk, Result, StoreOptions};

/// Nothing takes as long as this but what will never come.
const FOR_EVER: Duration = Duration::from_secs(60);

/// A database in memory that has these stores, each with these keys.
fn with_stores(stores: &[(&str, &[&str])]) -> Result<Database> {
    let db = Database::builder().in_memory()?;
    let tx = db.begin()?;
    for (name, keys) in stores {
        let store = tx.create_store(name, &StoreOptions::default())?;
        keys.iter().try_for_each(|key| store.add(key, "old"))?;
    }
    tx.commit()?;
    Ok(db)
}

/// Writes one key in a transaction of its own.
fn put(db: &Database, store: &str, key: &str, value: &str) -> Result<()> {
    let tx = db.begin()?;
    tx.store(store)?.upsert(key, value)?;
    tx.commit().map(drop)
}

/// The keys of a store, as they are now.
fn keys(db: &Database, store: &str) -> Result<Vec<String>> {
    let text = |key: Vec<u8>| String::from_utf8(key).expect("a key that is text");
    db.snapshot()?.store(store)?.iter()?.map(|entry| Ok(text(entry?.0))).collect()
}

/// That the database goes on: it takes commits, and everything that is stored is sound.
fn assert_well(db: &Database) -> Result<()> {
    assert!(!db.stats().poisoned);
    let tx = db.begin()?;
    tx.open_store("is it well", &StoreOptions::default())?.upsert("well", "yes")?;
    tx.commit()?;
    assert_eq!(db.check()?.problems, Vec::<String>::new());
    Ok(())
}

/// The conflict that a commit ended in.
#[track_caller]
fn conflict<T: std::fmt::Debug>(outcome: Result<T>) -> Conflict {
    match outcome {
        Err(Error::Conflict(conflict)) => conflict,
        other => panic!("a conflict was to be expected, not {other:?}"),
    }
}

/// Says that it was woken, and panics then if it is told to.
struct Alarm {
    woken: mpsc::Sender<()>,
    panics: bool,
}

impl Alarm {
    /// A waker, and where it says so.
    fn set(panics: bool) -> (Waker, mpsc::Receiver<()>) {
        let (woken, listen) = mpsc::channel();
        (Arc::new(Self { woken, panics }).into(), listen)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        // Nobody may listen any more.
        self.woken.send(()).ok();
        if self.panics {
            resume_unwind(Box::new("the waker's panic"));
        }
    }
}

/// What is in a folder and all below it: names, with the bytes of what is a file.
fn content(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in OsDisk.list(folder).expect("a folder") {
        let path = folder.join(entry.name);
        if entry.is_dir {
            found.push((path.clone(), None));
            found.extend(content(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            found.push((path, Some(bytes)));
        }
    }
    found
}

/// Changes one byte of a file, as a failing disk would.
fn flip(path: &Path, offset: u64) {
    let file = OsDisk.open(path, Access::Write).expect("a file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("a byte");
    file.write_all_at(&[byte[0] ^ 1], offset).expect("a byte");
}
