//! Transactions that are prepared, and committed or rolled back later, maybe in another life.
//!
//! To the oracle such a one takes effect when it is committed. What it has read is held until then;
//! so in each life that it goes through it reads the state of the beginning once more.

use std::collections::{BTreeMap, BTreeSet};

use sop_core::{Commit, Conflict, Error};

use super::Transactions;
use crate::{
    oracle::{End, Isolation, Report, Step},
    simulation::{
        transactions::{Terms, Work as Writer},
        world::{Outcome, State},
    },
};

/// So many at a time: while there are any, many others are kept off.
const PREPARED_MAX: usize = 3;

/// What is prepared, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    known: BTreeMap<String, Held>,
    /// The names of all that ever were.
    names: BTreeSet<String>,
    /// Whether these are, the next opening tells.
    doubtful: BTreeMap<String, Held>,
    /// Where something may have been prepared or ended without a change of anything else.
    positions: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
struct Held {
    terms: Terms,
    steps: Vec<Step>,
}

impl Held {
    fn changes_something(&self) -> bool {
        !self.steps.iter().all(Step::only_reads)
    }

    fn report(self, end: End) -> Report {
        self.terms.report(self.steps, end)
    }

    /// As it stands in a life that begins at a position.
    fn carry(&mut self, opened_at: u64) {
        (self.terms.snapshot, self.terms.begun_after) = (opened_at, 0);
        if self.terms.isolation == Isolation::Snapshot {
            // What it has only read others may have changed.
            self.steps.retain(|step| !step.only_reads());
        }
    }
}

impl Prepared {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether a transaction can be prepared besides.
    pub(super) fn has_room_for(&self, writer: &Writer) -> bool {
        let loads = writer.witness.steps().iter().any(|step| matches!(step, Step::Load { .. }));
        self.known.len() < PREPARED_MAX && !loads
    }
}

impl State<Transactions> {
    /// Prepares it instead of committing it.
    pub(super) fn prepare_writer(&mut self, writer: Writer) -> Outcome {
        self.cast.next_value += 1;
        let name = format!("p{:06}", self.cast.next_value);
        let (transaction, steps) = writer.witness.into_parts();
        let held = Held { terms: writer.terms, steps };
        let outcome = transaction.prepare(&name).map(drop);
        self.trace.line(format_args!("  prepare {name}: {outcome:?}"));
        self.cast.prepared.names.insert(name.clone());
        match outcome {
            Ok(()) => {
                let position = self.position()?;
                self.done_durably(position);
                self.cast.prepared.positions.insert(position);
                self.cast.prepared.known.insert(name, held);
            }
            Err(Error::Conflict(conflict)) => {
                let end = self.refused(conflict)?;
                self.cast.life.reports.push(held.report(end));
            }
            Err(error) => {
                self.explained(&error)?;
                self.cast.life.reports.push(held.clone().report(End::NoEffect));
                if let Error::CommitUnknown { position, .. } = error {
                    self.summary.unknown += 1;
                    self.cast.prepared.positions.insert(position);
                    self.cast.prepared.doubtful.insert(name, held);
                }
            }
        }
        self.settle_abandoned()
    }

    /// Commits one of those that are prepared, or rolls it back.
    pub(super) fn end_prepared(&mut self, commits: bool) -> Outcome {
        let which = self.random.usize(..self.cast.prepared.known.len());
        let name = self.cast.prepared.known.keys().nth(which).cloned();
        let found = name.and_then(|name| self.cast.prepared.known.remove_entry(&name));
        let Some((name, held)) = found else { return Ok(()) };
        self.cast.next_order += 1;
        let (order, submitted_after) = (self.cast.next_order, self.acknowledged);
        let outcome = self.db().find_prepared(&name).and_then(|prepared| {
            if commits { prepared.commit().map(Some) } else { prepared.rollback().map(|()| None) }
        });
        self.trace.line(format_args!("  end {name} as {order}: {outcome:?}"));
        let changes = commits && held.changes_something();
        match outcome {
            Ok(commit) => {
                let position = self.position()?;
                self.done_durably(position);
                let end = match commit {
                    Some(Commit { position, index, .. }) if changes => {
                        End::Committed { position, order, index: Some(index), submitted_after }
                    }
                    _ => {
                        self.cast.prepared.positions.insert(position);
                        End::NoEffect
                    }
                };
                self.cast.life.reports.push(held.report(end));
            }
            Err(error) => {
                self.explained(&error)?;
                if let Error::CommitUnknown { position, .. } = error {
                    self.summary.unknown += 1;
                    self.cast.prepared.positions.insert(position);
                    let end =
                        if changes { End::Unknown { position, order } } else { End::NoEffect };
                    self.cast.life.reports.push(held.clone().report(end));
                    self.cast.prepared.doubtful.insert(name, held);
                } else {
                    self.cast.prepared.known.insert(name, held);
                    // What has failed may fail until the database is opened anew.
                    self.reopens_in = self.reopens_in.or(Some(10));
                }
            }
        }
        self.settle_abandoned()
    }

    fn done_durably(&mut self, position: u64) {
        self.acknowledged = self.acknowledged.max(position);
        self.durable = self.durable.max(position);
    }

    /// How it ends for one who is refused.
    pub(super) fn refused(&self, conflict: Conflict) -> Outcome<End> {
        match &conflict.prepared {
            // It may have ended since.
            Some(holder) if self.cast.prepared.names.contains(holder) => Ok(End::NoEffect),
            Some(holder) => Err(format!("{holder} is not prepared: {conflict}")),
            None => {
                let stats = self.db().stats();
                let told_at = stats.position + u64::from(stats.poisoned);
                Ok(End::Refused { conflict, told_at })
            }
        }
    }

    /// Looks what is prepared after the database was opened anew, and leaves it to the life that is over to
    /// judge what it has read.
    pub(super) fn find_prepared(&mut self) -> Outcome {
        let listed = self.db().prepared().map_err(|error| format!("not listed: {error:?}"))?;
        let listed: BTreeSet<String> = listed.into_iter().map(|info| info.name).collect();
        let prepared = &mut self.cast.prepared;
        let doubtful = std::mem::take(&mut prepared.doubtful).into_iter();
        prepared.known.extend(doubtful.filter(|(name, _)| listed.contains(name)));
        if !prepared.known.keys().eq(&listed) {
            return Err(format!("{listed:?} are prepared, not {:?}", prepared.known.keys()));
        }
        let life = &mut self.cast.life;
        let held = prepared.known.values().cloned();
        life.reports.extend(held.map(|held| held.report(End::NoEffect)));
        let taken: BTreeSet<u64> = life.reports.iter().filter_map(Report::place).collect();
        let alone = std::mem::take(&mut prepared.positions).into_iter();
        life.others.extend(alone.filter(|position| !taken.contains(position)));
        Ok(())
    }

    /// They go on in the next life.
    pub(super) fn carry_prepared(&mut self, opened_at: u64) {
        self.cast.prepared.known.values_mut().for_each(|held| held.carry(opened_at));
    }
}
