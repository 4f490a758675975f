//! Private drafts over a snapshot, and the pure functions that decide whether they may commit.
//!
//! - [`draft`]: what a transaction wrote and read, as data; [`noted`]: what it depends on.
//! - [`view`]: a snapshot, with a draft over it or without.
//! - [`store`], [`cursor`], [`range`]: what users hold to read and write a store.
//! - [`found`]: where values stand, without reading them.
//! - [`savepoint`]: going back to what a draft was before.
//! - [`placing`]: long values that are in files before the commit.
//! - [`catalog`]: names of stores; [`stores`]: opening, creating, renaming, dropping them.
//! - [`resolve`]: from a draft to a delta, stores named by numbers.
//! - [`validate`]: whether a draft still holds against a newer state.
//! - [`merge`]: what becomes of one that does not.
//! - [`held`]: whether it clashes with what prepared transactions hold; [`intent`]: preparing it.

mod catalog;
mod cursor;
mod draft;
mod found;
mod held;
mod intent;
mod merge;
mod noted;
mod own;
mod place;
mod placing;
mod range;
mod resolve;
mod savepoint;
mod store;
mod store_drafts;
mod stores;
mod validate;
mod value;
mod view;

pub use catalog::StoreOptions;
pub use cursor::{Cursor, Passed};
pub use merge::{Merge, Merger};
pub use range::Range;
pub use savepoint::Savepoint;
pub use store::{Store, StoreView};
pub use stores::StoreInfo;
pub use value::Value;

pub(crate) use draft::{Draft, Loaded, check_entry};
pub(crate) use found::Found;
pub(crate) use resolve::resolve;
pub(crate) use validate::validate;
pub(crate) use view::View;

use std::time::Duration;

/// What concurrent transactions may notice of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// As if transactions ran one after another, in the order of their commits.
    ///
    /// What the transaction read is checked at commit: keys one by one, ranges for anything that
    /// entered, left or changed. A transaction that wrote nothing is never checked and never fails.
    #[default]
    Serializable,
    /// Reads one state, and fails at commit only if a key that it wrote was written by another.
    /// What it wrote blindly is not checked.
    ///
    /// Allows write skew: two transactions that each read what the other writes both commit.
    Snapshot,
}

/// When a commit is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Once it is on the disk.
    #[default]
    Immediate,
    /// At once; it is on the disk within about this time. A crash of the machine may lose the
    /// commits of that time, newest first; what is left is consistent.
    Interval(Duration),
    /// At once; it is on the disk with the next immediate commit of a transaction that wrote
    /// something, checkpoint or `Database::sync`.
    Eventual,
}

/// How new the state must be that a transaction or a snapshot sees, where processes share a folder.
///
/// In any other database the newest state is at hand, and all of these are the same. In a shared
/// folder it is what this process has taken in of the others' commits so far, which in the background
/// happens every [`Options::follow_interval`](crate::Options::follow_interval) and with every commit
/// of its own. What a state misses is noticed when a transaction on it commits, whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Freshness {
    /// As of now: all commits are seen that anybody in any process was told of before.
    ///
    /// Costs a few requests to the file system, some tenths of a millisecond to a network's, and
    /// waits for a commit of this process that is on its way. Fails if the folder cannot be read.
    #[default]
    Fresh,
    /// Not older than this: all commits are seen of which anybody was told that long before, by this
    /// process's own clock.
    ///
    /// Costs nothing if the others were followed within this time, and else the same as
    /// [`Fresh`](Self::Fresh).
    Bounded(Duration),
    /// What this process knows, however old: at least its own commits and what it has shown before.
    ///
    /// Costs nothing, never waits, and works for as long as nodes that are not in memory can be read.
    Local,
}

/// How a transaction runs.
///
/// ```
/// use sop_core::{Durability, Isolation, TransactionOptions};
/// let options = TransactionOptions::default()
///     .isolation(Isolation::Snapshot)
///     .durability(Durability::Eventual);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TransactionOptions {
    /// What it may notice of others; serializable by default.
    pub isolation: Isolation,
    /// When its commit is acknowledged; once it is on the disk by default.
    pub durability: Durability,
    /// How new what it sees must be, in a folder that many processes share; as of now by default.
    pub freshness: Freshness,
}

impl TransactionOptions {
    /// Sets the isolation.
    #[must_use]
    pub fn isolation(self, isolation: Isolation) -> Self {
        Self { isolation, ..self }
    }

    /// Sets the durability.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Sets how new what it sees must be.
    #[must_use]
    pub fn freshness(self, freshness: Freshness) -> Self {
        Self { freshness, ..self }
    }
}
