//! Whether an index holds all records yet, and since when.
//!
//! An index becomes complete by a commit. Sessions that stand on an older state do not see all of
//! its entries, so readiness is a question of the state that is asked, not of the moment.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use crate::{error::Error, schema::catalog::Filling};

/// What [`Db::index_progress`](crate::Db::index_progress) tells of one index.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let progress = db.index_progress();
/// let by_tag = progress.iter().find(|one| (one.store, one.index) == ("orders", "by_tag"));
/// assert!(by_tag.is_some_and(|one| one.done == one.total));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IndexProgress {
    /// The store's name.
    pub store: &'static str,
    /// The index's name.
    pub index: &'static str,
    /// Whether it can be used.
    pub state: IndexState,
    /// Records that have been gone through. Goes on where it was when the database is opened again.
    pub done: u64,
    /// Records to go through, those done included. What is inserted since the database was opened
    /// does not count: it is in the index at once.
    pub total: u64,
}

/// Whether an index can be used.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::{IndexBuilding, IndexState};
///
/// # let builder = Db::builder().store::<Order>().index_building(IndexBuilding::ByHand);
/// # let db = earlier(&[10, 20, 30], builder).await?;
/// assert!(matches!(db.index_progress()[0].state, IndexState::Building));
/// while db.build_indexes(1_000)? {}
/// assert!(matches!(db.index_progress()[0].state, IndexState::Ready));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IndexState {
    /// It holds all records, and answers to sessions that begin now.
    Ready,
    /// It is maintained by all sessions and being filled with older records. Queries on it fail
    /// with [`Error::IndexBuilding`](crate::Error::IndexBuilding).
    Building,
    /// The filling cannot go on: mend the cause and call
    /// [`Db::resume_indexes`](crate::Db::resume_indexes). Queries on it fail with
    /// [`Error::IndexFailed`](crate::Error::IndexFailed).
    Failed(IndexFault),
}

/// Why an index cannot be completed. All else goes on.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// # mod now {
/// #     #[derive(sop_orm::SopStore)]
/// #     #[sop(store = "orders", unique(by_total(total)))]
/// #     pub struct Order { #[sop(key)] number: u64, total: i64, tags: Vec<String> }
/// # }
/// # let db = earlier(&[10, 20, 20], Db::builder().store::<now::Order>()).await?;
/// use sop_orm::IndexFault;
///
/// // The second and the third order have the same total, and it must be unique from now on.
/// let Err(Error::IndexFailed { fault, .. }) = db.indexes_ready().await else { panic!("ready") };
/// assert!(matches!(&fault, IndexFault::Duplicate { fields, .. } if *fields == ["total"]));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IndexFault {
    /// Two records have equal columns in a unique index. Change or delete one of them.
    Duplicate {
        /// The key of one record, as text for people.
        key: String,
        /// The key of the other one.
        other: String,
        /// Names of the columns that must be unique together.
        fields: Vec<&'static str>,
    },
    /// A record has no place in the index, such as NaN in a column, or cannot be read.
    Record {
        /// Its key, as text for people.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A function of the program, of a column or of `when`, panicked.
    Panicked,
    /// The engine failed, or something else that is none of the index's business.
    Other(Box<Error>),
}

impl fmt::Display for IndexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { key, other, fields } => {
                let fields = fields.join(", ");
                write!(f, "the records {key} and {other} have the same {fields}")
            }
            Self::Record { key, reason } => write!(f, "the record {key}: {reason}"),
            Self::Panicked => f.write_str("a function of the program panicked"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

/// The state of one index.
#[derive(Debug)]
pub(crate) struct Readiness {
    /// The position of the first state in which the index is complete; `u64::MAX` before.
    ready_at: AtomicU64,
    progress: Mutex<Progress>,
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) filling: Option<Filling>,
    /// The greatest key of records that were there before the index was.
    pub(crate) until: Vec<u8>,
    pub(crate) total: u64,
    pub(crate) fault: Option<IndexFault>,
}

impl Readiness {
    /// As an index is found when the database is opened.
    pub(crate) fn new(progress: Progress) -> Self {
        let ready_at = if progress.filling.is_none() { 0 } else { u64::MAX };
        Self { ready_at: AtomicU64::new(ready_at), progress: Mutex::new(progress) }
    }

    /// Whether the index is complete in the state at this position.
    pub(crate) fn is_ready_at(&self, position: u64) -> bool {
        position >= self.ready_at.load(Ordering::Acquire)
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.lock().clone()
    }

    /// What keeps the index from being completed.
    pub(crate) fn fault(&self) -> Option<IndexFault> {
        self.progress.lock().fault.clone()
    }

    /// Whether there is something to be filled that has not failed.
    pub(crate) fn is_building(&self) -> bool {
        let progress = self.progress.lock();
        progress.filling.is_some() && progress.fault.is_none()
    }

    /// A commit at this position has filled more of it, or the rest.
    pub(crate) fn filled(&self, filling: Option<Filling>, position: u64) {
        let mut progress = self.progress.lock();
        if filling.is_none() {
            self.ready_at.store(position, Ordering::Release);
        }
        progress.filling = filling;
    }

    pub(crate) fn fail(&self, fault: IndexFault) {
        self.progress.lock().fault = Some(fault);
    }

    /// Lets the filling be tried again. Returns whether it had failed.
    pub(crate) fn resume(&self) -> bool {
        self.progress.lock().fault.take().is_some()
    }

    pub(crate) fn state(&self) -> IndexState {
        let progress = self.progress.lock();
        match (&progress.filling, &progress.fault) {
            (None, _) => IndexState::Ready,
            (Some(_), None) => IndexState::Building,
            (Some(_), Some(fault)) => IndexState::Failed(fault.clone()),
        }
    }
}
