//! The work of one thread of a worker.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use fastrand::Rng;
use rustix::time::{ClockId, clock_gettime};
use sop_core::{Database, Error, Result};

use super::{words::Word, worker::say};
use crate::{
    Outcome,
    history::{Fate, Lists, Operation, steps},
    ledger,
};

/// A thread that commits.
pub(super) struct Shift<'a> {
    db: &'a Database,
    lists: &'a Lists,
    /// Whose rows it writes.
    writer: usize,
    /// Under which number its transactions are known.
    process: usize,
    random: Rng,
}

impl<'a> Shift<'a> {
    pub(super) fn new(
        db: &'a Database,
        lists: &'a Lists,
        (writer, process): (usize, usize),
        seed: u64,
    ) -> Self {
        Self { db, lists, writer, process, random: Rng::with_seed(seed) }
    }

    /// Works until it is time to rest. Fails with what a user of the database should never see.
    pub(super) fn work(&mut self, rest: &AtomicBool) -> Outcome {
        let mut rows = ledger::latest(self.db, self.writer)?;
        say(&Word::Found { writer: self.writer, rows })?;
        while !rest.load(Ordering::SeqCst) {
            match self.random.u8(..10) {
                0 => self.audit()?,
                1..5 => rows = self.row(rows + 1)?,
                5 => self.transaction(Self::look)?,
                _ => self.transaction(Self::change)?,
            }
        }
        Ok(())
    }

    /// Writes a row, with money moved beside it. Says how many rows there are then.
    fn row(&mut self, row: u64) -> Outcome<u64> {
        let done = ledger::step(self.db, self.writer, row, &mut self.random);
        if let Err(error) = done {
            excuse(error)?;
            // What is unknown is settled before anything new is seen.
            self.db.follow()?;
            if ledger::latest(self.db, self.writer)? < row {
                return Ok(row - 1);
            }
        }
        say(&Word::Row { writer: self.writer, row })?;
        Ok(row)
    }

    fn audit(&self) -> Outcome {
        match ledger::audit(self.db) {
            Ok(()) => Ok(say(&Word::Audited)?),
            Err(error) => excuse(error),
        }
    }

    /// Does something with lists, and tells of it before and after it commits.
    fn transaction(
        &mut self,
        make: fn(&mut Self, &mut Vec<Operation>) -> Result<Option<sop_core::Transaction>>,
    ) -> Outcome {
        let begin = moment();
        let mut operations = Vec::new();
        let made = make(self, &mut operations);
        let process = self.process;
        say(&Word::Tried { process, begin, operations })?;
        let result = made.and_then(|transaction| {
            transaction.map_or(Ok(()), |transaction| transaction.commit().map(drop))
        });
        let fate = match &result {
            Ok(()) => Fate::Committed,
            Err(Error::CommitUnknown { .. }) => Fate::Unknown,
            Err(_) => Fate::Aborted,
        };
        say(&Word::Ended { process, end: moment(), fate })?;
        match result {
            Err(error) if !matches!(error, Error::Conflict(_)) => excuse(error),
            _ => Ok(()),
        }
    }

    fn look(&mut self, operations: &mut Vec<Operation>) -> Result<Option<sop_core::Transaction>> {
        self.db.follow()?;
        let snapshot = self.db.snapshot()?;
        for _ in 0..steps(&mut self.random) {
            self.lists.look(&mut self.random, &snapshot, operations)?;
        }
        Ok(None)
    }

    fn change(&mut self, operations: &mut Vec<Operation>) -> Result<Option<sop_core::Transaction>> {
        let transaction = self.db.begin()?;
        for _ in 0..steps(&mut self.random) {
            self.lists.step(&mut self.random, &transaction, operations)?;
            thread::yield_now();
        }
        Ok(Some(transaction))
    }
}

/// Accepts what whoever is stopped for long has to expect, and says so.
fn excuse(error: Error) -> Outcome {
    match error {
        Error::CommitUnknown { .. } | Error::SnapshotTooOld => {
            Ok(say(&Word::Excused(error.to_string()))?)
        }
        error => Err(error)?,
    }
}

/// Now, by a clock that all processes of a machine have in common, in nanoseconds.
fn moment() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let nanoseconds = now.tv_sec * 1_000_000_000 + now.tv_nsec;
    u64::try_from(nanoseconds).expect("invariant: the clock begins at zero")
}
