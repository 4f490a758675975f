//! What processes that share a folder tell each other past the log.
//!
//! Who may commit, and in which order, is decided by the files alone (`docs/design/0014-cluster.md`).
//! With nothing but files, though, whoever wants to know whether there is something new has to look,
//! and those who want the same slot race for it. A [`Coordinator`] saves looks and races: it lets
//! writers take turns, wakes those who follow, and hands them small batches before they have looked.
//!
//! **Nothing it says has to be true.** It may be slow, silent, wiped, split in two, or lie: a turn
//! may be had by two or by nobody, news may come late, twice or never, be of slots that are dead, and
//! a member that is reported silent may be well. So an answer may decide *when* something is tried,
//! never what comes of it. Each call says what can be wrong with its answer.
//!
//! **It never makes anybody wait.** All calls return at once; what has to be waited for is asked for
//! again when the [`Waker`] was woken, for as long as the caller has patience.
//!
//! [`NoCoordination`] is the one that knows nothing. With the feature `redis` there is
//! `RedisCoordination`.

mod none;
#[cfg(feature = "redis")]
mod redis;

use std::{fmt, sync::Arc, task::Waker, time::Duration};

#[cfg(feature = "redis")]
pub use self::redis::{REDIS_RIGHTS, RedisCoordination};
pub use none::NoCoordination;

use crate::clock::Clock;

/// A way for the processes that share a database to coordinate: what a database is opened with.
pub trait Coordination: Send + Sync + fmt::Debug {
    /// Joins the others that have the same [`Realm`]. Returns at once, whether or not anybody can be
    /// reached; [`Coordinator::health`] tells. Dropping the coordinator is leaving, and takes a
    /// second at most.
    fn join(&self, joining: Joining) -> Arc<dyn Coordinator>;
}

/// Who joins, and what it needs for that.
#[derive(Clone, Debug)]
pub struct Joining {
    /// Whose processes coordinate.
    pub realm: Realm,
    /// Who joins: sixteen random bytes, made anew for each joining.
    pub member: [u8; 16],
    /// The time and random numbers.
    pub clock: Arc<dyn Clock>,
    /// Woken when [`turn`](Coordinator::turn), [`newest`](Coordinator::newest) or
    /// [`health`](Coordinator::health) may have another answer than before. Many changes may be one
    /// waking, and some wakings are for nothing. It must not own the coordinator.
    pub waker: Waker,
}

/// A database in one of its lives. Members of different realms have nothing to do with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Realm {
    /// The identity of the database. Not secret.
    pub database: [u8; 16],
    /// Told apart from other lives of the same database, such as those before it was restored from
    /// a backup. Not secret.
    pub incarnation: [u8; 16],
    /// What only those know who can read the folder. It is never sent; who does not know it cannot
    /// make members believe an announcement.
    pub secret: [u8; 32],
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realm")
            .field("database", &format_args!("{:032x}", u128::from_be_bytes(self.database)))
            .field("incarnation", &format_args!("{:032x}", u128::from_be_bytes(self.incarnation)))
            .finish_non_exhaustive()
    }
}

/// One member's end of a [`Coordination`].
pub trait Coordinator: Send + Sync + fmt::Debug {
    /// Asks for the turn to link the next slot, in the order of asking. To be called when a link was
    /// lost, or when others [wait](Self::waiting), and again after each waking until it is
    /// [`Turn::Mine`] or patience is at its end; then either [`announce`](Self::announce) or
    /// [`end_turn`](Self::end_turn).
    ///
    /// A turn that is not ended lapses after a while, so that one who died costs the others no more
    /// than that. It is no lock: a turn may lapse unnoticed, several may have it, and those who never
    /// asked link as well.
    fn turn(&self) -> Turn;

    /// Hands the turn on to whoever is next, or stops waiting for it. Nothing happens without one.
    fn end_turn(&self);

    /// Tells everybody that this member's slot is linked, durably or not, and ends its turn. With
    /// `slot`, the bytes of it are carried along, if there are at most
    /// [`CARRIED_LEN_MAX`](crate::limit::CARRIED_LEN_MAX).
    ///
    /// May never arrive. Of several in quick succession all but the last may be left out.
    fn announce(&self, position: u64, slot: Option<&[u8]>);

    /// The highest position that another member has announced. There may be higher ones, and at this
    /// one there may be nothing, for good: who has looked once need not look again.
    fn newest(&self) -> Option<u64>;

    /// The bytes that another member has carried along with this position, which are given only once;
    /// those of lower positions are forgotten.
    ///
    /// They are what that member believed to have linked there. It may have been mistaken, in that
    /// the slot was dead already. So they count for nothing until a slot that was read from the
    /// folder shows by its chain that they belong to the log.
    fn take_carried(&self, position: u64) -> Option<Arc<[u8]>>;

    /// How many members wait for a turn, as far as is known; possibly of some time ago.
    fn waiting(&self) -> u32;

    /// For how long nothing was heard of a member although this one was listening. None if it was
    /// not. A silent one may be well, and one that was just heard of may be dead.
    fn silence(&self, member: [u8; 16]) -> Option<Duration>;

    /// Whether it works.
    fn health(&self) -> Health;
}

/// An answer to [`Coordinator::turn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go ahead.
    Mine,
    /// Others are first: about this many, if that is known.
    Waiting(Option<u32>),
    /// There is no queue, now or ever. Go ahead and race.
    NoQueue,
}

/// Whether a [`Coordinator`] works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// There is none, by choice.
    Off,
    /// It is being tried for the first time.
    Connecting,
    /// It works.
    Healthy,
    /// It failed and is left alone for a while, longer each time. Everything goes on without it.
    Open(Trouble),
}

/// Why a [`Coordinator`] does not work. None of the texts has a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// No connection, or it broke. Look whether the server runs, and at the address.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("the server does not answer in time")]
    Slow,
    /// Wrong name or password, or not enough rights; the text says which are needed.
    #[error("the server refuses: {0}")]
    Denied(String),
    /// It answered something that it should not, such as that it is a replica.
    #[error("the server is of no use: {0}")]
    Unusable(String),
}
