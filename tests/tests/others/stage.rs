//! Databases of ours, on disks whose power can be cut, and what moves a commit step by step.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use sop_core::{
    Background, Database, GlobalTransaction, Options, Result, SimulatedDisk, StoreOptions,
    Survival, Transaction, TransactionManager, TransactionManagerBuilder,
};

const STORE: &str = "orders";

/// Databases that do nothing by themselves.
pub(crate) struct Stage {
    disks: Vec<SimulatedDisk>,
    pub(crate) dbs: Vec<Database>,
}

/// What becomes of a future that is polled a few times only.
pub(crate) type Running<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

/// After so many times that one of the databases had something to do, before or after the last was
/// done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) steps: usize,
    pub(crate) is_done: bool,
}

impl Moment {
    /// The first ones.
    pub(crate) fn first(steps: usize) -> impl Iterator<Item = Self> {
        (0..steps).flat_map(|steps| [false, true].map(|is_done| Self { steps, is_done }))
    }
}

fn open(disk: &SimulatedDisk) -> Result<Database> {
    let options = Options::default().background(Background::Manual);
    Database::builder().options(options).disk(Arc::new(disk.clone())).open("/db")
}

impl Stage {
    pub(crate) fn new(count: usize) -> Result<Self> {
        let disks: Vec<_> = (0..count).map(|_| SimulatedDisk::new()).collect();
        let dbs = disks.iter().map(open).collect::<Result<Vec<_>>>()?;
        for db in &dbs {
            let tx = db.begin()?;
            tx.create_store(STORE, &StoreOptions::default())?;
            tx.commit()?;
        }
        Ok(Self { disks, dbs })
    }

    pub(crate) fn managing(&self) -> Result<TransactionManagerBuilder> {
        let mut builder = TransactionManager::builder();
        for db in &self.dbs {
            builder = builder.database(db)?;
        }
        Ok(builder)
    }

    /// The power of all of them fails.
    pub(crate) fn crash(&mut self) -> Result<()> {
        for (disk, db) in self.disks.iter_mut().zip(&mut self.dbs) {
            *disk = disk.cut_now(Survival::Nothing);
            *db = open(disk)?;
        }
        Ok(())
    }

    pub(crate) fn work(&self) -> Result<()> {
        self.dbs.iter().try_for_each(|db| {
            while db.work()?.is_some() {}
            Ok(())
        })
    }

    /// A transaction that writes a key to all of them.
    pub(crate) fn writing(
        &self,
        manager: &TransactionManager,
        key: &str,
    ) -> Result<GlobalTransaction> {
        let mut global = manager.begin(&self.dbs[0])?;
        let write = |tx: &Transaction| tx.store(STORE)?.upsert(key, "1");
        for db in &self.dbs {
            write(global.enlist(db)?)?;
        }
        Ok(global)
    }

    /// Which of them have the key. Nothing may be left over.
    pub(crate) fn holders(&self, key: &str) -> Result<Vec<bool>> {
        for db in &self.dbs {
            assert_eq!(db.in_doubt()?, []);
            assert_eq!(db.prepared()?, []);
        }
        self.dbs.iter().map(|db| db.snapshot()?.store(STORE)?.contains(key)).collect()
    }

    /// Takes a future as far as it gets until one of the databases has something to do, or to its
    /// end. Others are waited for.
    pub(crate) async fn step<T>(&self, future: &mut Running<'_, T>) -> Option<T> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if self.is_due() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Takes a future to a moment, or to its end.
    pub(crate) async fn go_on<T>(
        &self,
        future: &mut Running<'_, T>,
        moment: Moment,
    ) -> Result<Option<T>> {
        for step in 0..=moment.steps {
            if let Some(outcome) = self.step(future).await {
                return Ok(Some(outcome));
            }
            if step < moment.steps || moment.is_done {
                self.work()?;
            }
        }
        Ok(None)
    }

    fn is_due(&self) -> bool {
        let is_due = |db: &Database| db.work_due_in() == Some(std::time::Duration::ZERO);
        self.dbs.iter().any(is_due)
    }

    pub(crate) async fn run<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let mut future: Running<'_, T> = Box::pin(future);
        loop {
            if let Some(outcome) = self.step(&mut future).await {
                return Ok(outcome);
            }
            self.work()?;
        }
    }

    /// Polls once, and leaves it at whatever it is waiting for then.
    pub(crate) fn poll<T>(future: &mut Running<'_, T>) -> Option<T> {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }
}
