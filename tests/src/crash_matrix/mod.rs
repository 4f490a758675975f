//! Commits over several databases that are interrupted at every moment.
//!
//! A commit is a chain of steps: each other database prepares, the home decides, each other database
//! commits, all of them at once, and one is done before the other; the home writes down the end. No database does anything by itself here, so between any
//! two of *a step is sent*, *it is durable*, and *the coordinator has heard of it* there is a moment
//! at which something can be made to happen: the coordinator crashes, which here is the process that
//! has the home; a participant crashes, which is another process with another disk; all of them do;
//! or the coordinator is away, and others end what it has left behind. Also in the middle of a step,
//! after each call to a disk. In folders that processes share, the coordinator's process ends, and
//! another process finds what it left.
//!
//! Then whoever is left recovers, by a manager that knows nothing but the databases. Afterwards all
//! of them have what was to be committed, or none has; who was told an outcome was told the truth;
//! what was decided was done; nothing is in doubt, and nothing is held.

mod case;
mod site;
mod table;

pub use case::{Case, Event, cases, run};
pub use table::Table;
