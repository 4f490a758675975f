//! The commit: what the session has written goes to the engine, and the engine's answer is told in
//! the terms of the caller's types.

use std::sync::Arc;

use super::{CommitReport, Ground, Session, State, Work, end_if_broken, merge::RecordMerger, open};
use crate::error::{Duplicate, Ended, Error, Result};

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
        let Work { ground, unique, partitions, mergeable, tally, after_commit, .. } =
            *self.take_work()?;
        #[cfg(feature = "testing")]
        self.db.planned().at_commit()?;
        let transaction = match ground {
            Ground::Transaction(transaction) => *transaction,
            Ground::Snapshot(snapshot) => {
                return Ok(CommitReport { position: snapshot.position(), ..Default::default() });
            }
        };
        let (transaction, outcome) = if mergeable.is_empty() {
            (transaction, Arc::default())
        } else {
            let mergeable = mergeable.into_iter().collect();
            let (merger, outcome) = RecordMerger::new(self.db.registry(), mergeable);
            (transaction.merging(merger), outcome)
        };
        match transaction.commit_async().await {
            Ok(commit) => {
                self.db.indexer().crowd(partitions);
                let changes = tally.by_store(self.registry());
                let merges = std::mem::take(&mut outcome.lock().merges);
                let report = CommitReport { merges, changes, ..commit.into() };
                tracing::debug!(parent: &self.span, %report, "committed");
                for then in after_commit {
                    then.call(&report);
                }
                Ok(report)
            }
            Err(sop_core::Error::Conflict(conflict)) => {
                let error = self
                    .beaten(&conflict, |at| unique.contains(at))
                    .unwrap_or_else(|| Error::Conflict(self.registry().conflict(conflict)));
                tracing::debug!(parent: &self.span, %error, "not committed");
                Err(error)
            }
            Err(error) => Err(outcome.lock().error.take().unwrap_or_else(|| error.into())),
        }
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
    fn beaten(
        &self,
        conflict: &sop_core::Conflict,
        added: impl Fn(&(sop_core::StoreId, Vec<u8>)) -> bool,
    ) -> Option<Error> {
        let (store, index) = self.registry().named(&conflict.store)?;
        let index = store.indexes.get(index?)?;
        let at = (index.entries, conflict.key.clone());
        let snapshot = self.db.engine().snapshot().ok()?;
        let taken = snapshot.store_by_id(at.0).ok()?.contains(&at.1).ok()?;
        (taken && added(&at)).then(|| {
            let duplicate = Duplicate::new(store.schema, Some(index.spec));
            Error::Duplicate(Duplicate { concurrent: true, ..duplicate })
        })
    }
}
