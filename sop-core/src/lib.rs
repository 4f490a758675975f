//! The storage engine of SOP.

mod checkpoint;
mod clock;
mod codec;
mod commit;
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
pub use disk::{Access, Disk, Entry, File, Lock, LockKind, Mapping, MemoryDisk, OsDisk};
pub use error::{Conflict, ConflictKind, Error, Kind, Result};
pub use id::StoreId;
