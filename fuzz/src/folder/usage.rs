//! What somebody does with a database: opens it, reads all ways, writes, maintains, opens again.

use std::{path::Path, sync::Arc};

use sop_core::{
    Builder, Clock, Database, Disk, Durability, Kind, MemoryDisk, Mode, Options, Result, Snapshot,
    StoreOptions, SystemClock,
};
use sop_tests::Image;

use super::DATABASE;

const FOLDER: &str = "db";

/// Entries that are read of a store, each way.
const ENTRIES_MAX: usize = 500;

/// No checkpoint is written unless it is asked for, so that equal inputs do equal things.
fn builder(disk: Arc<dyn Disk>) -> Builder {
    let options = Options::default().log_file_bytes(64 << 10);
    Database::builder()
        .disk(disk)
        .clock(Arc::new(FixedIdentity(SystemClock::default())))
        .options(options)
}

/// A clock whose random numbers are the identity of all databases here.
#[derive(Debug)]
struct FixedIdentity(SystemClock);

impl Clock for FixedIdentity {
    fn now(&self) -> std::time::Duration {
        self.0.now()
    }

    fn random(&self) -> [u8; 16] {
        DATABASE
    }
}

/// A small database with trees of two levels, long values, a bulk load and a log behind a
/// checkpoint, as files.
///
/// # Errors
/// If the disk in memory fails.
pub fn sample() -> std::io::Result<Image> {
    let disk = Arc::new(MemoryDisk::default());
    write_sample(disk.clone()).map_err(std::io::Error::other)?;
    Image::take(&*disk, Path::new(FOLDER))
}

fn write_sample(disk: Arc<dyn Disk>) -> Result<()> {
    let db = builder(disk).open(FOLDER)?;
    let small = StoreOptions::default().node_size(1_024);
    let tx = db.begin()?;
    let rows = tx.open_store("rows", &small)?;
    for row in 0..40_u32 {
        rows.add(format!("row {row:02}"), vec![b'v'; 40])?;
    }
    rows.add("long", vec![b'l'; 700])?;
    tx.bulk_load("loaded", &small, (0..8_u8).map(|row| ([row], [b'x'; 300])))?;
    tx.commit()?;
    db.checkpoint()?;
    drop(db);
    Ok(())
}

fn put(image: &Image) -> Arc<MemoryDisk> {
    let disk = Arc::new(MemoryDisk::default());
    let top = Path::new(FOLDER);
    for folder in ["log", "man", "seg", "tmp"] {
        disk.create_dir_all(&top.join(folder)).expect("a disk in memory does not fail");
    }
    image.put(&*disk, top).expect("a disk in memory does not fail");
    disk
}

/// Opens a folder, to read and write and only to read.
pub(super) fn opens(image: &Image) {
    let disk = put(image);
    drop(builder(disk.clone()).open(FOLDER));
    drop(builder(disk).options(Options::default().mode(Mode::NoCheck)).open(FOLDER));
}

/// Opens a folder and does everything with it. Whatever ends in an error is given up.
pub(super) fn open_and_use(image: &Image) {
    let disk = put(image);
    if let Ok(db) =
        builder(disk.clone()).options(Options::default().mode(Mode::NoCheck)).open(FOLDER)
    {
        drop(read(&db));
    }
    let Ok(db) = builder(disk.clone()).open(FOLDER) else { return };
    drop(read(&db));
    drop(write(&db));
    drop(db.checkpoint());
    drop(drop_a_store(&db));
    drop(db.compact());
    drop(read(&db));
    drop(db.close());
    match builder(disk).open(FOLDER) {
        Ok(db) => drop(read(&db)),
        Err(error) => assert_ne!(error.kind(), Kind::Invalid, "{error:?}"),
    }
}

fn read(db: &Database) -> Result<()> {
    db.stats();
    let report = db.check()?;
    drop(report.problems);
    let snapshot = db.snapshot()?;
    for info in snapshot.stores()? {
        // One store that cannot be read says nothing about the others.
        drop(read_store(&snapshot, &info.name));
    }
    Ok(())
}

fn read_store(snapshot: &Snapshot, name: &str) -> Result<()> {
    let store = snapshot.store(name)?;
    store.len()?;
    drop(store.stats());
    for entry in store.iter()?.take(ENTRIES_MAX) {
        let Ok((key, _)) = entry else { break };
        drop(store.find(&key));
        drop(store.count(..key));
    }
    let mut cursor = store.cursor()?;
    for _ in 0..ENTRIES_MAX {
        if !cursor.prev()? {
            break;
        }
    }
    store.count_prefix("r").map(drop)
}

fn write(db: &Database) -> Result<()> {
    let names: Vec<_> = db.snapshot()?.stores()?.into_iter().map(|info| info.name).collect();
    for name in names.iter().take(3) {
        drop(write_store(db, name));
    }
    let tx = db.begin()?;
    tx.open_store("new", &StoreOptions::default())?.upsert("key", "value")?;
    tx.commit().map(drop)
}

fn write_store(db: &Database, name: &str) -> Result<()> {
    let tx =
        db.begin_with(sop_core::TransactionOptions::default().durability(Durability::Eventual))?;
    let store = tx.store(name)?;
    let keys = store.iter()?.take(ENTRIES_MAX).map_while(|entry| entry.ok().map(|(key, _)| key));
    let keys: Vec<_> = keys.collect();
    for (index, key) in keys.iter().enumerate() {
        match index % 4 {
            0 => drop(store.remove(key)?),
            1 => store.upsert(key, vec![b'n'; 50 * index % 3_000])?,
            2 => store.upsert([key, &b"new"[..]].concat(), "value")?,
            _ => {}
        }
    }
    store.upsert("m", [b'm'; 300])?;
    tx.commit().map(drop)
}

fn drop_a_store(db: &Database) -> Result<()> {
    let Some(info) = db.snapshot()?.stores()?.into_iter().next() else { return Ok(()) };
    let tx = db.begin()?;
    tx.drop_store(&info.name)?;
    tx.commit().map(drop)
}
