//! A life of a database in which everything happens that touches files, on a disk that fails or
//! loses its power; and what must be left of it.
//!
//! A [`Script`] is the work, as data. A [`Run`] does it and notes every state that the database
//! went through, with the number of calls that the disk had had when a state was asked for and
//! when it was promised to be durable. So it is known for every moment which states may be found
//! after a power cut, and [`Left`] is what judges one. [`life`], [`cut_at`] and [`go_wrong`] put these
//! together, for one moment of a life or one fault in it.

mod edit;
mod left;
mod run;
mod script;
mod sweep;

pub use edit::Edit;
pub use left::Left;
pub use run::Run;
pub use script::{Script, Step, Work};
pub use sweep::{cut_at, go_wrong, judge, life, moments};
