//! Transactions over several databases and resources of others: all of them commit, or none.
//!
//! One database, the *home*, decides. Every other database, and every [`Participant`], first makes its
//! part durable without letting it take effect; then one commit of the home, in which its own part
//! rides, adds the decision to its log; then all others are told. Whoever finds a part that waits,
//! be it years later in another process, looks into the home: what is decided is done, and where
//! nothing is decided, that it is rolled back is decided now, in the same place, where only one
//! decision can be added. Nothing ever ends only because time has passed. This is two-phase commit
//! with presumed abort (Mohan, Lindsay and Obermarck 1986, R*), whose coordinator's log is the
//! home's.
//!
//! - [`manager`]: who is known, and what begins a transaction; [`global`]: the transaction.
//! - [`phases`]: prepare, decide, tell; [`last`]: where a resource that cannot prepare decides.
//! - [`recovery`]: ending what others have left behind; [`doubt`]: what cannot be ended, and why.
//! - [`decisions`]: what is written down, as entries of a store; [`decision`]: as bytes.
//! - [`participant`]: what others have to be able to do; [`asked`]: asking those who may not answer.
//! - [`tell`]: telling one branch.
//! - [`outbox`]: effects for those who cannot take part.

mod asked;
mod decision;
mod decisions;
mod doubt;
mod global;
mod last;
mod manager;
mod outbox;
mod participant;
mod phases;
mod recovery;
mod tell;
#[cfg(test)]
mod tests;

pub use decision::Outcome;
pub use doubt::{Doubt, InDoubt};
pub use global::{Enlisted, GlobalCommit, GlobalTransaction, Untold};
pub use manager::{TransactionManager, TransactionManagerBuilder};
pub use outbox::{Message, MessageId, Outbox, Receiver, Relayed};
pub use participant::{LastResource, Participant, ParticipantError, Vote};
pub use recovery::Recovered;
