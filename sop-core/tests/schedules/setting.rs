//! What the tests need around the engine: a small database, time that passes when it is asked for,
//! and a disk that counts its syncs and fails when it is told to.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shuttle::thread;
use sop_core::{
    Builder, Call, Clock, Commit, Database, Disk, Fault, FaultyDisk, MemoryDisk, Options, Result,
    Snapshot, StoreOptions, Transaction,
};

/// The one store that most tests use.
pub(crate) const STORE: &str = "s";

/// Smallest nodes, so that few entries make a tree.
pub(crate) fn small_nodes() -> StoreOptions {
    StoreOptions::default().node_size(1 << 10)
}

/// Time passes by looking at it, a millisecond each time.
#[derive(Debug, Default)]
pub(crate) struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

/// What happens to the files of the log. The counters are the standard library's on purpose:
/// looking at them is no step at which others may go on.
#[derive(Debug)]
pub(crate) struct Log {
    synced: AtomicU64,
    /// How many syncs succeed.
    failing_after: AtomicU64,
}

impl Log {
    /// How often a log file was synced so far.
    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Relaxed)
    }

    /// From now on only so many more syncs succeed.
    pub(crate) fn fail_after(&self, syncs: u64) {
        self.failing_after.store(self.synced() + syncs, Ordering::Relaxed);
    }

    fn sync(&self) -> Option<Fault> {
        if self.synced() >= self.failing_after.load(Ordering::Relaxed) {
            return Some(Fault::Error(ErrorKind::Other));
        }
        // Others may go on while the disk is busy.
        thread::yield_now();
        self.synced.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// A disk that tells of what happens to the log.
    fn watched(self: &Arc<Self>, disk: &MemoryDisk) -> FaultyDisk {
        let (log, disk) = (Arc::clone(self), FaultyDisk::new(Arc::new(disk.clone())));
        disk.faults().judge(move |call, path| {
            let is_log = path.extension().is_some_and(|extension| extension == "log");
            if call == Call::Sync && is_log { log.sync() } else { None }
        });
        disk
    }
}

/// A small database on such a disk.
pub(crate) struct Setting {
    pub(crate) db: Database,
    pub(crate) log: Arc<Log>,
    disk: MemoryDisk,
    builder: Builder,
}

impl Setting {
    /// With a store that has these keys, each with the value 0. Everything is synced.
    pub(crate) fn new(keys: &[&str]) -> Self {
        Self::with(Options::default(), keys)
    }

    pub(crate) fn with(options: Options, keys: &[&str]) -> Self {
        let failing_after = AtomicU64::new(u64::MAX);
        let log = Arc::new(Log { synced: AtomicU64::new(0), failing_after });
        let disk = MemoryDisk::default();
        let watched = log.watched(&disk);
        let builder = Database::builder().options(options.log_file_bytes(64 << 10));
        let builder = builder.disk(Arc::new(watched)).clock(Arc::<Ticking>::default());
        let db = builder.clone().open("db").expect("a new database");
        let tx = db.begin().expect("an open database");
        let store = tx.create_store(STORE, &small_nodes()).expect("a new store");
        for key in keys {
            store.add(key, [0]).expect("a new key");
        }
        tx.commit().expect("a first commit");
        Self { db, log, disk, builder }
    }

    /// How many segments are on the disk.
    pub(crate) fn segment_files(&self) -> u64 {
        self.disk.list(Path::new("db/seg")).expect("a folder").len() as u64
    }

    /// Lets go of the database, opens it anew, and gives what it holds.
    pub(crate) fn reopened(self) -> Contents {
        self.log.fail_after(u64::MAX >> 1);
        self.let_go().opened()
    }

    /// Drops this handle of the database. Others may have theirs.
    pub(crate) fn let_go(self) -> Folder {
        Folder(self.builder)
    }
}

/// A folder with a database in it.
pub(crate) struct Folder(Builder);

impl Folder {
    /// Opens the database, which nobody may have open any more, and gives what it holds.
    pub(crate) fn opened(self) -> Contents {
        let Self(builder) = self;
        let db = builder.open("db").expect("a database that can be opened again");
        assert_eq!(db.check().expect("a database that can be read").problems, Vec::<String>::new());
        contents(&db.snapshot().expect("an open database"))
    }
}

/// Keys with their values, each of one byte.
pub(crate) type Contents = BTreeMap<String, u8>;

/// All of the store, as a snapshot sees it.
pub(crate) fn contents(snapshot: &Snapshot) -> Contents {
    let entries = snapshot.store(STORE).and_then(|store| store.iter()?.collect::<Result<Vec<_>>>());
    let entries = entries.expect("a store that can be read").into_iter();
    entries.map(|(key, value)| (String::from_utf8(key).expect("text"), value[0])).collect()
}

/// A transaction that writes one key.
pub(crate) fn writing(db: &Database, key: &str, value: u8) -> Result<Transaction> {
    let tx = db.begin()?;
    tx.store(STORE)?.upsert(key, [value])?;
    Ok(tx)
}

/// Writes one key and waits until that is durable.
pub(crate) fn put(db: &Database, key: &str, value: u8) -> Result<Commit> {
    writing(db, key, value)?.commit()
}

/// Runs something in a thread of its own, with a handle of the database.
pub(crate) fn beside<T: Send + 'static>(
    db: &Database,
    work: impl FnOnce(&Database) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let db = db.clone();
    thread::spawn(move || work(&db))
}

/// What the thread gave.
pub(crate) fn joined<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().expect("no panic")
}
