//! What a commit did, and what waits for it.

use std::{collections::BTreeMap, fmt, panic};

use super::MergedRecord;
use crate::{db::registry::Registry, entity::Record};

/// What a commit did.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// s.of::<Order>().delete(1).await?;
/// let report = s.commit().await?;
/// assert!(!report.merged && report.merges.is_empty(), "nobody else was there");
/// assert_eq!(report.changes[0].deleted, 1);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommitReport {
    /// Position of the commit in the log. For a session that wrote nothing it is that of the state
    /// it read.
    pub position: u64,
    /// Other sessions had committed since this one began, and its changes were merged with theirs.
    pub merged: bool,
    /// The records that others had changed too, and that were merged by their policies.
    pub merges: Vec<MergedRecord>,
    /// What was written, by store, in the order in which the stores were registered.
    pub changes: Vec<StoreChanges>,
}

/// What a session wrote to one store. A record that it wrote several times counts several times.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// s.of::<Order>().insert(NewOrder { total: 40 }).await?;
/// s.of::<User>().by_key().delete().await?;
/// let changes: Vec<_> = s.commit().await?.changes.iter().map(ToString::to_string).collect();
/// assert_eq!(changes, [
///     "users: 0 inserted, 0 updated, 3 deleted",
///     "orders: 1 inserted, 0 updated, 0 deleted",
/// ]);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreChanges {
    /// The store's name.
    pub store: &'static str,
    /// Records that were not there before.
    pub inserted: u64,
    /// Records that took the place of one with the same key, restored ones included.
    pub updated: u64,
    /// Records that are gone. One that can be restored counts, and again when it is purged.
    pub deleted: u64,
}

/// `at 4711, merged (users: 1 inserted, 2 updated, 0 deleted)`
impl fmt::Display for CommitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", self.position)?;
        if self.merged {
            f.write_str(", merged")?;
        }
        self.changes.iter().try_for_each(|changes| write!(f, " ({changes})"))
    }
}

/// `users: 1 inserted, 2 updated, 0 deleted`
impl fmt::Display for StoreChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, inserted, updated, deleted } = self;
        write!(f, "{store}: {inserted} inserted, {updated} updated, {deleted} deleted")
    }
}

/// What a change of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Inserted,
    Updated,
    Deleted,
}

impl Kind {
    /// A record that becomes a deleted one is deleted, and one that is restored is updated.
    pub(super) fn of(before: Option<&dyn Record>, after: Option<&dyn Record>) -> Self {
        match (before, after) {
            (None, _) => Self::Inserted,
            (Some(_), None) => Self::Deleted,
            (Some(before), Some(after)) if after.is_deleted() && !before.is_deleted() => {
                Self::Deleted
            }
            (Some(_), Some(_)) => Self::Updated,
        }
    }
}

/// Changes counted so far, by position of the store.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    stores: BTreeMap<usize, [u64; 3]>,
}

impl Tally {
    pub(super) fn count(&mut self, store: usize, kind: Kind) {
        let [inserted, updated, deleted] = self.stores.entry(store).or_default();
        *match kind {
            Kind::Inserted => inserted,
            Kind::Updated => updated,
            Kind::Deleted => deleted,
        } += 1;
    }

    pub(super) fn by_store(&self, registry: &Registry) -> Vec<StoreChanges> {
        let named = |(store, counts): (&usize, &[u64; 3])| {
            let [inserted, updated, deleted] = *counts;
            StoreChanges { store: registry.at(*store).schema.store, inserted, updated, deleted }
        };
        self.stores.iter().map(named).collect()
    }
}

/// Something to be done after a commit.
pub(super) struct AfterCommit(Box<dyn FnOnce(&CommitReport) + Send>);

impl AfterCommit {
    pub(super) fn new(then: impl FnOnce(&CommitReport) + Send + 'static) -> Self {
        Self(Box::new(then))
    }

    /// The commit stands whatever happens here, so a panic must not look as if it did not.
    pub(super) fn call(self, report: &CommitReport) {
        let called = panic::catch_unwind(panic::AssertUnwindSafe(|| (self.0)(report)));
        if called.is_err() {
            tracing::error!(position = report.position, "what was to follow a commit panicked");
        }
    }
}

impl fmt::Debug for AfterCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AfterCommit")
    }
}
