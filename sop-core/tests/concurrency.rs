//! Many threads at once: writers that merge, readers that hold on to old states, checkpoints
//! underneath.

use std::{
    future::Future as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use sop_core::{Database, Error, MemoryDisk, Options, Result, StoreOptions, TransactionOptions};

const ACCOUNTS: u64 = 200;
const START: u64 = 1_000;

fn open() -> Result<Database> {
    let options = Options::default().checkpoint_log_bytes(100_000).log_file_bytes(64 << 10);
    Database::builder().options(options).disk(Arc::new(MemoryDisk::default())).open("db")
}

fn key(number: u64) -> String {
    format!("account-{number:04}")
}

fn amount(bytes: Option<&[u8]>) -> u64 {
    bytes.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes).expect("an amount")
}

fn transfer(db: &Database, from: u64, to: u64) -> Result<()> {
    loop {
        let tx = db.begin()?;
        let store = tx.store("bank")?;
        let (a, b) = (store.find(key(from))?, store.find(key(to))?);
        let (a, b) = (amount(a.as_deref()), amount(b.as_deref()));
        if a > 0 && from != to {
            store.update(key(from), (a - 1).to_le_bytes())?;
            store.update(key(to), (b + 1).to_le_bytes())?;
        }
        match tx.commit() {
            Err(Error::Conflict(_)) => {}
            other => return other.map(drop),
        }
    }
}

fn total(db: &Database) -> Result<u64> {
    let snapshot = db.snapshot()?;
    let mut sum = 0;
    for entry in snapshot.store("bank")?.iter()? {
        sum += amount(Some(&entry?.1));
    }
    Ok(sum)
}

/// Sums over and over, holding on to the states of some of the rounds.
fn read_until(db: &Database, done: &AtomicBool) -> Result<()> {
    let mut held = Vec::new();
    while !done.load(Ordering::Relaxed) {
        assert_eq!(total(db)?, ACCOUNTS * START);
        held.push(db.snapshot()?);
        if held.len() > 20 {
            held.remove(7);
        }
    }
    Ok(())
}

#[test]
fn transfers_keep_the_sum_in_every_snapshot() -> Result<()> {
    let db = open()?;
    let tx = db.begin()?;
    let bank = tx.create_store("bank", &StoreOptions::default().node_size(1 << 10))?;
    for number in 0..ACCOUNTS {
        bank.add(key(number), START.to_le_bytes())?;
    }
    tx.commit()?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..6_u64)
            .map(|writer| {
                let db = &db;
                scope.spawn(move || {
                    for step in 0..1_500_u64 {
                        let from = (writer * 31 + step * 7) % ACCOUNTS;
                        let to = (writer * 17 + step * 13) % ACCOUNTS;
                        transfer(db, from, to)?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .collect();
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| read_until(&db, &done))).collect();
        writers.into_iter().try_for_each(|thread| thread.join().expect("no panic"))?;
        done.store(true, Ordering::Relaxed);
        readers.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    assert_eq!(total(&db)?, ACCOUNTS * START);
    assert_eq!(db.check()?.problems, Vec::<String>::new());
    assert!(db.stats().checkpoints > 0, "checkpoints ran underneath");
    Ok(())
}

#[test]
fn disjoint_writers_never_conflict() -> Result<()> {
    let db = open()?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..16_u64)
            .map(|thread| {
                let db = &db;
                scope.spawn(move || {
                    for step in 0..200_u64 {
                        let tx = db.begin_with(TransactionOptions::default())?;
                        let store = tx.open_store("s", &StoreOptions::default())?;
                        store.add(format!("{:05}", step * 16 + thread), vec![b'x'; 50])?;
                        tx.commit()?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    assert_eq!(db.snapshot()?.store("s")?.len()?, 3_200);
    assert_eq!(db.stats().conflicts, 0);
    assert_eq!(db.check()?.problems, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_commit_future_is_woken_without_a_runtime() -> Result<()> {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let db = open()?;
    for step in 0..100_u64 {
        let tx = db.begin()?;
        tx.open_store("s", &StoreOptions::default())?.add(step.to_be_bytes(), b"v")?;
        let mut future = std::pin::pin!(tx.commit_async());
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut context = std::task::Context::from_waker(&waker);
        let commit = loop {
            match future.as_mut().poll(&mut context) {
                std::task::Poll::Ready(outcome) => break outcome?,
                std::task::Poll::Pending => thread::park(),
            }
        };
        assert_eq!(commit.position, step + 1);
    }
    assert_eq!(db.snapshot()?.store("s")?.len()?, 100);
    Ok(())
}
