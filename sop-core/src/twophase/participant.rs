//! What takes part in a global transaction and is not one of our databases.

use std::fmt;

use async_trait::async_trait;

use super::Outcome;
use crate::id::Gtid;

/// A resource that can make its part of a transaction durable before it is decided what becomes of
/// it: the two phases of X/Open's XA, as PostgreSQL and MySQL have them.
///
/// There is one for each database or queue that is meant, and it is registered with a
/// [`TransactionManager`](crate::TransactionManager) under a name that stays the same: by that it
/// is found again after a restart. The work itself is done by whatever means the resource has, as
/// a *branch* under the [`Gtid`] of the global transaction.
///
/// All calls may come several times and at any time, in any process, and are idempotent. A call that
/// panics has failed. One that takes longer than the manager's
/// [patience](crate::TransactionManagerBuilder::patience) is dropped, and has failed as far as anybody
/// knows; it must bear that at any point.
#[async_trait]
pub trait Participant: Send + Sync + fmt::Debug {
    /// By which it is known, in whatever process.
    fn name(&self) -> &str;

    /// Makes the branch durable so that it can be committed whatever happens, and be rolled back.
    ///
    /// If it fails, nothing of the global transaction takes effect.
    async fn prepare(&self, gtid: &Gtid) -> Result<Vote, ParticipantError>;

    /// Lets a prepared branch take effect. `Ok` for one that it does not know: that was ended
    /// before. After an error it is called again, for as long as it takes.
    async fn commit(&self, gtid: &Gtid) -> Result<(), ParticipantError>;

    /// Undoes a branch, prepared or not. `Ok` for one that it does not know.
    async fn rollback(&self, gtid: &Gtid) -> Result<(), ParticipantError>;

    /// All branches that are prepared, and whose names are those of global transactions. Those
    /// whose home nobody here knows are left alone.
    async fn recover(&self) -> Result<Vec<Gtid>, ParticipantError>;

    /// Commits a branch that is not prepared, as the only one of its transaction.
    ///
    /// After [`ParticipantError::refused`] and [`ParticipantError::conflict`] it has not taken effect;
    /// after any other error nobody knows.
    async fn commit_one_phase(&self, gtid: &Gtid) -> Result<(), ParticipantError>;
}

/// A resource that can commit, but not prepare: SQLite, or any other that has transactions of its
/// own. At most one can take part in a global transaction, and it is the one that decides (as *last
/// resource commit* of transaction managers): when all others are prepared it commits, and what it
/// has committed includes a *marker*, by which everybody can tell later that it has.
///
/// The marker is an entry with the [`Gtid`] as its unique key, and an outcome. Whoever finds a
/// transaction undecided asks by [`settle`](Self::settle), which adds the marker of an abort: of the
/// two only one can be added.
#[async_trait]
pub trait LastResource: Send + Sync + fmt::Debug {
    /// By which it is known, in whatever process.
    fn name(&self) -> &str;

    /// Adds the marker of a commit to the branch and commits it.
    ///
    /// After [`ParticipantError::refused`] and [`ParticipantError::conflict`] it has not taken effect,
    /// and never will; after any other error it is [asked](Self::settle).
    async fn commit(&self, gtid: &Gtid) -> Result<(), ParticipantError>;

    /// Undoes a branch that is not committed. `Ok` for one that it does not know.
    async fn rollback(&self, gtid: &Gtid) -> Result<(), ParticipantError>;

    /// What became of the branch. If there is no marker of it, adds that of an abort, durably, by which the
    /// branch cannot be committed any more.
    async fn settle(&self, gtid: &Gtid) -> Result<Outcome, ParticipantError>;

    /// Everybody knows that the branch was committed: its marker may go. May never be called, and is
    /// not for the marker of an abort, which has to stay.
    async fn forget(&self, gtid: &Gtid) -> Result<(), ParticipantError>;
}

/// What a participant says when it is asked to prepare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vote {
    /// It can commit, whatever happens.
    Prepared,
    /// It has changed nothing, and has ended its branch: it need not be told what was decided.
    ReadOnly,
}

/// Why a participant did not do what it was to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct ParticipantError {
    pub(super) reason: String,
    pub(super) kind: Failure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Conflict,
    Refused,
    Unknown,
}

impl ParticipantError {
    /// It has refused, and nothing has happened, because somebody else was first: the same work may
    /// succeed if it is done again.
    pub fn conflict(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), kind: Failure::Conflict }
    }

    /// It has refused, and nothing has happened.
    pub fn refused(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), kind: Failure::Refused }
    }

    /// Something failed, and whether it did it is not known, such as when it did not answer.
    pub fn unknown(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), kind: Failure::Unknown }
    }
}
