//! The storage engine of SOP: optimistic transactions over copy-on-write B+trees and one log.
//!
//! A [`Database`] is a folder of files, opened by one process. It holds *stores*: ordered maps from
//! byte keys to byte values, each with a name. All work is done in [`Transaction`]s, any number of
//! them at once, over any number of stores; [`Snapshot`]s read without any.
//!
//! ```
//! use sop_core::{Database, Error, StoreOptions};
//!
//! # fn main() -> sop_core::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let path = folder.path().join("shop");
//! let db = Database::open(path)?;
//!
//! // What a transaction writes becomes durable as a whole, or leaves no trace.
//! let tx = db.begin()?;
//! let stock = tx.open_store("stock", &StoreOptions::default())?;
//! stock.add("apple/red", "12")?;
//! stock.add("apple/green", "7")?;
//! stock.add("pear", "3")?;
//! tx.commit()?;
//!
//! // A snapshot stays as it is, whatever is committed afterwards.
//! let before = db.snapshot()?;
//! let tx = db.begin()?;
//! tx.store("stock")?.remove("apple/green")?;
//! tx.commit()?;
//! assert_eq!(before.store("stock")?.prefix("apple/")?.count(), 2);
//! assert_eq!(db.snapshot()?.store("stock")?.count_prefix("apple/")?, 1);
//!
//! // Nobody waits for a lock. Of two transactions that get into each other's way, the second to
//! // commit is refused, and its work can be done again.
//! let (one, two) = (db.begin()?, db.begin()?);
//! for tx in [&one, &two] {
//!     tx.store("stock")?.update("pear", "2")?;
//! }
//! one.commit()?;
//! assert!(matches!(two.commit(), Err(Error::Conflict(_))));
//! # db.close()
//! # }
//! ```
//!
//! # What holds
//!
//! - **All or nothing.** A transaction takes effect as a whole, over all of its stores, also when
//!   the process is killed or the power fails in the middle of it.
//! - **Durable.** When [`Transaction::commit`] returns, the commit is synced to the disk. A
//!   transaction whose durability can wait says so with [`Durability`].
//! - **Serializable.** The outcome is one that the transactions could have had one after another,
//!   in the order of their commits. What a transaction read is checked when it commits, ranges
//!   included; keys that lie beside each other are no conflict. [`Isolation::Snapshot`] checks only
//!   what was written. What was written blindly ([`Store::blind_upsert`]) rests on nothing and is
//!   not checked. A transaction that wrote nothing is never refused.
//! - **Merged.** Transactions that commit at the same time share one record of the log and one
//!   sync.
//! - **Never silently wrong.** A log that ends in a torn record, which is what a crash leaves, is
//!   cut there, and [`Database::recovery`] tells. Any other damage that is met is an
//!   [`Error::Corrupt`] with the file and the place. After a write or sync of the log has failed
//!   nothing more is accepted until the database is opened anew; a commit that was caught in it is
//!   [`Error::CommitUnknown`], neither a success nor a failure.
//!
//! # How to use it
//!
//! Calls are synchronous: reads and writes are answered from memory and mapped files, a commit
//! waits until it is durable. There is no runtime; [`Transaction::commit_async`] gives a future
//! that any executor can await.
//!
//! Work that may meet other work is a loop:
//!
//! ```
//! use sop_core::{Database, Result};
//!
//! fn take_one(db: &Database, key: &str) -> Result<bool> {
//!     loop {
//!         let tx = db.begin()?;
//!         let stock = tx.store("stock")?;
//!         let left = stock.find(key)?.map_or(0, |count| count[0]);
//!         if left == 0 {
//!             return Ok(false);
//!         }
//!         stock.upsert(key, [left - 1])?;
//!         match tx.commit() {
//!             Err(error) if error.is_retryable() => {}
//!             other => return other.map(|_| true),
//!         }
//!     }
//! }
//! # let db = Database::builder().in_memory()?;
//! # let tx = db.begin()?;
//! # tx.create_store("stock", &Default::default())?.add("pear", [1])?;
//! # tx.commit()?;
//! # assert!(take_one(&db, "pear")?);
//! # assert!(!take_one(&db, "pear")?);
//! # Ok::<_, sop_core::Error>(())
//! ```
//!
//! # What is where
//!
//! - Opening: [`Database`], [`Builder`], [`Options`], [`Mode`]; [`RecoveryReport`] and [`Cut`] say
//!   what was found.
//! - Threads, or none: [`Background`], and [`Work`] for [`Database::work`].
//! - Units of work: [`Transaction`], [`TransactionOptions`], [`Isolation`], [`Durability`],
//!   [`Freshness`]; how they end: [`Commit`], [`CommitFuture`], [`Conflict`], [`ConflictKind`].
//! - What became of a commit that nobody could tell about: [`CommitId`], [`Database::resolve`],
//!   [`Resolution`].
//! - Reading alone: [`Snapshot`].
//! - Stores: [`Store`] to read and write one, [`StoreView`] to read it; [`Cursor`] and [`Range`] to
//!   walk through it, forwards and backwards; [`Value`] for what is found. [`StoreOptions`],
//!   [`StoreInfo`] and [`StoreId`] for the store as a whole.
//!   [`Transaction::bulk_load`] fills one fastest.
//! - Content of any length, as streams: [`Transaction::open_blobs`], [`BlobStore`] and [`Blob`] to
//!   write, [`BlobStoreView`] and [`BlobView`] to read; [`BlobReader`], [`BlobWriter`],
//!   [`BlobNames`], [`BlobOptions`].
//! - A second copy of everything, kept up by each commit: [`Builder::mirror`], [`Database::mirror`]
//!   with [`MirrorStatus`], [`MirrorFolder`] and [`MirrorProgress`], [`Database::rebuild_mirror`],
//!   [`Database::scrub_mirror`] with [`ScrubReport`]; [`MirrorProblem`].
//! - Transactions in two phases, by hand: [`Transaction::prepare`], [`Prepared`], [`PreparedInfo`].
//! - Transactions over several databases and resources of others: [`TransactionManager`] with
//!   [`TransactionManagerBuilder`], [`GlobalTransaction`], [`Enlisted`], [`GlobalCommit`], [`Gtid`],
//!   [`Outcome`]; [`Participant`], [`LastResource`], [`Vote`], [`ParticipantError`]; [`Recovered`],
//!   [`InDoubt`], [`Doubt`], [`Untold`]. Messages that follow a transaction: [`Outbox`],
//!   [`Receiver`], [`Message`], [`MessageId`], [`Relayed`]. The traits are implemented with
//!   [`macro@async_trait`], which is that crate's.
//! - Errors: [`Error`] says what happened, [`Kind`] what the caller can do about it.
//! - Looking inside: [`Stats`], [`StoreStats`]; [`Database::check`] reads everything and gives a
//!   [`CheckReport`].
//! - Parts to be replaced, by tests above all: [`Disk`] with [`File`], [`Lock`] and what they take
//!   and give, [`OsDisk`] and [`MemoryDisk`]; [`Clock`] and [`SystemClock`].
//! - What processes that share a folder tell each other: [`Coordination`], [`Coordinator`]; by way
//!   of a Redis server `RedisCoordination`, with the feature `redis`. No database uses it yet.
//! - Testing what becomes of a program whose disk fails or loses its power, or is shared with
//!   others: `SimulatedDisk` and `ClientDisk`, with the feature `simulation`.
//! - [`limit`]: every bound, as a constant.
//!
//! `ARCHITECTURE.md` in the repository explains how all of it works, `docs/format.md` every byte
//! on disk.

mod backup;
mod blob;
mod checkpoint;
mod clock;
mod codec;
mod commit;
mod coordinate;
mod database;
mod delta;
mod disk;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod guard;
mod id;
pub mod limit;
mod log;
mod node;
#[cfg(test)]
mod random;
mod recovery;
mod sync;
mod timer;
mod transaction;
mod tree;
mod twophase;
mod version;
mod write_set;

pub use async_trait::async_trait;
pub use backup::{BackupProgress, BackupReport, RestoreReport};
pub use blob::{
    Blob, BlobNames, BlobOptions, BlobReader, BlobStore, BlobStoreView, BlobView, BlobWriter,
};
pub use clock::{Clock, SystemClock};
pub use commit::{Commit, Resolution};
pub use coordinate::{
    Coordination, Coordinator, Health, Joining, NoCoordination, Realm, Trouble, Turn,
};
#[cfg(feature = "redis")]
pub use coordinate::{REDIS_RIGHTS, RedisCoordination};
pub use database::{
    Background, Builder, CheckReport, CommitFuture, Database, Mode, Options, Prepared,
    PreparedInfo, ScrubReport, Snapshot, Stats, Transaction, Work,
};
pub use disk::{
    Access, Disk, Entry, File, Lock, LockKind, Mapping, MemoryDisk, MirrorFolder, MirrorProgress,
    MirrorStatus, Mount, OsDisk,
};
#[cfg(any(test, feature = "simulation"))]
pub use disk::{Call, ClientDisk, Fault, Faults, FaultyDisk, LinkFate, SimulatedDisk, Survival};
pub use error::{Conflict, ConflictKind, Error, Kind, MirrorProblem, Result};
pub use id::{CommitId, Gtid, StoreId};
pub use recovery::{Cut, RecoveryReport};
#[doc(hidden)]
pub use timer::Timer;
pub use transaction::{
    Cursor, Durability, Freshness, Isolation, Merge, Merger, Passed, Range, Savepoint, Store,
    StoreInfo, StoreOptions, StoreView, TransactionOptions, Value,
};
pub use tree::StoreStats;
pub use twophase::{
    Doubt, Enlisted, GlobalCommit, GlobalTransaction, InDoubt, LastResource, Message, MessageId,
    Outbox, Outcome, Participant, ParticipantError, Receiver, Recovered, Relayed,
    TransactionManager, TransactionManagerBuilder, Untold, Vote,
};
