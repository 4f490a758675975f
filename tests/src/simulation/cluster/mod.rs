//! Whole clusters: processes on machines of their own, over one server, with nothing but its files
//! between them.
//!
//! Each process is told when to go on, and for how many calls of its disk; so any of them may stop
//! in the middle of a commit or a checkpoint while the others go on for as long as they like, and
//! then go on itself as if nothing had happened. Machines answer from memory what they have asked
//! lately; requests to link are executed and not answered, answered wrongly, lost, or late; calls
//! fail. Processes leave, die, are taken for dead and are replaced, and the server loses its power. In
//! half of the runs they tell each other news and take turns by way of something like Redis that is
//! lost, wiped, split and slow. How often each of these things happened is counted ([`Happening`]),
//! so that none can stop happening unnoticed.
//!
//! What everybody did is judged at the end: by the log as the server saw it (`history`), where
//! each commit that was acknowledged is once, at the place that was told, and none that was refused;
//! by the [`oracle`](crate::oracle), which does all of it again; by digests of whole states, which
//! must be equal on all processes wherever positions are, and equal to the oracle's; by the checker of
//! [histories](crate::history), which knows nothing of the log; and by opening the folder once more,
//! and looking at every file in it.

mod book;
mod coordination;
mod counts;
mod ending;
mod events;
mod folder;
mod history;
mod judge;
mod lists;
mod machine;
mod plan;
mod process;
mod queue;
mod reading;
mod turns;
mod world;
mod writing;

pub use counts::{Counts, Happening};

use super::{Failure, Summary};

/// Makes the run of a seed.
///
/// # Errors
/// If the engine fails without a cause, panics, or does what must not be.
pub fn run(seed: u64) -> Result<Summary, Failure> {
    super::attempt("cluster_simulation::", seed, |trace| world::World::new(seed, trace).run())
}
