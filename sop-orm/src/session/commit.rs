//! The commit: what the session has written goes to the engine, and the engine's answer is told in
//! the terms of the caller's types.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use parking_lot::Mutex;
use sop_core::{StoreId, Transaction};

use super::{
    CommitReport, Ground, Session, State, Work, end_if_broken,
    merge::{Outcome, RecordMerger},
    open,
    report::{AfterCommit, Tally},
};
use crate::error::{Duplicate, Ended, Error, Result};

/// A session that has ended, and is to be committed.
pub(crate) enum Ready {
    /// In a database that is open for reading only.
    ReadOnly(CommitReport),
    Transaction(Box<Transaction>, Submitted),
}

/// What is left of a session while its transaction is being committed.
pub(crate) struct Submitted {
    unique: HashSet<(StoreId, Vec<u8>)>,
    partitions: BTreeSet<(usize, usize, Vec<u8>)>,
    tally: Tally,
    after_commit: Vec<AfterCommit>,
    outcome: Arc<Mutex<Outcome>>,
}

impl Session {
    /// Writes all changes and makes them durable together. The session has ended then, also if
    /// this fails, unless it fails before anything is submitted: with
    /// [`AlreadyEditing`](Error::AlreadyEditing) while an [`Edit`](crate::Edit) is alive, with
    /// [`BrokenReference`](Error::BrokenReference) if a reference leads to nothing, or with what a
    /// flush of edits can fail with.
    ///
    /// Fails with [`Conflict`](Error::Conflict) if another session has changed what this one read
    /// or wrote, unless the policies of the records merge the changes, and with
    /// [`Duplicate`](Error::Duplicate) if it has added the same value to a unique index. If the
    /// returned future is dropped after it was first polled, the commit still goes on.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let (one, two) = (db.session(), db.session());
    /// for s in [&one, &two] {
    ///     s.of::<Order>().edit(1).await?.total += 1;
    /// }
    /// let report = one.commit().await?;
    /// assert_eq!(report.changes[0].updated, 1);
    /// assert!(matches!(two.commit().await, Err(Error::Conflict(_))));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn commit(&self) -> Result<CommitReport> {
        let (transaction, submitted) = match self.submit()? {
            Ready::ReadOnly(report) => return Ok(report),
            Ready::Transaction(transaction, submitted) => (transaction, submitted),
        };
        match transaction.commit_async().await {
            Ok(commit) => Ok(self.committed(submitted, commit.position, commit.merged)),
            Err(error) => Err(self.refused(&submitted, error)),
        }
    }

    /// Writes all changes and ends the session: from now on the transaction is what there is of it.
    pub(crate) fn submit(&self) -> Result<Ready> {
        let Work { ground, unique, partitions, mergeable, tally, after_commit, .. } =
            *self.take_work()?;
        #[cfg(feature = "testing")]
        self.db.planned().at_commit()?;
        let transaction = match ground {
            Ground::Transaction(transaction) => transaction,
            Ground::Snapshot(snapshot) => {
                let report = CommitReport { position: snapshot.position(), ..Default::default() };
                return Ok(Ready::ReadOnly(report));
            }
        };
        let (transaction, outcome) = if mergeable.is_empty() {
            (transaction, Arc::default())
        } else {
            let mergeable = mergeable.into_iter().collect();
            let (merger, outcome) = RecordMerger::new(self.db.registry(), mergeable);
            (Box::new(transaction.merging(merger)), outcome)
        };
        let submitted = Submitted { unique, partitions, tally, after_commit, outcome };
        Ok(Ready::Transaction(transaction, submitted))
    }

    /// What follows when it is committed.
    pub(crate) fn committed(
        &self,
        submitted: Submitted,
        position: u64,
        merged: bool,
    ) -> CommitReport {
        self.db.indexer().crowd(submitted.partitions);
        let changes = submitted.tally.by_store(self.registry());
        let merges = std::mem::take(&mut submitted.outcome.lock().merges);
        let report = CommitReport { position, merged, merges, changes };
        tracing::debug!(parent: &self.span, %report, "committed");
        for then in submitted.after_commit {
            then.call(&report);
        }
        report
    }

    /// Why it is not, in the terms of the caller's types.
    pub(crate) fn refused(&self, submitted: &Submitted, error: sop_core::Error) -> Error {
        let sop_core::Error::Conflict(conflict) = error else {
            return submitted.outcome.lock().error.take().unwrap_or_else(|| error.into());
        };
        let error = self
            .beaten(&conflict, submitted)
            .unwrap_or_else(|| Error::Conflict(self.registry().conflict(conflict)));
        tracing::debug!(parent: &self.span, %error, "not committed");
        error
    }

    /// Flushes, ends the session, and hands out its work.
    fn take_work(&self) -> Result<Box<Work>> {
        let mut state = self.state.lock();
        let work = open(&mut state)?;
        work.refuse_any_editing(self.registry())?;
        let flushed =
            work.flush(self.registry()).and_then(|()| work.require_awaited(self.registry()));
        end_if_broken(&mut state, flushed.as_ref().err());
        flushed?;
        match std::mem::replace(&mut *state, State::Ended(Ended::Committed)) {
            State::Open(work) => Ok(work),
            State::Ended(ended) => Err(Error::SessionClosed(ended)),
        }
    }

    /// A conflict at an entry that this session added to a unique index is a duplicate, if the
    /// winner has put an entry there.
    pub(crate) fn beaten(
        &self,
        conflict: &sop_core::Conflict,
        submitted: &Submitted,
    ) -> Option<Error> {
        let (store, index) = self.registry().named(&conflict.store)?;
        let index = store.indexes.get(index?)?;
        let at = (index.entries, conflict.key.clone());
        let snapshot = self.db.engine().snapshot().ok()?;
        let taken = snapshot.store_by_id(at.0).ok()?.contains(&at.1).ok()?;
        (taken && submitted.unique.contains(&at)).then(|| {
            let duplicate = Duplicate::new(store.schema, Some(index.spec));
            Error::Duplicate(Duplicate { concurrent: true, ..duplicate })
        })
    }
}
