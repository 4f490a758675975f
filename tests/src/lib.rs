//! What the tests of SOP share.
//!
//! The tests themselves are in `tests/it`, one binary with a module for each subject. They use
//! the engine through its public face only, with durability on, on the real disk and on the one
//! in memory. Here is what they have in common: [`Home`] is where a database lives and is
//! reopened, [`together`] runs the same work on many threads at once, [`contents`] and
//! [`assert_sound`] look at all of a database, [`history`] records what random transactions saw
//! and judges their isolation, [`Seed`] makes random work repeatable, [`effort`] says how much of
//! it to do, and [`tally`] notes how much was done.
//!
//! Real Redis servers, which `tests/redis` and `tests/cluster` need, are started by [`redis`], and
//! real processes that share a folder by [`crew`].
//!
//! [`tidy`] is the other half: the laws of the source, as a program.

pub mod adds;
pub mod away;
pub mod beside;
pub mod beyond;
pub mod cluster_model;
mod context;
pub mod crash_matrix;
pub mod crew;
pub mod damage;
pub mod eventual;
pub mod families;
pub mod full;
pub mod history;
mod home;
mod image;
pub mod ledger;
mod look;
pub mod merge_model;
pub mod merging;
pub mod model;
pub mod oracle;
mod outcome;
pub mod processors;
pub mod records;
pub mod redis;
mod seed;
pub mod simulation;
pub mod taken_for_dead;
mod tally;
pub mod tidy;
pub mod two_phases;
mod work;
pub mod workload;

pub use context::Context;
pub use home::Home;
pub use image::Image;
pub use look::{
    Contents, Rows, assert_compact, assert_nothing_held, assert_same, assert_sound, contents, rows,
};
pub use outcome::{Failure, Outcome};
pub use seed::Seed;
pub use tally::{effort, skip, tally};
pub use work::{retry, retry_by, together, write};
