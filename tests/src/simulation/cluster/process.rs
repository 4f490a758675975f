//! What a process does while it is there: transactions, several at a time, snapshots, checkpoints.
//!
//! It is written as if it were alone. Others take their turn whenever it is at the disk, and between
//! its steps.

use std::{mem, sync::Arc, task::Poll};

use fastrand::Rng;
use sop_core::{Database, Durability, Error, Isolation, Kind, Result, Work as Task};

use super::{
    book::{Book, Ticket},
    history,
    machine::Luck,
    plan::Plan,
    turns::{Order, Turn},
};
use crate::{
    oracle::{End, Value, Witness, WriteKind},
    simulation::{
        flight,
        surroundings::{happens, happens_rarely},
        transactions::{Reader, Reading, Submission, Terms, Work as Writer, Writing, store_name},
        world::Outcome,
    },
};

/// A store that nobody drops, in which commits leave their marks.
const LEDGER: &str = "ledger";

/// Snapshots that a process holds at most.
const READERS_MAX: usize = 3;

/// What all processes of a run share.
#[derive(Clone)]
pub(super) struct Circumstances {
    pub(super) plan: Arc<Plan>,
    pub(super) book: Arc<Book>,
    /// What goes wrong on its machine.
    pub(super) luck: Arc<Luck>,
    pub(super) turn: Arc<Turn>,
}

/// A process with a handle of the database.
pub(super) struct Process {
    around: Circumstances,
    random: Rng,
    db: Database,
    writers: Vec<Writer>,
    readers: Vec<Reader>,
    in_flight: Vec<flight::InFlight<sop_core::CommitFuture, Ticket>>,
    /// The highest position that it has seen.
    seen: u64,
    /// Whether nothing more is accepted.
    is_broken: bool,
}

impl Process {
    pub(super) fn new(around: Circumstances, random: Rng, db: Database) -> Self {
        let (writers, readers, in_flight) = (Vec::new(), Vec::new(), Vec::new());
        Self { around, random, db, writers, readers, in_flight, seen: 0, is_broken: false }
    }

    /// Lives until it is told to leave, is cut off, or finds that its database accepts nothing more.
    pub(super) fn live(mut self) -> Outcome {
        while self.around.turn.pass()
            && self.around.turn.order() == Order::GoOn
            && !self.is_broken
            && !happens_rarely(&mut self.random, self.around.plan.rates.leave)
        {
            self.step()?;
        }
        self.end()
    }

    fn line(&self, line: std::fmt::Arguments<'_>) {
        self.around.book.trace.line(line);
    }

    /// An error must come from something that went wrong on this machine.
    fn explained(&mut self, error: &Error) -> Outcome {
        self.line(format_args!("  {error}"));
        // Others have written so many checkpoints while this process did not look.
        if self.around.turn.is_over() || matches!(error, Error::SnapshotTooOld) {
            return Ok(());
        }
        if matches!(error, Error::Expelled) {
            return Ok(());
        }
        let is_explained = matches!(error.kind(), Kind::Io | Kind::Full | Kind::Reopen);
        if !is_explained || self.around.luck.mishaps() == 0 {
            return Err(format!("without a cause: {error:?}"));
        }
        let is_unknown = matches!(error, Error::CommitUnknown { .. });
        self.is_broken |= error.kind() == Kind::Reopen && !is_unknown;
        Ok(())
    }

    /// What came of something; nothing if it failed for a reason.
    fn done<T>(&mut self, done: Result<T>) -> Outcome<Option<T>> {
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

    /// Looks at all that is there as of now.
    fn look(&mut self) -> Outcome {
        let followed = self.db.follow();
        self.done(followed)?;
        let snapshot = self.db.snapshot();
        match self.done(snapshot)? {
            Some(snapshot) => self.around.book.look(&snapshot),
            None => Ok(()),
        }
    }

    fn begin(&mut self) -> Outcome {
        self.around.book.begin();
        let options = self.around.plan.work.transaction(&mut self.random);
        let begun_after = self.around.book.acknowledged();
        self.line(format_args!("  begin after {begun_after}"));
        let begun = self.db.begin_with(options);
        let Some(transaction) = self.done(begun)? else { return Ok(()) };
        let (isolation, durability) = (options.isolation, options.durability);
        let snapshot = transaction.position();
        self.seen = self.seen.max(snapshot);
        let terms = Terms { snapshot, isolation, durability, begun_after };
        let left = self.random.u32(1..=self.around.plan.work.operations_max);
        let witness = Witness::new(transaction);
        let mut writer = Writer { witness, terms, left, concerns_stores: false };
        if self.has_no_stores()? {
            let created = self.create_stores(&mut writer);
            if self.done(created)?.is_none() {
                self.give_up(writer);
                return Ok(());
            }
        }
        self.writers.push(writer);
        Ok(())
    }

    fn has_no_stores(&self) -> Outcome<bool> {
        let stores = self.db.snapshot().and_then(|snapshot| snapshot.stores());
        stores.map(|stores| stores.is_empty()).map_err(|error| format!("{error:?}"))
    }

    /// Creates the stores that there are at first, as all do who find none.
    fn create_stores(&mut self, writer: &mut Writer) -> Result<()> {
        let plan = &self.around.plan.work;
        writer.concerns_stores = true;
        writer.witness.create(LEDGER, &sop_core::StoreOptions::default(), false)?;
        (0..plan.node_sizes.len()).try_for_each(|store| {
            writer.witness.create(&store_name(store), &plan.store_options(store), false)
        })
    }

    /// Takes a snapshot and keeps it.
    fn hold(&mut self) -> Outcome {
        if self.readers.len() == READERS_MAX {
            return Ok(());
        }
        let snapshot = self.db.snapshot();
        let Some(snapshot) = self.done(snapshot)? else { return Ok(()) };
        let (isolation, durability) = (Isolation::Serializable, Durability::Immediate);
        let (at, begun_after) = (snapshot.position(), self.seen);
        let terms = Terms { snapshot: at, isolation, durability, begun_after };
        let is_long = self.random.u8(..3) == 0;
        let left = if is_long { self.random.u32(20..400) } else { self.random.u32(1..20) };
        self.readers.push(Reader { witness: Witness::new(snapshot), terms, left });
        Ok(())
    }

    fn go_on_reading(&mut self, which: usize) -> Outcome {
        let mut reader = self.readers.swap_remove(which);
        let reading = Reading::draw(&self.around.plan.work, &mut self.random);
        self.line(format_args!("  {reading:?} at {}", reader.terms.snapshot));
        let read = reading.perform(&mut reader.witness);
        let read = self.done(read)?;
        reader.left -= 1;
        if read.is_some() && reader.left > 0 {
            self.readers.push(reader);
        } else {
            self.let_go(reader);
        }
        Ok(())
    }

    fn go_on_writing(&mut self, which: usize) -> Outcome {
        let mut writer = self.writers.swap_remove(which);
        if writer.left == 0 {
            if happens(&mut self.random, self.around.plan.work.rates.rollback) {
                self.give_up(writer);
                return Ok(());
            }
            return self.commit(writer);
        }
        writer.left -= 1;
        let done = self.operate(&mut writer);
        if self.done(done)?.is_some() {
            self.writers.push(writer);
        } else {
            self.give_up(writer);
        }
        Ok(())
    }

    fn operate(&mut self, writer: &mut Writer) -> Result<()> {
        let plan = &self.around.plan.work;
        let (reads, writes) =
            (plan.mix.find + plan.mix.scan, plan.mix.write + plan.mix.remove + plan.mix.catalog);
        if self.random.u32(..reads + writes) < reads {
            let reading = Reading::draw(plan, &mut self.random);
            self.around.book.trace.line(format_args!("  {reading:?}"));
            return reading.perform(&mut writer.witness);
        }
        let writing = Writing::draw(plan, self.around.book.number(), &mut self.random);
        self.around.book.trace.line(format_args!("  {writing:?}"));
        writer.concerns_stores |= writing.concerns_stores();
        writing.perform(plan, &mut writer.witness)
    }

    /// Commits, mostly without waiting if several can go together.
    fn commit(&mut self, mut writer: Writer) -> Outcome {
        let may_write = writer.concerns_stores || writer.witness.writes();
        let mark = may_write.then(|| self.around.book.number());
        if let Some(number) = mark {
            let value = Value::from(history::mark(number).into_bytes());
            let key = format!("{number:08}");
            let kind = WriteKind::Upsert(value);
            let marked = writer.witness.write(LEDGER, key.as_bytes(), kind);
            if self.done(marked)?.is_none() {
                self.give_up(writer);
                return Ok(());
            }
        }
        let (transaction, steps) = writer.witness.into_parts();
        let submitted_after = self.around.book.acknowledged();
        let submission =
            Submission { terms: writer.terms, steps, marker: None, order: 0, submitted_after };
        let ticket = self.around.book.submit(submission, mark);
        self.line(format_args!("  commit {ticket:?} with mark {mark:?}"));
        if happens(&mut self.random, self.around.plan.work.rates.unattended) {
            let mut in_flight = flight::InFlight::new(transaction.commit_async(), ticket);
            return match in_flight.poll() {
                Poll::Ready(outcome) => self.told(ticket, &outcome),
                Poll::Pending => {
                    self.in_flight.push(in_flight);
                    Ok(())
                }
            };
        }
        let outcome = transaction.commit();
        self.told(ticket, &outcome)
    }

    fn told(&mut self, ticket: Ticket, outcome: &Result<sop_core::Commit>) -> Outcome {
        self.line(format_args!("  {ticket:?}: {outcome:?}"));
        let is_over = self.around.turn.is_over();
        match outcome {
            // What somebody was told who is not there any more, nobody knows.
            _ if is_over => return Ok(()),
            Ok(commit) => self.seen = self.seen.max(commit.position),
            // What it had loaded may be gone, as others took it for dead.
            Err(Error::Conflict(_) | Error::Expelled) => {}
            Err(error) => self.explained(error)?,
        }
        self.around.book.tell(ticket, outcome, self.db.stats().position);
        Ok(())
    }

    /// Commits that wait are led, and told.
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

    fn give_up(&self, writer: Writer) {
        let (transaction, steps) = writer.witness.into_parts();
        transaction.rollback();
        self.around.book.ended(writer.terms.report(steps, End::NoEffect));
    }

    fn let_go(&self, reader: Reader) {
        let (snapshot, steps) = reader.witness.into_parts();
        drop(snapshot);
        self.around.book.ended(reader.terms.report(steps, End::NoEffect));
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
