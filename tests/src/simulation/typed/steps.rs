//! What sessions do in a step, and what is made of what they are told.

use std::{pin::Pin, task::Poll};

use sop_orm::{CommitReport, Db, Ended, Error, IndexState, Result, Session};

use super::{
    Crowd,
    operation::{Answer, Op},
    program::Mark,
    report::{End, Place, Report, Terms},
};
use crate::simulation::{
    flight,
    surroundings::happens,
    world::{Outcome, State},
};

/// An open session.
#[derive(Debug)]
pub(super) struct Open {
    session: Session,
    terms: Terms,
    told: Vec<(Op, Answer)>,
    /// How many more things it is going to do.
    left: u32,
}

/// A commit that is submitted, or is about to be.
#[derive(Debug)]
pub(super) struct Submission {
    terms: Terms,
    told: Vec<(Op, Answer)>,
    /// The number that it leaves if it takes effect; none if it only reads.
    mark: Option<u64>,
    /// Its number among all submissions.
    order: u64,
    submitted_after: u64,
}

/// The future of a commit, with its session.
pub(super) type Commit = Pin<Box<dyn Future<Output = Result<CommitReport>> + Send>>;

/// A commit that nobody waits for by blocking.
pub(super) type InFlight = flight::InFlight<Commit, Submission>;

impl Submission {
    fn place(&self, position: u64, merges: Option<usize>) -> Place {
        let Self { order, submitted_after, .. } = *self;
        let mark = self.mark.unwrap_or_default();
        Place { position, order, mark, merges, submitted_after }
    }

    fn report(self, end: End) -> Report {
        Report { terms: self.terms, told: self.told, end }
    }
}

impl State<Crowd> {
    pub(super) fn typed(&self) -> &Db {
        self.cast.db.as_ref().expect("invariant: it is open while sessions take steps")
    }

    /// A step of any session, of a commit in flight, or of an index.
    pub(super) fn step(&mut self) -> Outcome {
        let rate = self.cast.plan.rates.build;
        let is_building = self.cast.is_building || self.cast.plan.has_cells();
        if is_building && happens(&mut self.random, rate) {
            return self.build();
        }
        let (flying, sessions) = (self.cast.in_flight.len(), self.cast.sessions.len());
        if flying > 0 && self.random.usize(..sessions + flying) >= sessions {
            let which = self.random.usize(..flying);
            return self.step_in_flight(which);
        }
        let which = self.random.usize(..sessions);
        self.trace.line(format_args!("  session {which}"));
        match self.cast.sessions[which].take() {
            None => {
                self.cast.sessions[which] = Some(self.begin()?);
                Ok(())
            }
            Some(mut open) if open.left > 0 => {
                open.left -= 1;
                let op = Op::draw(&self.cast.plan, self.cast.program, &mut self.random);
                if self.operate(&mut open, op)? {
                    self.cast.sessions[which] = Some(open);
                } else {
                    self.give_up(open);
                }
                Ok(())
            }
            Some(open) => self.end(open),
        }
    }

    pub(super) fn begin(&mut self) -> Outcome<Open> {
        let options = self.cast.plan.session(&mut self.random);
        let (snapshot, begun_after) = (self.position()?, self.acknowledged);
        let progress = self.typed().index_progress();
        let (ready, unready): (Vec<_>, Vec<_>) =
            progress.iter().partition(|index| matches!(index.state, IndexState::Ready));
        let has = |store| unready.iter().any(|index| index.store == store);
        let terms = Terms {
            snapshot,
            begun_after,
            is_serializable: options.isolation == sop_orm::Isolation::Serializable,
            is_lazy: options.durability != sop_orm::Durability::Immediate,
            ready: ready.iter().map(|index| index.index).collect(),
            unready: ["pages", "counters"].map(has),
        };
        let left = self.random.u32(1..=self.cast.plan.operations_max);
        self.trace.line(format_args!("  begin {terms:?}"));
        Ok(Open { session: self.typed().session_with(options), terms, told: Vec::new(), left })
    }

    /// Does something in a session; whether it can go on.
    pub(super) fn operate(&mut self, open: &mut Open, op: Op) -> Outcome<bool> {
        let told = pollster::block_on(op.perform(self.cast.program, &open.session));
        self.trace.line(format_args!("  {op:?}: {told:?}"));
        match told {
            Ok(answer) => {
                // What was refused would be refused again.
                let goes_on = answer != Answer::Duplicate;
                open.told.push((op, answer));
                Ok(goes_on)
            }
            Err(error) => self.explained_by_engine(error).map(|()| false),
        }
    }

    fn end(&mut self, open: Open) -> Outcome {
        let rates = &self.cast.plan.rates;
        let (rollback, unattended) = (rates.rollback, rates.unattended);
        if happens(&mut self.random, rollback) {
            self.give_up(open);
            return Ok(());
        }
        let is_unattended = happens(&mut self.random, unattended);
        if self.submit(open)? && !is_unattended { self.wait_for_last() } else { Ok(()) }
    }

    /// Commits and waits for it.
    pub(super) fn commit(&mut self, open: Open) -> Outcome {
        if self.submit(open)? { self.wait_for_last() } else { Ok(()) }
    }

    /// Prepares a commit, as the last of those in flight; whether it can be made.
    fn submit(&mut self, open: Open) -> Outcome<bool> {
        let Open { session, terms, told, .. } = open;
        let writes = told.iter().any(|(op, _)| op.writes());
        let mark = writes.then(|| {
            self.cast.next_mark += 1;
            self.cast.next_mark
        });
        if let Some(number) = mark {
            let marked = pollster::block_on(session.of::<Mark>().insert(Mark { number }));
            if let Err(error) = marked {
                return self.explained_by_engine(error).map(|()| false);
            }
        }
        let submission = Submission { terms, told, mark, order: 0, submitted_after: 0 };
        let commit: Commit = Box::pin(async move { session.commit().await });
        self.cast.in_flight.push(InFlight::new(commit, submission));
        Ok(true)
    }

    fn wait_for_last(&mut self) -> Outcome {
        let last = self.cast.in_flight.len() - 1;
        if self.poll(last)? {
            return Ok(());
        }
        self.lead()?;
        if self.poll(last)? {
            return Ok(());
        }
        Err("a commit waits although everything was led".to_owned())
    }

    /// Takes all commits that wait through the log.
    fn lead(&mut self) -> Outcome {
        let position = self.position()?;
        let done = self.db().work();
        self.worked(&done, position)
    }

    fn step_in_flight(&mut self, which: usize) -> Outcome {
        if self.random.u8(..30) == 0 {
            let dropped = self.cast.in_flight.swap_remove(which);
            return self.abandon(dropped);
        }
        self.poll(which).map(drop)
    }

    /// A commit is left alone: if it was polled it goes on.
    pub(super) fn abandon(&mut self, mut in_flight: InFlight) -> Outcome {
        self.trace.line(format_args!("  drop commit {}", in_flight.submission.order));
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

    /// Polls a commit; whether it has ended.
    pub(super) fn poll(&mut self, which: usize) -> Outcome<bool> {
        let InFlight { submission, is_polled, .. } = &mut self.cast.in_flight[which];
        if !*is_polled {
            self.cast.next_order += 1;
            submission.order = self.cast.next_order;
            submission.submitted_after = self.acknowledged;
        }
        self.trace.line(format_args!("  poll commit {}", submission.order));
        match self.cast.in_flight[which].poll() {
            Poll::Pending => Ok(false),
            Poll::Ready(outcome) => {
                let InFlight { submission, .. } = self.cast.in_flight.swap_remove(which);
                self.told(submission, outcome).map(|()| true)
            }
        }
    }

    pub(super) fn give_up(&mut self, open: Open) {
        self.trace.line(format_args!("  roll back"));
        let Open { session, terms, told, .. } = open;
        session.rollback();
        self.cast.life.reports.push(Report { terms, told, end: End::NoEffect });
    }

    /// Takes down how a commit ended.
    fn told(&mut self, submission: Submission, outcome: Result<CommitReport>) -> Outcome {
        self.trace.line(format_args!("  {}: {outcome:?}", submission.order));
        let end = match outcome {
            Ok(_) if submission.mark.is_none() => End::NoEffect,
            Ok(CommitReport { position, merges, .. }) => {
                self.acknowledged = self.acknowledged.max(position);
                if !submission.terms.is_lazy {
                    self.durable = self.durable.max(position);
                }
                End::Committed(submission.place(position, Some(merges.len())))
            }
            Err(error) if error.is_retryable() => {
                let stats = self.db().stats();
                let told_at = stats.position + u64::from(stats.poisoned);
                End::Refused { told_at, why: error.to_string() }
            }
            Err(Error::CommitUnknown(error)) => {
                self.explained(&error)?;
                let sop_core::Error::CommitUnknown { position, .. } = error else {
                    return Err(format!("it does not say where: {error:?}"));
                };
                self.summary.unknown += 1;
                self.cast.life.is_poisoned = true;
                End::Unknown(submission.place(position, None))
            }
            Err(error) => {
                self.explained_by_engine(error)?;
                End::NoEffect
            }
        };
        self.cast.life.reports.push(submission.report(end));
        Ok(())
    }

    /// An error that is not about records must come from the disk.
    pub(super) fn explained_by_engine(&mut self, error: Error) -> Outcome {
        match error {
            Error::Engine(error)
            | Error::CommitUnknown(error)
            | Error::SessionClosed(Ended::Failed(error)) => self.explained(&error),
            other => Err(format!("without a cause: {other:?}")),
        }
    }

    /// Does a piece of what is left to do for new indexes and removed ones.
    pub(super) fn build(&mut self) -> Outcome {
        if self.random.u8(..4) == 0 {
            let resumed = self.typed().resume_indexes();
            resumed.or_else(|error| self.explained_by_engine(error))?;
        }
        let (records, before) = (self.random.usize(1..8), self.position()?);
        let built = self.typed().build_indexes(records);
        self.trace.line(format_args!("  build: {built:?}"));
        match built {
            Ok(more) => self.cast.is_building = more || self.has_failed_indexes(),
            Err(error) => self.explained_by_engine(error)?,
        }
        let position = self.position()?;
        self.cast.life.built.push(position);
        if self.cast.plan.has_cells() && position > before {
            self.cast.life.moved.push(position);
        }
        self.cast.life.is_poisoned |= self.db().stats().poisoned;
        // If it has committed something, then also all that waited.
        if position > before { self.settle_abandoned() } else { Ok(()) }
    }

    fn has_failed_indexes(&self) -> bool {
        let progress = self.typed().index_progress();
        progress.iter().any(|index| !matches!(index.state, IndexState::Ready))
    }

    /// All that waited has been led. Whether that went well for those who did not wait for the
    /// answer, their marks say.
    pub(super) fn settle_abandoned(&mut self) -> Outcome {
        // After a failure only the next opening tells.
        if self.cast.abandoned.is_empty() || self.db().stats().poisoned {
            return Ok(());
        }
        let position = self.position()?;
        self.settle_abandoned_at(position)
    }

    /// The same, if all of them that took effect took it at one position.
    pub(super) fn settle_abandoned_at(&mut self, position: u64) -> Outcome {
        for submission in std::mem::take(&mut self.cast.abandoned) {
            let session = self.typed().session();
            let is_there = submission
                .mark
                .map_or(Ok(false), |mark| pollster::block_on(session.of::<Mark>().exists(mark)));
            let is_there = is_there.map_err(|error| format!("no marks: {error:?}"))?;
            self.trace.line(format_args!("  {} took effect: {is_there}", submission.order));
            let place = submission.place(position, None);
            let end = if is_there { End::Committed(place) } else { End::NoEffect };
            self.cast.life.reports.push(submission.report(end));
        }
        Ok(())
    }
}
