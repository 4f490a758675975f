//! The replay oracle: whether what transactions saw and were told can be true.
//!
//! Every transaction reports, step by step, what it read and what it wrote, which state it began
//! on, and how it ended ([`Report`]). The oracle does all of it again, in the order of the commits,
//! on a [`Model`] that is too simple to be wrong, and demands:
//!
//! - *Snapshots*: whatever was read is what the state it began on holds, with the transaction's own
//!   writes over it.
//! - *Serializable*: every read of a committed transaction also holds in the state right before its
//!   own commit. So the commits could have been made one after another in just that order.
//! - *First committer wins*: also under [`Isolation::Snapshot`] no entry that a transaction wrote
//!   was changed between its snapshot and its commit.
//! - *Strictness*: who begins after a commit was acknowledged sees it.
//! - *Exactly once*: each position belongs to the transactions that say so, and to somebody; what
//!   was refused, dropped or rolled back has no effect.
//! - *States*: whoever looked at all of a state saw what the model holds at its position.
//! - *Justice*: who is refused for a conflict really read or wrote what it names, and somebody
//!   changed it meanwhile. A database that refuses everything does not pass.
//! - *Durability*: a [`Life`] that begins where another ended has all that was promised to last,
//!   and of the rest a beginning without gaps. Commits whose outcome was unknown are among it as a
//!   whole or not at all.

mod blob;
mod changes;
mod digest;
mod model;
mod replay;
mod report;
mod witness;

pub use blob::{BlobStep, Deed, Told};
pub use digest::Digest;
pub use model::{Key, KeyRange, Model, Rows, Value};
pub use replay::{Checked, check};
pub use report::{End, Isolation, Life, Report, Step, WriteKind};
pub use witness::{Direction, Readable, Witness};

#[cfg(test)]
mod tests;
