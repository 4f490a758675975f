//! What a process does while it is there: transactions, several at a time, snapshots, checkpoints.
//!
//! It is written as if it were alone. Others take their turn whenever it is at the disk, and between
//! its steps. What it does in transactions is in [`writing`](super::writing), what it reads besides in
//! [`reading`](super::reading).

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{CommitFuture, Database, Error, Kind, Result, Work as Task};

use super::{
    book::{Book, Stint, Ticket},
    history::History,
    machine::Luck,
    plan::Plan,
    turns::{Order, Turn},
};
use crate::simulation::{
    flight::InFlight,
    surroundings::{happens, happens_rarely},
    transactions::{Reader, Work as Writer},
    world::Outcome,
};

/// Snapshots that a process holds at most.
pub(super) const READERS_MAX: usize = 3;

/// What all processes of a run share, and what of it is this one's.
#[derive(Clone)]
pub(super) struct Circumstances {
    pub(super) plan: Arc<Plan>,
    pub(super) book: Arc<Book>,
    /// What goes wrong on its machine.
    pub(super) luck: Arc<Luck>,
    pub(super) turn: Arc<Turn>,
    /// The log, as the server sees it.
    pub(super) log: Arc<Mutex<History>>,
    /// The newest position that the process knows of, for those who look at it from outside.
    pub(super) known: Arc<AtomicU64>,
}

/// Something that is open, and the session that it is open in.
pub(super) struct Open<T> {
    pub(super) work: T,
    pub(super) stint: Stint,
}

/// A process with a handle of the database.
pub(super) struct Process {
    pub(super) around: Circumstances,
    pub(super) random: Rng,
    pub(super) db: Database,
    pub(super) writers: Vec<Open<Writer>>,
    pub(super) readers: Vec<Open<Reader>>,
    pub(super) in_flight: Vec<InFlight<CommitFuture, Ticket>>,
    /// Tells it from all others.
    pub(super) number: u64,
    /// Sessions that have nothing open.
    idle: Vec<u64>,
    /// The highest position that it has seen.
    pub(super) seen: u64,
    /// Whether nothing more is accepted.
    pub(super) is_broken: bool,
}

impl Process {
    pub(super) fn new(around: Circumstances, random: Rng, db: Database) -> Self {
        let (writers, readers, in_flight) = (Vec::new(), Vec::new(), Vec::new());
        let (number, idle) = (around.book.number(), Vec::new());
        let (seen, is_broken) = (0, false);
        Self { around, random, db, writers, readers, in_flight, number, idle, seen, is_broken }
    }

    /// Lives until it is told to leave, is cut off, or finds that its database accepts nothing more.
    pub(super) fn live(mut self) -> Outcome {
        while self.around.turn.pass()
            && self.around.turn.order() == Order::GoOn
            && !self.is_broken
            && !happens_rarely(&mut self.random, self.around.plan.rates.leave)
        {
            self.step()?;
            self.around.known.store(self.db.stats().position, Ordering::Relaxed);
        }
        self.end()
    }

    pub(super) fn line(&self, line: std::fmt::Arguments<'_>) {
        self.around.book.trace.line(line);
    }

    /// A session that has nothing open.
    pub(super) fn session(&mut self) -> u64 {
        self.idle.pop().unwrap_or_else(|| self.around.book.number())
    }

    /// A session has nothing open any more.
    pub(super) fn free(&mut self, session: u64) {
        self.idle.push(session);
    }

    /// An error must come from something that went wrong on this machine, or from being taken for
    /// dead.
    pub(super) fn explained(&mut self, error: &Error) -> Outcome {
        self.line(format_args!("  {error}"));
        // Others have written so many checkpoints while this process did not look.
        if self.around.turn.is_over() || matches!(error, Error::SnapshotTooOld) {
            return Ok(());
        }
        if matches!(error, Error::Expelled) {
            return Ok(());
        }
        let is_explained = matches!(error.kind(), Kind::Io | Kind::Full | Kind::Reopen);
        let is_unlucky = self.around.luck.mishaps() > 0 || self.around.log.lock().expelled() > 0;
        if !is_explained || !is_unlucky {
            return Err(format!("without a cause: {error:?}"));
        }
        let is_unknown = matches!(error, Error::CommitUnknown { .. });
        self.is_broken |= error.kind() == Kind::Reopen && !is_unknown;
        Ok(())
    }

    /// What came of something; nothing if it failed for a reason.
    pub(super) fn done<T>(&mut self, done: Result<T>) -> Outcome<Option<T>> {
        done.map_or_else(|error| self.explained(&error).map(|()| None), |done| Ok(Some(done)))
    }

    fn step(&mut self) -> Outcome {
        let rates = self.around.plan.rates;
        if happens(&mut self.random, rates.checkpoint) {
            return self.maintain();
        }
        if happens(&mut self.random, rates.look) {
            return self.look();
        }
        if happens(&mut self.random, rates.work) {
            return self.lead();
        }
        if rates.end_prepared > 0 && happens(&mut self.random, rates.end_prepared) {
            return self.end_prepared();
        }
        let (writers, readers) = (self.writers.len(), self.readers.len());
        let places = self.around.plan.open_max + READERS_MAX + self.in_flight.len();
        let which = self.random.usize(..places);
        if which < writers {
            self.go_on_writing(which)
        } else if let Some(which) = which.checked_sub(self.around.plan.open_max)
            && which < readers
        {
            self.go_on_reading(which)
        } else if which >= self.around.plan.open_max + READERS_MAX {
            self.lead()
        } else if which < self.around.plan.open_max {
            self.begin()
        } else if self.random.u8(..8) == 0 {
            self.hold()
        } else {
            Ok(())
        }
    }

    fn maintain(&mut self) -> Outcome {
        let which = self.random.u8(..8);
        self.line(format_args!("  maintenance {which}"));
        let done = match which {
            0 => self.db.compact(),
            1 | 2 => self.db.work().map(drop),
            3 => self.db.follow(),
            _ => self.db.checkpoint(),
        };
        if self.done(done)?.is_some() && which > 3 {
            self.around.book.count(|summary| summary.checkpoints += 1);
        }
        Ok(())
    }

    /// What is left to the background is done: commits that wait are led, and told.
    fn lead(&mut self) -> Outcome {
        let done = self.db.work();
        let done = self.done(done)?.flatten();
        self.line(format_args!("  {done:?}"));
        if done == Some(Task::Checkpoint) {
            self.around.book.count(|summary| summary.checkpoints += 1);
        }
        for mut in_flight in mem::take(&mut self.in_flight) {
            match in_flight.poll() {
                Poll::Ready(outcome) => self.told(in_flight.submission, &outcome)?,
                Poll::Pending if self.random.u8(..30) == 0 => {
                    self.line(format_args!("  drop {:?}", in_flight.submission));
                }
                Poll::Pending => self.in_flight.push(in_flight),
            }
        }
        Ok(())
    }

    fn end(mut self) -> Outcome {
        for reader in mem::take(&mut self.readers) {
            self.let_go(reader);
        }
        for writer in mem::take(&mut self.writers) {
            if self.is_broken || self.around.turn.is_over() || self.random.bool() {
                self.give_up(writer);
            } else {
                self.commit(writer)?;
            }
        }
        // The last look of each is one at the same state as those of others who leave.
        if !self.is_broken && self.around.turn.order() == Order::Leave {
            self.look()?;
        }
        if self.random.bool() {
            return Ok(());
        }
        let closed = self.db.clone().close();
        self.line(format_args!("  {closed:?}"));
        for mut in_flight in mem::take(&mut self.in_flight) {
            if let Poll::Ready(outcome) = in_flight.poll() {
                self.told(in_flight.submission, &outcome)?;
            }
        }
        self.done(closed).map(drop)
    }
}
