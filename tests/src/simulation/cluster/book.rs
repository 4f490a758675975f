//! What everybody in a cluster did, saw and was told, as it came.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;
use sop_core::{Commit, CommitId, Conflict, Error};

use super::{Happening, lists};
use crate::{
    oracle::Report,
    simulation::{Summary, trace::Trace, transactions::Submission, world::Outcome},
};

/// Takes reports from all processes.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) trace: Arc<Trace>,
    pages: Mutex<Pages>,
}

/// All that was reported.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// The highest position that was acknowledged to anybody.
    acknowledged: u64,
    /// The highest number that was given to anything.
    numbers: u64,
    /// Lists from this one on are in use.
    first_list: u64,
    begun: u64,
    /// Those that ended without asking for anything to be kept, and when they did.
    pub(super) idle: Vec<(Report, Stint, u64)>,
    pub(super) submitted: Vec<Submitted>,
    /// What the state at a position looked like to whoever looked first, and to whom it did so.
    pub(super) looks: BTreeMap<u64, (u64, BTreeSet<u64>)>,
    pub(super) summary: Summary,
}

/// A session while it has something open: since which moment, and whether it was promised to see all
/// that had ended by then. Sessions do one thing after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stint {
    pub(super) session: u64,
    pub(super) begin: u64,
    pub(super) is_fresh: bool,
}

/// A commit that was asked for.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) submission: Submission,
    pub(super) stint: Stint,
    /// The number of its mark in the log, if it may change anything.
    pub(super) mark: Option<u64>,
    /// Whether it is to be prepared, and ended by somebody else.
    pub(super) is_prepared: bool,
    pub(super) told: Told,
    /// When it was told.
    pub(super) end: Option<u64>,
}

/// What a commit leaves in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Its number, if it may change anything.
    pub(super) mark: Option<u64>,
    /// Whether it is only to be prepared.
    pub(super) is_prepared: bool,
}

/// What somebody was told of a commit.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing, for it was not there any more.
    Nothing,
    Acknowledged {
        position: u64,
        index: u32,
    },
    Refused {
        conflict: Conflict,
        told_at: u64,
    },
    Unknown {
        position: u64,
        commit: Option<CommitId>,
    },
    Failed {
        position: u64,
    },
    /// That something holds what is prepared.
    KeptOff,
    /// That it is prepared, or may be: whoever ends it is somebody else.
    Prepared,
}

/// The place of a commit in the book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(usize);

impl Pages {
    /// A number that nothing else has, higher than all before.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The last list that may have been used.
    pub(super) fn last_list(&self) -> u64 {
        lists::last(self.first_list)
    }
}

impl Book {
    pub(super) fn new(trace: Arc<Trace>) -> Self {
        Self { trace, pages: Mutex::default() }
    }

    /// A number that nothing else has, higher than all before: also a moment.
    pub(super) fn number(&self) -> u64 {
        self.pages.lock().number()
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.pages.lock().acknowledged
    }

    pub(super) fn begun(&self) -> u64 {
        self.pages.lock().begun
    }

    /// Lists from this one on are in use.
    pub(super) fn first_list(&self) -> u64 {
        self.pages.lock().first_list
    }

    /// A list is long enough.
    pub(super) fn leave_list(&self, list: u64) {
        let mut pages = self.pages.lock();
        pages.first_list = pages.first_list.max(list + 1);
    }

    /// Counts something.
    pub(super) fn count(&self, count: impl FnOnce(&mut Summary)) {
        count(&mut self.pages.lock().summary);
    }

    /// Counts something of which it matters only that it happened.
    pub(super) fn happened(&self, happening: Happening) {
        self.happened_often(happening, 1);
    }

    /// The same, so many times.
    pub(super) fn happened_often(&self, happening: Happening, times: u64) {
        self.pages.lock().summary.counts.add(happening, times);
    }

    /// A session is about to begin a transaction, which sees all that has ended.
    pub(super) fn begin(&self, session: u64) -> Stint {
        let mut pages = self.pages.lock();
        pages.begun += 1;
        pages.summary.counts.add(Happening::Transactions, 1);
        Stint { session, begin: pages.number(), is_fresh: true }
    }

    /// A session is about to take what its process has.
    pub(super) fn take(&self, session: u64) -> Stint {
        Stint { session, begin: self.number(), is_fresh: false }
    }

    pub(super) fn ended(&self, report: Report, stint: Stint) {
        let mut pages = self.pages.lock();
        let end = pages.number();
        pages.idle.push((report, stint, end));
    }

    /// Somebody is about to commit, and may never be told how that ends.
    pub(super) fn submit(&self, submission: Submission, stint: Stint, mark: Mark) -> Ticket {
        let mut pages = self.pages.lock();
        let (Mark { mark, is_prepared }, told, end) = (mark, Told::Nothing, None);
        pages.submitted.push(Submitted { submission, stint, mark, is_prepared, told, end });
        Ticket(pages.submitted.len() - 1)
    }

    /// Somebody is told. `newest` is the newest position that it knows of. Gives the session, which
    /// can do something else now.
    pub(super) fn tell(&self, ticket: Ticket, outcome: &Result<Commit, Error>, newest: u64) -> u64 {
        let mut pages = self.pages.lock();
        // A batch that failed was to be the next one, and may still become it.
        let next = newest + 1;
        let told = match outcome {
            Ok(Commit { position, index, .. }) => {
                pages.acknowledged = pages.acknowledged.max(*position);
                Told::Acknowledged { position: *position, index: *index }
            }
            Err(Error::Conflict(conflict)) if conflict.prepared.is_some() => {
                pages.summary.counts.add(Happening::KeptOff, 1);
                Told::KeptOff
            }
            Err(Error::Conflict(conflict)) => {
                Told::Refused { conflict: conflict.clone(), told_at: next }
            }
            Err(Error::CommitUnknown { position, commit, .. }) => {
                pages.summary.unknown += 1;
                Told::Unknown { position: *position, commit: *commit }
            }
            Err(_) => Told::Failed { position: next },
        };
        let end = pages.number();
        let submitted = &mut pages.submitted[ticket.0];
        (submitted.told, submitted.end) = (told, Some(end));
        submitted.stint.session
    }

    /// Somebody is told of a transaction that it has prepared. As with [`tell`](Self::tell).
    pub(super) fn tell_prepared(
        &self,
        ticket: Ticket,
        outcome: &Result<(), Error>,
        newest: u64,
    ) -> u64 {
        if let Err(error) = outcome
            && !matches!(error, Error::CommitUnknown { .. })
        {
            return self.tell(ticket, &Err(error.clone()), newest);
        }
        let mut pages = self.pages.lock();
        pages.acknowledged = pages.acknowledged.max(if outcome.is_ok() { newest } else { 0 });
        pages.summary.counts.add(Happening::Prepared, 1);
        let submitted = &mut pages.submitted[ticket.0];
        submitted.told = Told::Prepared;
        submitted.stint.session
    }

    /// Somebody has ended a prepared transaction.
    pub(super) fn ended_prepared(&self, position: Option<u64>) {
        let mut pages = self.pages.lock();
        pages.acknowledged = pages.acknowledged.max(position.unwrap_or(0));
        pages.summary.counts.add(Happening::EndedPrepared, 1);
    }

    /// All that is there at a position must be what all others see there. `who` tells processes
    /// apart.
    pub(super) fn look(&self, who: u64, position: u64, digest: u64) -> Outcome {
        let mut pages = self.pages.lock();
        let is_equal = match pages.looks.entry(position) {
            Entry::Vacant(first) => {
                first.insert((digest, [who].into()));
                false
            }
            Entry::Occupied(first) if first.get().0 == digest => first.into_mut().1.insert(who),
            Entry::Occupied(_) => return Err(format!("there are two states at {position}")),
        };
        if is_equal {
            pages.summary.counts.add(Happening::EqualStates, 1);
        }
        Ok(())
    }

    /// All that was reported, once nobody reports any more.
    pub(super) fn close(&self) -> Pages {
        std::mem::take(&mut *self.pages.lock())
    }
}
