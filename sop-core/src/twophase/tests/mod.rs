//! Transactions over several databases and scripted participants.

mod clocks;
mod commit;
mod forced;
mod input;
mod last;
mod lost;
mod outbox;
mod recovery;

use std::{
    collections::BTreeMap,
    future::pending,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use pollster::block_on;

use super::*;
use crate::{
    Background, Database, Error, Gtid, MemoryDisk, Options, StoreOptions, error::Result,
    sync::Mutex,
};

const NOW: Duration = Duration::ZERO;

fn open(disk: &Arc<MemoryDisk>, path: &str) -> Database {
    Database::builder().disk(Arc::clone(disk) as Arc<_>).open(path).unwrap()
}

fn manual(disk: &Arc<MemoryDisk>, path: &str) -> Database {
    let options = Options::default().background(Background::Manual);
    Database::builder().options(options).disk(Arc::clone(disk) as Arc<_>).open(path).unwrap()
}

/// So many databases on one disk.
fn databases(count: usize) -> Vec<Database> {
    let disk = Arc::new(MemoryDisk::default());
    (0..count).map(|number| open(&disk, &format!("/{number}"))).collect()
}

fn managing(databases: &[Database]) -> TransactionManagerBuilder {
    let builder = TransactionManager::builder();
    databases.iter().fold(builder, |builder, db| builder.database(db).unwrap())
}

fn write(tx: &crate::Transaction, key: &str, value: &str) {
    tx.open_store("s", &StoreOptions::default()).unwrap().upsert(key, value).unwrap();
}

fn value(db: &Database, key: &str) -> Option<String> {
    let now = db.snapshot().unwrap();
    let found = now.store("s").ok()?.find(key).unwrap()?;
    Some(String::from_utf8(found.to_vec()).unwrap())
}

/// A transaction that writes a key to all of them; the first decides.
fn writing(manager: &TransactionManager, dbs: &[Database], key: &str) -> GlobalTransaction {
    let mut global = manager.begin(&dbs[0]).unwrap();
    write(global.home(), key, "new");
    for db in &dbs[1..] {
        write(global.enlist(db).unwrap(), key, "new");
    }
    global
}

/// Where the key is. Nothing is to be in doubt.
fn holders(dbs: &[Database], key: &str) -> Vec<bool> {
    for db in dbs {
        assert_eq!(db.in_doubt().unwrap(), []);
        assert_eq!(db.prepared().unwrap(), []);
    }
    dbs.iter().map(|db| value(db, key).is_some()).collect()
}

/// Polls a future so often, letting the databases work in between; its outcome, if there is one.
fn run_for<F: Future>(
    future: std::pin::Pin<&mut F>,
    dbs: &[Database],
    polls: usize,
) -> Option<F::Output> {
    let (mut future, mut context) = (future, Context::from_waker(Waker::noop()));
    for _ in 0..polls {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
            return Some(outcome);
        }
        for db in dbs {
            while db.work().unwrap().is_some() {}
        }
    }
    None
}

fn run<T>(future: impl Future<Output = T>, dbs: &[Database]) -> T {
    run_for(pin!(future), dbs, 1_000).expect("it ends")
}

/// What a [`Till`] does when it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    Refuses,
    Conflicts,
    Panics,
    Hangs,
    /// Does it, and says that it has failed.
    Lies,
    /// Says that it has done it, and has not.
    Forgets,
}

/// A resource with branches in memory.
#[derive(Debug, Default)]
struct Till {
    name: String,
    /// Branches, and whether they are prepared.
    branches: Mutex<BTreeMap<Gtid, bool>>,
    committed: Mutex<Vec<Gtid>>,
    /// By the name of the call.
    moods: Mutex<BTreeMap<&'static str, Mood>>,
    read_only: bool,
}

impl Till {
    fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), ..Self::default() })
    }

    fn begin(&self, gtid: &Gtid) {
        self.branches.lock().insert(*gtid, false);
    }

    fn set(&self, call: &'static str, mood: Mood) {
        self.moods.lock().insert(call, mood);
    }

    async fn call<T>(
        &self,
        name: &'static str,
        nothing: T,
        work: impl FnOnce() -> T,
    ) -> std::result::Result<T, ParticipantError> {
        let mood = self.moods.lock().get(name).copied().unwrap_or_default();
        match mood {
            Mood::Well => Ok(work()),
            Mood::Refuses => Err(ParticipantError::refused("no")),
            Mood::Conflicts => Err(ParticipantError::conflict("too late")),
            Mood::Panics => panic!("the participant's own fault"),
            Mood::Hangs => pending().await,
            Mood::Lies => {
                work();
                Err(ParticipantError::unknown("who knows"))
            }
            Mood::Forgets => Ok(nothing),
        }
    }
}

#[async_trait]
impl Participant for Till {
    fn name(&self) -> &str {
        &self.name
    }

    async fn prepare(&self, gtid: &Gtid) -> std::result::Result<Vote, ParticipantError> {
        self.call("prepare", Vote::Prepared, || {
            if self.read_only {
                self.branches.lock().remove(gtid);
                return Vote::ReadOnly;
            }
            self.branches.lock().insert(*gtid, true);
            Vote::Prepared
        })
        .await
    }

    async fn commit(&self, gtid: &Gtid) -> std::result::Result<(), ParticipantError> {
        self.call("commit", (), || {
            if self.branches.lock().remove(gtid).is_some() {
                self.committed.lock().push(*gtid);
            }
        })
        .await
    }

    async fn rollback(&self, gtid: &Gtid) -> std::result::Result<(), ParticipantError> {
        self.call("rollback", (), || {
            self.branches.lock().remove(gtid);
        })
        .await
    }

    async fn recover(&self) -> std::result::Result<Vec<Gtid>, ParticipantError> {
        let prepared = || {
            let branches = self.branches.lock();
            branches.iter().filter(|(_, prepared)| **prepared).map(|(gtid, _)| *gtid).collect()
        };
        self.call("recover", Vec::new(), prepared).await
    }

    async fn commit_one_phase(&self, gtid: &Gtid) -> std::result::Result<(), ParticipantError> {
        self.commit(gtid).await
    }
}
