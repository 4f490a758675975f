//! The frame that every suite is measured in: arguments, processes, rounds and records.

mod machine;
mod process;
mod record;
mod recorder;
mod suite;

pub(crate) use machine::{Usage, load};
pub(crate) use process::run;
pub(crate) use record::{Record, Unit, parse};
#[cfg(feature = "vectors")]
pub(crate) use recorder::Quality;
pub(crate) use recorder::Recorder;
#[cfg(any(test, feature = "vectors"))]
pub(crate) use recorder::allocated;
pub(crate) use suite::{Common, Suite, seconds};
