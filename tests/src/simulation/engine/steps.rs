//! What sessions do in a step, and what is made of what they are told.

use std::task::Poll;

use sop_core::{Commit, Durability, Error, StoreOptions};

use super::{Transactions, session::Activity};
use crate::{
    oracle::{End, Isolation, Report, Step, Value, Witness, WriteKind},
    simulation::{
        surroundings::happens,
        transactions::{
            InFlight, Reader, Reading, Submission, Terms, Work as Writer, Writing, store_name,
        },
        world::{Outcome, State},
    },
};

/// A store that nobody drops, in which commits say that they took effect.
const LEDGER: &str = "ledger";

impl State<Transactions> {
    /// Creates the stores that there are at first.
    pub(super) fn create_stores(&mut self) -> Outcome {
        let terms = self.terms(Isolation::Serializable, Durability::Immediate)?;
        let transaction = self.db().begin().map_err(|error| format!("{error:?}"))?;
        let mut witness = Witness::new(transaction);
        let mut create = || {
            witness.create(LEDGER, &StoreOptions::default(), true)?;
            for store in 0..self.cast.plan.node_sizes.len() {
                witness.create(&store_name(store), &self.cast.plan.store_options(store), true)?;
            }
            Ok::<_, Error>(())
        };
        create().map_err(|error| format!("{error:?}"))?;
        self.commit(Writer { witness, terms, left: 0, concerns_stores: false })
    }

    fn terms(&self, isolation: Isolation, durability: Durability) -> Outcome<Terms> {
        let (snapshot, begun_after) = (self.position()?, self.acknowledged);
        Ok(Terms { snapshot, isolation, durability, begun_after })
    }

    /// A step of any session, or of a commit in flight.
    pub(super) fn step(&mut self) -> Outcome {
        let rate = self.cast.plan.rates.end_prepared;
        if self.cast.prepared.len() > 0 && happens(&mut self.random, rate) {
            let commits = self.random.u8(..3) > 0;
            return self.end_prepared(commits);
        }
        let flying = self.cast.in_flight.len();
        if flying > 0
            && self.random.usize(..self.cast.sessions.len() + flying) >= self.cast.sessions.len()
        {
            let which = self.random.usize(..flying);
            return self.step_in_flight(which);
        }
        let which = self.random.usize(..self.cast.sessions.len());
        self.trace.line(format_args!("  session {which}"));
        match std::mem::replace(&mut self.cast.sessions[which].activity, Activity::Idle) {
            Activity::Idle => {
                self.cast.sessions[which].activity = self.begin(which)?;
                Ok(())
            }
            Activity::Reading(mut reader) if reader.left > 0 => {
                reader.left -= 1;
                self.read(&mut reader)?;
                self.cast.sessions[which].activity = Activity::Reading(reader);
                Ok(())
            }
            Activity::Writing(mut writer) if writer.left > 0 => {
                writer.left -= 1;
                if self.operate(&mut writer)? {
                    self.cast.sessions[which].activity = Activity::Writing(writer);
                } else {
                    self.give_up(*writer);
                }
                Ok(())
            }
            Activity::Reading(reader) => {
                self.let_go(*reader);
                Ok(())
            }
            Activity::Writing(writer) => self.end(*writer),
        }
    }

    fn begin(&mut self, session: usize) -> Outcome<Activity> {
        let rate = self.cast.plan.rates.reader;
        if happens(&mut self.random, rate) {
            let terms = self.terms(Isolation::Serializable, Durability::Immediate)?;
            let snapshot = self.nodes[self.cast.sessions[session].node]
                .db
                .snapshot()
                .map_err(|error| format!("{error:?}"))?;
            let left = self.random.u32(1..20);
            let witness = Witness::new(snapshot);
            return Ok(Activity::Reading(Box::new(Reader { witness, terms, left })));
        }
        let options = self.cast.plan.transaction(&mut self.random);
        let terms = self.terms(options.isolation, options.durability)?;
        let begun = self.nodes[self.cast.sessions[session].node].db.begin_with(options);
        let transaction = begun.map_err(|error| format!("it does not begin: {error:?}"))?;
        if transaction.position() != terms.snapshot {
            return Err(format!("it began at {}, not at {terms:?}", transaction.position()));
        }
        let left = self.random.u32(1..=self.cast.plan.operations_max);
        let (witness, concerns_stores) = (Witness::new(transaction), false);
        Ok(Activity::Writing(Box::new(Writer { witness, terms, left, concerns_stores })))
    }

    pub(super) fn read(&mut self, reader: &mut Reader) -> Outcome {
        let reading = Reading::draw(&self.cast.plan, &mut self.random);
        self.trace.line(format_args!("  {reading:?} at {}", reader.terms.snapshot));
        let read = reading.perform(&mut reader.witness);
        read.map_err(|error| format!("a snapshot cannot be read: {error:?}"))
    }

    /// Does something in a transaction; whether it can go on.
    fn operate(&mut self, writer: &mut Writer) -> Outcome<bool> {
        let mix = &self.cast.plan.mix;
        let (reads, writes) = (mix.reads(), mix.writes());
        let done = if self.random.u32(..reads + writes) < reads {
            let reading = Reading::draw(&self.cast.plan, &mut self.random);
            self.trace.line(format_args!("  {reading:?}"));
            reading.perform(&mut writer.witness)
        } else {
            self.cast.next_value += 1;
            let writing = Writing::draw(&self.cast.plan, self.cast.next_value, &mut self.random);
            self.trace.line(format_args!("  {writing:?}"));
            writer.concerns_stores |= writing.concerns_stores();
            writing.perform(&self.cast.plan, &mut writer.witness)
        };
        match done {
            Ok(()) => Ok(true),
            Err(error) => self.explained(&error).map(|()| false),
        }
    }

    fn end(&mut self, writer: Writer) -> Outcome {
        let rate = self.cast.plan.rates.rollback;
        if happens(&mut self.random, rate) {
            self.give_up(writer);
            return Ok(());
        }
        let rate = self.cast.plan.rates.prepare;
        if happens(&mut self.random, rate) && self.cast.prepared.has_room_for(&writer) {
            return self.prepare_writer(writer);
        }
        let rate = self.cast.plan.rates.unattended;
        if happens(&mut self.random, rate) {
            return self.commit_unattended(writer);
        }
        self.commit(writer)
    }

    /// Leaves a trace of a commit in the ledger, which only the commit itself can leave.
    fn mark(&mut self, writer: &mut Writer) -> Outcome<String> {
        self.cast.next_value += 1;
        let marker = format!("{:08}", self.cast.next_value);
        let kind = WriteKind::Upsert(Value::from(&b"was here"[..]));
        let marked = writer.witness.write(LEDGER, marker.as_bytes(), kind);
        marked.map_err(|error| format!("no mark can be left: {error:?}"))?;
        Ok(marker)
    }

    fn submission(&mut self, terms: Terms, steps: Vec<Step>) -> Submission {
        self.cast.next_order += 1;
        let (order, submitted_after) = (self.cast.next_order, self.acknowledged);
        Submission { terms, steps, marker: None, order, submitted_after }
    }

    pub(super) fn commit(&mut self, mut writer: Writer) -> Outcome {
        if writer.concerns_stores {
            self.mark(&mut writer)?;
        }
        let (transaction, steps) = writer.witness.into_parts();
        let submission = self.submission(writer.terms, steps);
        let writes = submission.writes();
        self.trace.line(format_args!("  commit {}", submission.order));
        let outcome = transaction.commit();
        self.told(submission, outcome)?;
        if writes { self.settle_abandoned() } else { Ok(()) }
    }

    fn commit_unattended(&mut self, mut writer: Writer) -> Outcome {
        let marker = self.mark(&mut writer)?;
        let (transaction, steps) = writer.witness.into_parts();
        let submission = self.submission(writer.terms, steps);
        let submission = Submission { marker: Some(marker), ..submission };
        self.trace.line(format_args!("  commit {} in the background", submission.order));
        self.cast.in_flight.push(InFlight::new(transaction.commit_async(), submission));
        Ok(())
    }

    fn step_in_flight(&mut self, which: usize) -> Outcome {
        if self.random.u8(..30) == 0 {
            let dropped = self.cast.in_flight.swap_remove(which);
            self.trace.line(format_args!("  drop commit {}", dropped.submission.order));
            return self.abandon(dropped);
        }
        self.poll(which)
    }

    /// A commit is left alone: if it was polled it goes on.
    pub(super) fn abandon(&mut self, mut in_flight: InFlight) -> Outcome {
        if !in_flight.is_polled {
            self.cast.life.reports.push(in_flight.submission.report(End::NoEffect));
            return Ok(());
        }
        match in_flight.poll() {
            Poll::Ready(outcome) => self.told(in_flight.submission, outcome),
            Poll::Pending => {
                self.cast.abandoned.push(in_flight.submission);
                Ok(())
            }
        }
    }

    pub(super) fn poll(&mut self, which: usize) -> Outcome {
        let InFlight { submission, is_polled, .. } = &mut self.cast.in_flight[which];
        self.trace.line(format_args!("  poll commit {}", submission.order));
        if !*is_polled {
            self.cast.next_order += 1;
            (submission.order, submission.submitted_after) =
                (self.cast.next_order, self.acknowledged);
            self.trace.line(format_args!("  as {}", submission.order));
        }
        match self.cast.in_flight[which].poll() {
            Poll::Pending => Ok(()),
            Poll::Ready(outcome) => {
                let InFlight { submission, .. } = self.cast.in_flight.swap_remove(which);
                self.told(submission, outcome)
            }
        }
    }

    pub(super) fn give_up(&mut self, writer: Writer) {
        self.trace.line(format_args!("  roll back"));
        let (transaction, steps) = writer.witness.into_parts();
        transaction.rollback();
        self.cast.life.reports.push(writer.terms.report(steps, End::NoEffect));
    }

    pub(super) fn let_go(&mut self, reader: Reader) {
        let (snapshot, steps) = reader.witness.into_parts();
        drop(snapshot);
        self.cast.life.reports.push(reader.terms.report(steps, End::NoEffect));
    }

    /// Takes down how a commit ended.
    fn told(&mut self, submission: Submission, outcome: Result<Commit, Error>) -> Outcome {
        self.trace.line(format_args!("  {}: {outcome:?}", submission.order));
        let Submission { order, submitted_after, .. } = submission;
        let end = match outcome {
            Ok(Commit { position, index, .. }) => {
                self.acknowledged = self.acknowledged.max(position);
                if submission.writes() && submission.terms.durability == Durability::Immediate {
                    self.durable = self.durable.max(position);
                }
                End::Committed { position, order, index: Some(index), submitted_after }
            }
            Err(Error::Conflict(conflict)) => self.refused(conflict)?,
            Err(error) => {
                self.explained(&error)?;
                match error {
                    Error::CommitUnknown { position, .. } => {
                        self.summary.unknown += 1;
                        End::Unknown { position, order }
                    }
                    _ => End::NoEffect,
                }
            }
        };
        self.cast.life.reports.push(submission.report(end));
        Ok(())
    }

    /// All that waited has been led. Whether that went well for those who did not wait for the
    /// answer, the ledger says.
    pub(super) fn settle_abandoned(&mut self) -> Outcome {
        // After a failure only the next opening tells.
        if self.cast.abandoned.is_empty() || self.db().stats().poisoned {
            return Ok(());
        }
        let position = self.position()?;
        self.settle_abandoned_at(position, None)
    }

    /// The same, if all of them that took effect took it at one position, and those that did not
    /// may have been in a batch that failed.
    pub(super) fn settle_abandoned_at(&mut self, position: u64, failed_at: Option<u64>) -> Outcome {
        for submission in std::mem::take(&mut self.cast.abandoned) {
            let marker = submission.marker.clone().unwrap_or_default();
            let look = || self.db().snapshot()?.store(LEDGER)?.contains(&marker);
            let is_there = look().map_err(|error| format!("no ledger: {error:?}"))?;
            let Submission { order, submitted_after, .. } = submission;
            self.trace.line(format_args!("  {order} took effect: {is_there}"));
            let report: Report = submission.report(if is_there {
                End::Committed { position, order, index: None, submitted_after }
            } else if let Some(position) = failed_at.filter(|failed_at| *failed_at > position) {
                End::Unknown { position, order }
            } else {
                End::NoEffect
            });
            self.cast.life.reports.push(report);
        }
        Ok(())
    }
}
