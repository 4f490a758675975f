//! What a process does in transactions, and what it is told of them.

use std::task::Poll;

use sop_core::{Commit, Error, Result, StoreOptions};

use super::{
    book::{Mark, Ticket},
    history, lists,
    process::{Open, Process},
};
use crate::{
    oracle::{End, Step, Value, Witness, WriteKind},
    simulation::{
        flight::InFlight,
        surroundings::happens,
        transactions::{Reading, Submission, Terms, Work as Writer, Writing, store_name},
        world::Outcome,
    },
};

/// A store that nobody drops, in which commits leave their marks.
const LEDGER: &str = "ledger";

impl Process {
    pub(super) fn begin(&mut self) -> Outcome {
        let session = self.session();
        let stint = self.around.book.begin(session);
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
        let work = Writer { witness, terms, left, concerns_stores: false };
        let mut writer = Open { work, stint };
        let created = self.create_stores(&mut writer.work);
        if self.done(created)?.is_some() {
            self.writers.push(writer);
        } else {
            self.give_up(writer);
        }
        Ok(())
    }

    /// Creates the stores that there are at first, as all do who find none.
    fn create_stores(&mut self, writer: &mut Writer) -> Result<()> {
        if !self.db.snapshot()?.stores()?.is_empty() {
            return Ok(());
        }
        let plan = &self.around.plan.work;
        writer.concerns_stores = true;
        for name in [LEDGER, lists::STORE] {
            writer.witness.create(name, &StoreOptions::default(), false)?;
        }
        (0..plan.node_sizes.len()).try_for_each(|store| {
            writer.witness.create(&store_name(store), &plan.store_options(store), false)
        })
    }

    pub(super) fn go_on_writing(&mut self, which: usize) -> Outcome {
        let mut writer = self.writers.swap_remove(which);
        if writer.work.left == 0 {
            if happens(&mut self.random, self.around.plan.work.rates.rollback) {
                self.give_up(writer);
                return Ok(());
            }
            return self.commit(writer);
        }
        writer.work.left -= 1;
        let done = self.operate(&mut writer.work);
        if self.done(done)?.is_some() {
            self.writers.push(writer);
        } else {
            self.give_up(writer);
        }
        Ok(())
    }

    fn operate(&mut self, writer: &mut Writer) -> Result<()> {
        let plan = &self.around.plan.work;
        let book = &self.around.book;
        if happens(&mut self.random, self.around.plan.rates.lists) {
            let task = lists::Task::draw(book.first_list(), true, &mut self.random);
            book.trace.line(format_args!("  {task:?}"));
            return match task {
                lists::Task::Append { list } => lists::append(list, &mut writer.witness, book),
                _ => task.read(&mut writer.witness),
            };
        }
        let (reads, writes) = (plan.mix.reads(), plan.mix.writes());
        if self.random.u32(..reads + writes) < reads {
            let reading = Reading::draw(plan, &mut self.random);
            book.trace.line(format_args!("  {reading:?}"));
            return reading.perform(&mut writer.witness);
        }
        let writing = Writing::draw(plan, book.number(), &mut self.random);
        book.trace.line(format_args!("  {writing:?}"));
        writer.concerns_stores |= writing.concerns_stores();
        writing.perform(plan, &mut writer.witness)
    }

    /// Commits, mostly without waiting if several can go together.
    pub(super) fn commit(&mut self, mut writer: Open<Writer>) -> Outcome {
        let may_write = writer.work.concerns_stores || writer.work.witness.writes();
        let mark = may_write.then(|| self.around.book.number());
        if let Some(number) = mark {
            let value = Value::from(history::mark(number).into_bytes());
            let key = format!("{number:08}");
            let kind = WriteKind::Upsert(value);
            let marked = writer.work.witness.write(LEDGER, key.as_bytes(), kind);
            if self.done(marked)?.is_none() {
                self.give_up(writer);
                return Ok(());
            }
        }
        let Open { work: Writer { witness, terms, .. }, stint } = writer;
        let (transaction, steps) = witness.into_parts();
        let rate = self.around.plan.rates.prepare;
        let loads = steps.iter().any(|step| matches!(step, Step::Load { .. }));
        let is_prepared = mark.is_some() && !loads && rate > 0 && happens(&mut self.random, rate);
        let submitted_after = self.around.book.acknowledged();
        let submission = Submission { terms, steps, marker: None, order: 0, submitted_after };
        let ticket = self.around.book.submit(submission, stint, Mark { mark, is_prepared });
        self.line(format_args!("  commit {ticket:?} with mark {mark:?}"));
        if let Some(number) = mark.filter(|_| is_prepared) {
            let outcome = transaction.prepare(&history::mark(number)).map(drop);
            return self.told_prepared(ticket, &outcome);
        }
        if happens(&mut self.random, self.around.plan.work.rates.unattended) {
            let mut in_flight = InFlight::new(transaction.commit_async(), ticket);
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

    pub(super) fn told(&mut self, ticket: Ticket, outcome: &Result<Commit>) -> Outcome {
        self.line(format_args!("  {ticket:?}: {outcome:?}"));
        let is_over = self.around.turn.is_over();
        match outcome {
            // What somebody was told who is not there any more, nobody knows.
            _ if is_over => return Ok(()),
            Ok(commit) => self.seen = self.seen.max(commit.position),
            Err(Error::Conflict(_)) => {}
            Err(error) => self.explained(error)?,
        }
        let session = self.around.book.tell(ticket, outcome, self.db.stats().position);
        self.free(session);
        Ok(())
    }

    fn told_prepared(&mut self, ticket: Ticket, outcome: &Result<()>) -> Outcome {
        self.line(format_args!("  {ticket:?} is prepared: {outcome:?}"));
        if self.around.turn.is_over() {
            return Ok(());
        }
        match outcome {
            Ok(()) | Err(Error::Conflict(_)) => {}
            Err(error) => self.explained(error)?,
        }
        let session = self.around.book.tell_prepared(ticket, outcome, self.db.stats().position);
        self.free(session);
        Ok(())
    }

    /// Commits a transaction that somebody has prepared, or rolls it back.
    pub(super) fn end_prepared(&mut self) -> Outcome {
        let listed = self.db.prepared();
        let Some(listed) = self.done(listed)? else { return Ok(()) };
        if listed.is_empty() {
            return Ok(());
        }
        let name = &listed[self.random.usize(..listed.len())].name;
        let commits = self.random.u8(..3) > 0;
        let ended = self.db.find_prepared(name).and_then(|prepared| {
            if commits {
                prepared.commit().map(|commit| Some(commit.position))
            } else {
                prepared.rollback().map(|()| None)
            }
        });
        self.line(format_args!("  end {name}: {ended:?}"));
        // Somebody else was first.
        if let Err(Error::PreparedNotFound { .. }) = ended {
            return Ok(());
        }
        if let Some(position) = self.done(ended)?
            && !self.around.turn.is_over()
        {
            self.seen = self.seen.max(position.unwrap_or(0));
            self.around.book.ended_prepared(position);
        }
        Ok(())
    }

    pub(super) fn give_up(&mut self, Open { work, stint }: Open<Writer>) {
        let (transaction, steps) = work.witness.into_parts();
        transaction.rollback();
        self.around.book.ended(work.terms.report(steps, End::NoEffect), stint);
        self.free(stint.session);
    }
}
