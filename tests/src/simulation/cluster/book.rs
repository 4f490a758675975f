//! What everybody in a cluster did, saw and was told, and whether it can be true.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use parking_lot::Mutex;
use sop_core::{Commit, CommitId, Conflict, Error, Resolution, Snapshot};

use super::history::History;
use crate::{
    contents,
    oracle::{Checked, End, Life, Model, Report, check},
    simulation::{Summary, trace::Trace, transactions::Submission, world::Outcome},
};

/// Takes reports from all processes.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) trace: Arc<Trace>,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    /// The highest position that was acknowledged to anybody.
    acknowledged: u64,
    /// The highest number that was given to anything.
    numbers: u64,
    begun: u64,
    /// Those that ended without asking for anything to be kept.
    idle: Vec<Report>,
    submitted: Vec<Submitted>,
    /// What the state at a position looked like to whoever looked first.
    looks: BTreeMap<u64, u64>,
    summary: Summary,
}

#[derive(Debug)]
struct Submitted {
    submission: Submission,
    /// The number of its mark in the log, if it may change anything.
    mark: Option<u64>,
    told: Told,
}

/// What somebody was told of a commit.
#[derive(Debug)]
enum Told {
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
}

/// The place of a commit in the book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(usize);

impl Book {
    pub(super) fn new(trace: Arc<Trace>) -> Self {
        Self { trace, pages: Mutex::default() }
    }

    /// A number that nothing else has.
    pub(super) fn number(&self) -> u64 {
        let mut pages = self.pages.lock();
        pages.numbers += 1;
        pages.numbers
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.pages.lock().acknowledged
    }

    pub(super) fn begun(&self) -> u64 {
        self.pages.lock().begun
    }

    pub(super) fn begin(&self) {
        self.pages.lock().begun += 1;
    }

    /// Counts something.
    pub(super) fn count(&self, count: impl FnOnce(&mut Summary)) {
        count(&mut self.pages.lock().summary);
    }

    pub(super) fn ended(&self, report: Report) {
        self.pages.lock().idle.push(report);
    }

    /// Somebody is about to commit, and may never be told how that ends.
    pub(super) fn submit(&self, submission: Submission, mark: Option<u64>) -> Ticket {
        let mut pages = self.pages.lock();
        pages.submitted.push(Submitted { submission, mark, told: Told::Nothing });
        Ticket(pages.submitted.len() - 1)
    }

    /// Somebody is told. `newest` is the newest position that it knows of.
    pub(super) fn tell(&self, ticket: Ticket, outcome: &Result<Commit, Error>, newest: u64) {
        let mut pages = self.pages.lock();
        // A batch that failed was to be the next one, and may still become it.
        let next = newest + 1;
        let told = match outcome {
            Ok(Commit { position, index, .. }) => {
                pages.acknowledged = pages.acknowledged.max(*position);
                Told::Acknowledged { position: *position, index: *index }
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
        pages.submitted[ticket.0].told = told;
    }

    /// All that a snapshot sees must be what all others see at its position.
    pub(super) fn look(&self, snapshot: &Snapshot) -> Outcome {
        let found = contents(snapshot).map_err(|error| format!("it cannot be read: {error:?}"))?;
        let mut hasher = DefaultHasher::new();
        found.hash(&mut hasher);
        let (position, sum) = (snapshot.position(), hasher.finish());
        match self.pages.lock().looks.entry(position) {
            Entry::Vacant(first) => _ = first.insert(sum),
            Entry::Occupied(first) if *first.get() == sum => {}
            Entry::Occupied(_) => return Err(format!("there are two states at {position}")),
        }
        Ok(())
    }

    /// Commits that somebody could not be told about, and what is to be answered who asks for them.
    pub(super) fn open_questions(&self, history: &History) -> Outcome<Vec<(CommitId, Resolution)>> {
        let (pages, places) = (self.pages.lock(), history.places()?);
        let questions = pages.submitted.iter().filter_map(|submitted| {
            let (Some(mark), Told::Unknown { commit, .. }) = (submitted.mark, &submitted.told)
            else {
                return None;
            };
            let answer = match places.get(&mark) {
                Some((position, _)) => Resolution::Committed { position: *position },
                None => Resolution::NotCommitted,
            };
            commit.map(|commit| (commit, answer))
        });
        Ok(questions.collect())
    }

    /// Judges all of it by what is in the log, and gives what must be there at the end.
    pub(super) fn judge(&self, history: &History) -> Outcome<(Model, Summary)> {
        let mut pages = self.pages.lock();
        let Pages { idle, submitted, summary, .. } = std::mem::take(&mut *pages);
        let mut places = history.places()?;
        let mut reports = idle;
        for (order, submitted) in (0..).zip(submitted) {
            let place = submitted.mark.and_then(|mark| places.remove(&mark));
            reports.push(submitted.report(order, place)?);
        }
        if let Some((mark, place)) = places.first_key_value() {
            return Err(format!("nobody has left the mark {mark} at {place:?}"));
        }
        let others: BTreeSet<u64> = history.others();
        let life = Life { others, reports, ..Life::default() };
        let (model, Checked { commits, conflicts, others }) =
            check(&Model::default(), &life, Some(history.end()))?;
        Ok((model, Summary { commits, conflicts, readers: others, ..summary }))
    }
}

impl Submitted {
    /// The report, if the log holds it at that place; `order` is its number among all.
    fn report(self, order: u64, place: Option<(u64, u32)>) -> Outcome<Report> {
        let Self { submission, mark, told } = self;
        let told_at_place = match &told {
            Told::Nothing => true,
            Told::Acknowledged { position, index } => {
                mark.is_none() || place == Some((*position, *index))
            }
            Told::Unknown { position, .. } => place.is_none_or(|place| place.0 == *position),
            Told::Refused { .. } | Told::Failed { .. } => place.is_none(),
        };
        if !told_at_place {
            return Err(format!("{mark:?} is at {place:?} of the log, and {told:?}"));
        }
        let submitted_after = submission.submitted_after;
        let end = match (place, told) {
            (Some((position, index)), _) => {
                let (order, index) = (u64::from(index), Some(index));
                End::Committed { position, order, index, submitted_after }
            }
            (None, Told::Refused { conflict, told_at }) => End::Refused { conflict, told_at },
            (None, Told::Unknown { position, .. } | Told::Failed { position }) => {
                End::Lost { position, order }
            }
            (None, _) => End::NoEffect,
        };
        Ok(submission.report(end))
    }
}
