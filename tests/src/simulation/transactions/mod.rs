//! What transactions of the engine do, drawn as data, and what is known of those that are open.

mod blobs;
mod operation;
mod plan;
mod work;

pub(super) use operation::{Reading, Writing, store_name};
pub(super) use plan::Plan;
pub(super) use work::{InFlight, Reader, Submission, Terms, Work};
