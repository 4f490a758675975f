//! The storage engine of SOP.

mod checkpoint;
mod clock;
mod codec;
mod commit;
mod database;
mod delta;
mod disk;
mod error;
mod id;
pub mod limit;
mod log;
mod node;
mod recovery;
mod transaction;
mod tree;
mod version;

pub use clock::{Clock, SystemClock};
pub use commit::Commit;
pub use database::{
    Builder, CheckReport, CommitFuture, Database, Mode, Options, Snapshot, Stats, Transaction,
};
pub use disk::{Access, Disk, Entry, File, Lock, LockKind, Mapping, MemoryDisk, OsDisk};
pub use error::{Conflict, ConflictKind, Error, Kind, Result};
pub use id::StoreId;
pub use recovery::{Cut, RecoveryReport};
pub use transaction::{
    Cursor, Durability, Isolation, Range, Store, StoreInfo, StoreOptions, StoreView,
    TransactionOptions, Value,
};
pub use tree::StoreStats;
