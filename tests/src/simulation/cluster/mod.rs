//! Whole clusters: processes on machines of their own, over one server, with nothing but its files
//! between them.
//!
//! Each process is told when to go on, and for how many calls of its disk; so any of them may stop
//! in the middle of a commit or a checkpoint while the others go on for as long as they like, and
//! then go on itself as if nothing had happened. Machines answer from memory what they have asked
//! lately; requests to link are executed and not answered, answered wrongly, lost, or late; calls
//! fail. Processes leave, die and are replaced, and the server loses its power.
//!
//! What everybody did is judged at the end: by the log as the server saw it ([`history`]), where
//! each commit that was acknowledged is once, at the place that was told, and none that was refused;
//! by the [`oracle`](crate::oracle), which does all of it again; by sums over whole states, which
//! must be equal wherever positions are; and by opening the folder once more.

mod book;
mod ending;
mod folder;
mod history;
mod machine;
mod plan;
mod process;
mod turns;
mod world;

use super::{Failure, Summary};

/// Makes the run of a seed.
///
/// # Errors
/// If the engine fails without a cause, panics, or does what must not be.
pub fn run(seed: u64) -> Result<Summary, Failure> {
    super::attempt("cluster_simulation::", seed, |trace| world::World::new(seed, trace).run())
}
