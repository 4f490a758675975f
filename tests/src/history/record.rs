//! Makes histories of a database: random transactions on many threads, and what they saw.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use fastrand::Rng;
use sop_core::{Database, Durability, Error, Isolation, Kind, Result, TransactionOptions};

use super::{
    Fate, History, Observed, Operation,
    lists::{Lists, steps},
};
use crate::{Outcome, Seed, together};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Where the random choices come from.
    pub seed: Seed,
    /// How many threads run transactions.
    pub threads: usize,
    /// How many transactions each thread tries.
    pub transactions: u64,
    /// Each transaction has one of these.
    pub isolations: Vec<Isolation>,
    /// Each transaction has one of these.
    pub durabilities: Vec<Durability>,
}

/// Runs the transactions of a workload, then one that reads all lists, and tells what all of them
/// saw. The database must be empty.
///
/// # Errors
/// If the database fails.
///
/// # Panics
/// If the database gives back what cannot be a list.
pub fn record(db: &Database, workload: &Workload) -> Outcome<History> {
    let recorder = Recorder::default();
    let mut transactions = recorder.run(db, workload)?;
    transactions.push(recorder.read_all(db)?);
    Ok(History { transactions })
}

/// Records one history, of one database, which may be reopened in between.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The moment now.
    now: AtomicU64,
    /// How many processes there were.
    processes: AtomicU64,
    lists: Lists,
}

/// A thread that runs transactions.
struct Process<'a> {
    recorder: &'a Recorder,
    db: &'a Database,
    workload: &'a Workload,
    random: Rng,
    number: usize,
}

impl Recorder {
    /// Runs the transactions of a workload. A thread stops early when the database stops to accept
    /// commits, or cannot read.
    ///
    /// # Errors
    /// If the database fails in a way that a failing disk does not explain.
    ///
    /// # Panics
    /// If the database gives back what cannot be a list.
    pub fn run(&self, db: &Database, workload: &Workload) -> Outcome<Vec<Observed>> {
        let first = self.processes.fetch_add(workload.threads as u64, Ordering::SeqCst);
        let observed = together(workload.threads, |thread| {
            let number = first + thread as u64;
            let random = workload.seed.stream(number);
            let number = usize::try_from(number)?;
            let mut process = Process { recorder: self, db, workload, random, number };
            Ok(process.run()?)
        })?;
        Ok(observed.concat())
    }

    /// Reads all lists, as a transaction of its own.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If the database gives back what cannot be a list.
    pub fn read_all(&self, db: &Database) -> Outcome<Observed> {
        let process = usize::try_from(self.processes.fetch_add(1, Ordering::SeqCst))?;
        let begin = self.tick();
        let operations = self.lists.read_all(&db.snapshot()?)?;
        let (isolation, fate) = (Isolation::Serializable, Fate::Committed);
        let end = self.tick();
        Ok(Observed { process, begin, end, isolation, is_fresh: true, fate, operations })
    }

    fn tick(&self) -> u64 {
        self.now.fetch_add(1, Ordering::SeqCst)
    }
}

impl Process<'_> {
    fn run(&mut self) -> Result<Vec<Observed>> {
        let mut history = Vec::new();
        for _ in 0..self.workload.transactions {
            let begin = self.recorder.tick();
            let isolation = self.choose(&self.workload.isolations.clone());
            let mut operations = Vec::new();
            let result = match self.random.u8(..10) {
                0 => self.look(&mut operations).map(|()| true),
                _ => self.transaction(isolation, &mut operations),
            };
            let fate = match &result {
                Ok(true) => Fate::Committed,
                Err(Error::CommitUnknown { .. }) => Fate::Unknown,
                Ok(false) | Err(_) => Fate::Aborted,
            };
            let (process, end) = (self.number, self.recorder.tick());
            let is_fresh = true;
            history.push(Observed { process, begin, end, isolation, is_fresh, fate, operations });
            match result.as_ref().map_err(Error::kind) {
                Err(Kind::Io | Kind::Reopen) => break,
                Ok(_) | Err(Kind::Conflict) => self.maintain()?,
                Err(_) => return result.map(|_| history),
            }
        }
        Ok(history)
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(..from.len())]
    }

    /// Now and then does what usually goes on in the background.
    fn maintain(&mut self) -> Result<()> {
        let result = match self.random.u16(..2_000) {
            0..4 => self.db.checkpoint(),
            4 => self.db.compact(),
            5..15 => self.db.sync(),
            _ => Ok(()),
        };
        let is_explained = |error: &Error| matches!(error.kind(), Kind::Io | Kind::Reopen);
        if result.as_ref().is_err_and(is_explained) { Ok(()) } else { result }
    }

    /// Reads without a transaction.
    fn look(&mut self, operations: &mut Vec<Operation>) -> Result<()> {
        let snapshot = self.db.snapshot()?;
        for _ in 0..steps(&mut self.random) {
            self.recorder.lists.look(&mut self.random, &snapshot, operations)?;
        }
        Ok(())
    }

    /// Whether it committed.
    fn transaction(
        &mut self,
        isolation: Isolation,
        operations: &mut Vec<Operation>,
    ) -> Result<bool> {
        let durability = self.choose(&self.workload.durabilities.clone());
        let options = TransactionOptions::default().isolation(isolation).durability(durability);
        let transaction = self.db.begin_with(options)?;
        for _ in 0..steps(&mut self.random) {
            self.recorder.lists.step(&mut self.random, &transaction, operations)?;
            thread::yield_now();
        }
        match self.random.u8(..20) {
            0 => {
                transaction.rollback();
                Ok(false)
            }
            1..6 => pollster::block_on(transaction.commit_async()).map(|_| true),
            _ => transaction.commit().map(|_| true),
        }
    }
}
