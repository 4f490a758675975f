//! A database without threads of its own: what happens when its user does the work, and what
//! happens as long as nobody does.

use std::{
    io::ErrorKind,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use sop_core::{
    Background, Call, Clock, Commit, Database, Disk, Durability, Error, Fault, FaultyDisk,
    MemoryDisk, Options, Result, SimulatedDisk, StoreOptions, Transaction, TransactionOptions,
    Work,
};
use sop_tests::{Outcome, assert_sound, rows, write};

/// A clock that stands until it is told to go on.
#[derive(Debug, Default)]
struct StandingClock(AtomicU64);

impl StandingClock {
    fn pass(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

/// Checkpoints are due after every few kilobytes.
fn options() -> Options {
    Options::default()
        .background(Background::Manual)
        .checkpoint_dirty_bytes(64 << 10)
        .log_file_bytes(64 << 10)
}

fn open(disk: Arc<dyn Disk>, clock: &Arc<StandingClock>) -> Result<Database> {
    Database::builder().disk(disk).clock(clock.clone()).options(options()).open("db")
}

fn in_memory() -> Result<Database> {
    open(Arc::new(MemoryDisk::default()), &Arc::default())
}

fn prepared(db: &Database, key: &str) -> Result<Transaction> {
    prepared_with(db, key, Durability::Immediate)
}

fn prepared_with(db: &Database, key: &str, durability: Durability) -> Result<Transaction> {
    let transaction = db.begin_with(TransactionOptions::default().durability(durability))?;
    transaction.open_store("s", &StoreOptions::default())?.add(key, "value")?;
    Ok(transaction)
}

fn poll(future: Pin<&mut impl Future<Output = Result<Commit>>>) -> Poll<Result<Commit>> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn keys(db: &Database) -> Result<Vec<String>> {
    let rows = rows(db.snapshot()?.store("s")?)?;
    Ok(rows.into_keys().map(|key| String::from_utf8_lossy(&key).into_owned()).collect())
}

/// Writes until a checkpoint is due by far, as nobody does any work.
fn write_much(db: &Database) -> Outcome {
    for number in 0..200 {
        let large = |transaction: &Transaction| {
            let store = transaction.open_store("s", &StoreOptions::default())?;
            store.add(format!("{number}"), [b'v'; 1_000])
        };
        write(db, large)?;
    }
    Ok(())
}

#[test]
fn an_asynchronous_commit_waits_until_somebody_works() -> Outcome {
    let db = in_memory()?;
    let (mut one, mut two) =
        (pin!(prepared(&db, "1")?.commit_async()), pin!(prepared(&db, "2")?.commit_async()));
    assert_eq!(db.work_due_in(), None, "before it is first polled nothing happens");
    for _ in 0..3 {
        assert!(poll(one.as_mut()).is_pending() && poll(two.as_mut()).is_pending());
    }
    assert_eq!(db.work_due_in(), Some(Duration::ZERO));
    assert_eq!(db.work()?, Some(Work::Commits));
    let (Poll::Ready(one), Poll::Ready(two)) = (poll(one), poll(two)) else {
        return Err("they were led and are not done".into());
    };
    let (one, two) = (one?, two?);
    assert_eq!(one.position, two.position, "one piece of work takes all that wait");
    assert_eq!((one.index, two.index), (0, 1), "in the order in which they were polled first");
    assert_eq!((db.work()?, db.work_due_in()), (None, None));
    Ok(())
}

#[test]
fn a_commit_that_blocks_takes_along_those_that_nobody_led() -> Outcome {
    let db = in_memory()?;
    let mut waiting = pin!(prepared(&db, "1")?.commit_async());
    assert!(poll(waiting.as_mut()).is_pending());
    let blocking = prepared(&db, "2")?.commit()?;
    match poll(waiting) {
        Poll::Ready(waited) => assert_eq!(waited?.position, blocking.position),
        Poll::Pending => return Err("it was left behind".into()),
    }
    assert_eq!(db.work()?, None, "the work was done by the one who blocked");
    Ok(())
}

#[test]
fn what_is_promised_by_some_time_is_synced_by_that_time() -> Outcome {
    let clock = Arc::<StandingClock>::default();
    let db = open(Arc::new(MemoryDisk::default()), &clock)?;
    prepared_with(&db, "1", Durability::Interval(Duration::from_secs(2)))?.commit()?;
    prepared_with(&db, "2", Durability::Interval(Duration::from_secs(1)))?.commit()?;
    assert_eq!(db.work_due_in(), Some(Duration::from_secs(1)));
    clock.pass(999);
    assert_eq!((db.work()?, db.work_due_in()), (None, Some(Duration::from_millis(1))));
    assert_eq!(db.stats().durable_position, 0);
    clock.pass(1);
    assert_eq!(db.work()?, Some(Work::Sync));
    assert_eq!(db.stats().durable_position, 2);
    assert_eq!(db.work_due_in(), None, "one sync is enough for both");
    Ok(())
}

#[test]
fn checkpoints_wait_until_somebody_works_and_commits_do_not_wait_for_them() -> Outcome {
    let db = in_memory()?;
    write_much(&db)?;
    assert_eq!(db.stats().checkpoints, 0);
    assert!(db.stats().dirty_bytes > 3 * options().checkpoint_dirty_bytes, "too little");
    assert_eq!(db.work()?, Some(Work::Checkpoint));
    assert!(db.stats().checkpoints > 0);
    assert_eq!((db.work()?, db.stats().dirty_bytes), (None, 0));
    assert_sound(&db);
    Ok(())
}

#[test]
fn a_checkpoint_that_fails_is_reported_and_tried_again_half_a_second_later() -> Outcome {
    let clock = Arc::<StandingClock>::default();
    let disk = SimulatedDisk::new();
    disk.faults().judge(|call, path| {
        let is_segment = path.extension().is_some_and(|extension| extension == "seg");
        (is_segment && call == Call::Write).then_some(Fault::Error(ErrorKind::Other))
    });
    let db = open(Arc::new(disk.clone()), &clock)?;
    write_much(&db)?;
    assert!(matches!(db.work(), Err(Error::Io { .. })));
    disk.faults().clear();
    assert_eq!((db.work()?, db.work_due_in()), (None, None), "what failed is not asked for again");
    prepared(&db, "one more")?.commit()?;
    assert_eq!((db.work()?, db.work_due_in()), (None, Some(Duration::from_millis(500))));
    clock.pass(500);
    assert_eq!(db.work()?, Some(Work::Checkpoint));
    Ok(())
}

#[test]
fn the_last_handle_that_is_dropped_does_what_was_promised() -> Outcome {
    let (disk, clock) = (Arc::new(MemoryDisk::default()), Arc::default());
    let db = open(disk.clone(), &clock)?;
    {
        let mut left_alone = pin!(prepared(&db, "polled")?.commit_async());
        assert!(poll(left_alone.as_mut()).is_pending());
    }
    drop(prepared(&db, "never polled")?.commit_async());
    drop(db);
    assert_eq!(keys(&open(disk, &clock)?)?, ["polled"]);
    Ok(())
}

#[test]
fn closing_does_what_was_promised() -> Outcome {
    let (disk, clock) = (Arc::new(MemoryDisk::default()), Arc::default());
    let db = open(disk.clone(), &clock)?;
    let mut waiting = pin!(prepared(&db, "waiting")?.commit_async());
    assert!(poll(waiting.as_mut()).is_pending());
    let handle = db.clone();
    db.close()?;
    assert!(matches!(poll(waiting), Poll::Ready(Ok(_))));
    assert!(matches!(handle.work(), Err(Error::Closed)));
    assert_eq!(keys(&open(disk, &clock)?)?, ["waiting"]);
    Ok(())
}

#[test]
fn a_database_with_threads_leaves_no_work() -> Outcome {
    let db = Database::builder().in_memory()?;
    pollster::block_on(prepared(&db, "1")?.commit_async())?;
    assert_eq!((db.work()?, db.work_due_in()), (None, None));
    Ok(())
}

/// Commits both in one batch, while the disk is full. Both must be told that.
fn find_no_room(disk: &FaultyDisk, db: &Database, both: [Transaction; 2]) -> Outcome {
    let [winner, loser] = both;
    let (mut winner, mut loser) = (pin!(winner.commit_async()), pin!(loser.commit_async()));
    assert!(poll(winner.as_mut()).is_pending() && poll(loser.as_mut()).is_pending());
    disk.faults().set_room(Some(0));
    while db.work()?.is_some() {}
    for commit in [winner, loser] {
        let outcome = poll(commit);
        let told = matches!(outcome, Poll::Ready(Err(Error::DiskFull { .. })));
        assert!(told, "{outcome:?}");
    }
    Ok(())
}

#[test]
fn who_lost_against_a_commit_for_which_there_was_no_room_is_told_so() -> Outcome {
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
    let db = open(Arc::new(disk.clone()), &Arc::default())?;
    prepared(&db, "first")?.commit()?;
    // Longer than what the log has written ahead.
    let large = |db: &Database| {
        let transaction = prepared(db, "contested")?;
        transaction.store("s")?.upsert("large", vec![1; 300 << 10])?;
        Ok::<_, Error>(transaction)
    };
    find_no_room(&disk, &db, [large(&db)?, large(&db)?])?;
    disk.faults().set_room(None);
    large(&db)?.commit()?;
    Ok(())
}

#[test]
fn who_lost_a_name_to_a_commit_for_which_there_was_no_room_is_told_so() -> Outcome {
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
    let db = open(Arc::new(disk.clone()), &Arc::default())?;
    prepared(&db, "first")?.commit()?;
    let winner = prepared(&db, "winner")?;
    // Longer than what the log has written ahead.
    let contested = winner.open_store("contested", &StoreOptions::default())?;
    contested.upsert("large", vec![1; 300 << 10])?;
    let loser = prepared(&db, "loser")?;
    let is_missing = matches!(loser.store("contested"), Err(Error::StoreNotFound { .. }));
    assert!(is_missing);
    find_no_room(&disk, &db, [winner, loser])
}
