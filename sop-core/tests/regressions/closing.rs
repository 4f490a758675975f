//! What lives longer than the database it belongs to, and who waits while it is closed.

use std::{
    future::Future as _,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use sop_core::{
    Call, Clock, Database, Disk, Error, FaultyDisk, MemoryDisk, Options, OsDisk, Result,
    StoreOptions, SystemClock,
};

use super::{Alarm, FOR_EVER, assert_well, keys, put};

fn names(folder: &Path) -> Vec<String> {
    let entries = OsDisk.list(folder).expect("a folder").into_iter();
    entries.map(|entry| entry.name.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_bulk_load_that_outlives_its_database_deletes_nothing_of_the_next() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (root, options) = (folder.path().join("db"), StoreOptions::default());
    let db = Database::open(&root)?;
    let old = db.begin()?;
    old.bulk_load("l", &options, (0..1_000_u32).map(|key| (key.to_be_bytes(), [0; 50])))?;
    db.close()?;
    // The next one removes what nobody committed, and gives its number out again.
    let db = Database::open(&root)?;
    let tx = db.begin()?;
    tx.open_store("s", &options)?.add("key", "value")?;
    tx.commit()?;
    db.checkpoint()?;
    let segments = names(&root.join("seg"));
    assert_eq!(segments.len(), 1);
    let refused = old.bulk_load("m", &options, [("key", "value")]);
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
    let refused = old.commit();
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
    assert_eq!(names(&root.join("seg")), segments);
    db.close()?;
    let db = Database::open(&root)?;
    assert_eq!(keys(&db, "s")?, ["key"]);
    assert_well(&db)
}

#[test]
fn a_snapshot_that_outlives_its_database_stays_whole_and_deletes_nothing() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("db");
    let db = Database::open(&root)?;
    let rewrite = |db: &Database, round: u8| -> Result<()> {
        let tx = db.begin()?;
        let store = tx.open_store("s", &StoreOptions::default())?;
        // In an order that touches all leaves, so that segments become sparse.
        for number in (0..3_000_u32).map(|number| number * 7_919 % 100_003) {
            store.upsert(number.to_be_bytes(), [round; 60])?;
        }
        tx.commit()?;
        if round % 5 == 4 { db.checkpoint() } else { Ok(()) }
    };
    (0..20).try_for_each(|round| rewrite(&db, round))?;
    let held = db.snapshot()?;
    (20..30).try_for_each(|round| rewrite(&db, round))?;
    drop(db);
    let whole = || -> Result<()> {
        let mut count = 0;
        for entry in held.store("s")?.iter()? {
            assert_eq!(*entry?.1, [19; 60]);
            count += 1;
        }
        assert_eq!(count, 3_000);
        Ok(())
    };
    whole()?;
    let db = Database::open(&root)?;
    (30..40).try_for_each(|round| rewrite(&db, round))?;
    db.compact()?;
    whole()?;
    let segments = names(&root.join("seg"));
    drop(held);
    assert_eq!(names(&root.join("seg")), segments);
    assert_well(&db)?;
    db.close()?;
    assert_well(&Database::open(&root)?)
}

/// Keeps log files from getting a name while it is shut.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    shut: bool,
    /// Whether somebody stands before it.
    waited: bool,
}

impl Gate {
    fn set(&self, shut: bool) {
        self.state.lock().shut = shut;
        self.changed.notify_all();
    }

    /// Until somebody stands before the gate.
    fn until_waited(&self) {
        let mut state = self.state.lock();
        let outcome = self.changed.wait_while_for(&mut state, |state| !state.waited, FOR_EVER);
        assert!(!outcome.timed_out(), "nobody came to the gate");
    }

    fn pass(&self) {
        let mut state = self.state.lock();
        if state.shut {
            state.waited = true;
            self.changed.notify_all();
        }
        self.changed.wait_while_for(&mut state, |state| state.shut, FOR_EVER);
    }

    /// A disk in memory with this gate.
    fn disk(self: &Arc<Self>) -> Arc<dyn Disk> {
        let (gate, disk) = (Arc::clone(self), FaultyDisk::new(Arc::new(MemoryDisk::default())));
        disk.faults().judge(move |call, path| {
            if call == Call::Name && path.extension().is_some_and(|extension| extension == "log") {
                gate.pass();
            }
            None
        });
        Arc::new(disk)
    }
}

/// A clock that knows how often it was asked: the thread that leads commits for futures asks
/// whenever it wakes, and it wakes when it is told to stop.
#[derive(Debug, Default)]
struct Asked {
    clock: SystemClock,
    times: Mutex<u64>,
    changed: Condvar,
}

impl Asked {
    /// Until it was asked more often than this; gives how often.
    fn until_over(&self, before: u64) -> u64 {
        let mut times = self.times.lock();
        let outcome = self.changed.wait_while_for(&mut times, |times| *times <= before, FOR_EVER);
        assert!(!outcome.timed_out(), "nobody asked for the time");
        *times
    }
}

impl Clock for Asked {
    fn now(&self) -> Duration {
        *self.times.lock() += 1;
        self.changed.notify_all();
        self.clock.now()
    }

    fn random(&self) -> [u8; 16] {
        self.clock.random()
    }
}

#[test]
fn a_future_in_the_queue_of_a_database_that_closes_is_told_so() -> Result<()> {
    let (gate, clock) = (Arc::new(Gate::default()), Arc::new(Asked::default()));
    let options = Options::default().log_file_bytes(64 << 10);
    let builder = Database::builder().options(options).disk(gate.disk());
    let db = builder.clone().clock(Arc::clone(&clock) as Arc<dyn Clock>).open("db")?;
    let tx = db.begin()?;
    tx.create_store("s", &StoreOptions::default())?.add("filler", vec![0; 40_000])?;
    tx.commit()?;
    let asked = clock.until_over(0);
    gate.set(true);
    let (waker, listen) = Alarm::set(false);
    let mut context = Context::from_waker(&waker);
    let outcome = thread::scope(|scope| {
        // This one begins the next log file, and so leads past its last gathering up to the gate.
        let leads = scope.spawn(|| put(&db, "s", "leader", &"x".repeat(40_000)));
        gate.until_waited();
        let tx = db.begin()?;
        tx.store("s")?.upsert("late", "v")?;
        let mut late = pin!(tx.commit_async());
        assert!(late.as_mut().poll(&mut context).is_pending());
        let closes = scope.spawn(|| db.clone().close());
        // From here on nobody leads for futures any more.
        clock.until_over(asked);
        gate.set(false);
        leads.join().expect("no panic")?;
        closes.join().expect("no panic")?;
        listen.recv_timeout(FOR_EVER).expect("the future is woken");
        match late.poll(&mut context) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("woken with nothing to tell"),
        }
    });
    let db = builder.open("db")?;
    // Closing may still have led it, or have found it waiting; what it is told must be so.
    match outcome {
        Ok(_) => assert_eq!(keys(&db, "s")?, ["filler", "late", "leader"]),
        Err(Error::Closed) => assert_eq!(keys(&db, "s")?, ["filler", "leader"]),
        Err(error) => panic!("{error:?}"),
    }
    assert_well(&db)
}
