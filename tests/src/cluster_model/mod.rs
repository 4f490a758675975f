//! The protocol of a folder that many processes share, as models that are searched to the end.
//!
//! Each model is plain data, a function from a state to everything that may happen next, and a
//! verdict about a state. [`explore`] looks at all states that a few processes can bring about,
//! whatever the order of their steps and wherever they stop. Every guard of the protocol can be left
//! out ([`Rules::without`]); the search must then find what goes wrong, or the guard is none.
//!
//! There are six models, each about one question, because their product would be too large:
//! [`LogModel`] about slots, floors and answers that never came, [`DurabilityModel`] about power
//! cuts, [`MembersModel`] about who may commit, [`ResolveModel`] about what became of what nobody could
//! tell about, [`CheckpointsModel`] about what may be removed, and [`TwoPhaseModel`] about transactions over several databases.

mod checkpoints;
mod durability;
mod event;
mod explore;
mod log;
mod members;
mod pack;
mod resolve;
mod rules;
mod two_phase;
mod visited;

pub use checkpoints::CheckpointsModel;
pub use durability::DurabilityModel;
pub use event::{Counterexample, Event};
pub use explore::{Explored, Finding, Goal, Model, Steps, explore};
pub use log::LogModel;
pub use members::MembersModel;
pub use pack::{Choice, Packed, Packer};
pub use resolve::ResolveModel;
pub use rules::{Guard, Rules};
pub use two_phase::TwoPhaseModel;
