//! Going back inside of a session: the engine's savepoint, and what the session keeps beside it.

use std::collections::BTreeMap;

use sop_core::Savepoint as EngineSavepoint;

use super::{Work, identity::Identity, report::Tally};
use crate::{
    db::registry::Registry,
    error::{Error, Result},
};

/// What a session was at some moment.
#[derive(Debug)]
pub(crate) struct Mark {
    number: u64,
    engine: EngineSavepoint,
    tally: Tally,
    after_commit_len: usize,
    changed_len: usize,
    awaited_len: usize,
}

/// The records changed since the oldest savepoint, while there is one.
#[derive(Debug, Default)]
pub(super) struct Since {
    /// The savepoints that can be gone back to, oldest first.
    marks: Vec<u64>,
    next_number: u64,
    changed: Vec<Identity>,
}

impl Since {
    /// Notes that a record was written or deleted.
    pub(super) fn note(&mut self, identity: &Identity) {
        if !self.marks.is_empty() {
            self.changed.push(identity.clone());
        }
    }

    fn position(&self, mark: &Mark) -> Option<usize> {
        self.marks.iter().rposition(|number| *number == mark.number)
    }
}

impl Work {
    /// A moment to go back to. Edits are written first.
    pub(crate) fn savepoint(&mut self, registry: &Registry) -> Result<Mark> {
        self.flush(registry)?;
        let engine = self.transaction()?.savepoint();
        let number = self.since.next_number;
        self.since.next_number += 1;
        self.since.marks.push(number);
        Ok(Mark {
            number,
            engine,
            tally: self.tally.clone(),
            after_commit_len: self.after_commit.len(),
            changed_len: self.since.changed.len(),
            awaited_len: self.awaited.len(),
        })
    }

    /// Undoes everything since a moment. Records changed since then are read anew.
    pub(crate) fn rollback_to(&mut self, mark: &Mark) -> Result<()> {
        let gone = || Error::Invalid("an earlier savepoint was gone back to".into());
        let at = self.since.position(mark).ok_or_else(gone)?;
        self.transaction()?.rollback_to(&mark.engine)?;
        self.revision += 1;
        self.since.marks.truncate(at + 1);
        self.records.put_all_changed(BTreeMap::new());
        for identity in self.since.changed.split_off(mark.changed_len) {
            self.records.forget(&identity);
        }
        self.tally = mark.tally.clone();
        self.after_commit.truncate(mark.after_commit_len);
        self.awaited.truncate(mark.awaited_len);
        Ok(())
    }

    /// The moment will not be gone back to.
    pub(crate) fn release(&mut self, mark: &Mark) {
        let Some(at) = self.since.position(mark) else { return };
        self.since.marks.remove(at);
        if self.since.marks.is_empty() {
            self.since.changed = Vec::new();
        }
        let released = self.transaction().and_then(|at| Ok(at.release(&mark.engine)?));
        released.expect("invariant: the engine knows the savepoints that the session knows");
    }
}
