//! Processes that share a folder, under load, and whoever disturbs them.
//!
//! A test starts a [`Crew`]: as many real processes as a folder is to be shared by, each with a few
//! threads that commit without a pause. Their work is that of the [`ledger`](crate::ledger), which
//! says exactly what must be there, beside random transactions on [`Lists`](crate::history::Lists),
//! whose history shows isolation. They say through pipes what they are about to commit, and what was
//! acknowledged, once it was. The test kills them, stops them, lets them go on and starts them
//! again; waits for facts, never for a time; and has everything judged in the end.
//!
//! - `words`: what workers say, and how it is written.
//! - `worker`, `shift`, `events`: the side of a worker: the process, one of its threads, and what
//!   the engine warns of.
//! - `child`, `book`: the side of the test: a process that was started, and all that was said.
//! - `folder`: what can be seen of the folder from outside.

mod book;
mod child;
mod company;
mod events;
mod folder;
mod judge;
mod past;
mod shift;
mod words;
mod worker;

pub use child::Post;
pub use company::Crew;
pub use folder::{Folder, open, open_hasty};
pub use judge::Summary;
pub use past::Past;
pub use worker::{Orders, work};

/// How many processes there are.
pub const WORKERS: usize = 4;

/// How many threads of each commit.
pub const THREADS: usize = 3;

/// How many threads of all of them commit.
pub const WRITERS: usize = WORKERS * THREADS;
